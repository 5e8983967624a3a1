"""What Flask holds for a request, with as much of it as this gateway asks for."""

from typing import Any

from flask import Flask, Request
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request


class PlainRequest(Request):
    """Its method, its path and its sender; whatever else somebody asks for is worked out then, and all at once."""

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        self.environ, self.shallow = environ, shallow
        self.method = environ["REQUEST_METHOD"].upper()
        self.remote_addr = environ.get("REMOTE_ADDR")
        path = environ["PATH_INFO"]
        # Others are decoded, or lose slashes.
        if path.isascii() and path.startswith("/") and not path.startswith("//"):
            self.path = path
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    def __getattr__(self, name: str) -> Any:
        if "headers" in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super().__init__(self.environ, populate_request=False, shallow=self.shallow)
        return getattr(self, name)


class PlainContext(RequestContext):
    """The request and the application, entered and left together. Nobody listens to the signals of it."""

    def push(self) -> None:
        app: Flask = self.app
        self._entered = (_cv_request.set(self), _cv_app.set(app.app_context()))
        if self._session is None:
            self._session = app.session_interface.open_session(app, self.request)
        if self.url_adapter is not None:
            self.match_request()

    def pop(self, exc: BaseException | None = None) -> None:
        request, app = self._entered
        _cv_request.reset(request)
        _cv_app.reset(app)
        if "files" in vars(self.request):
            self.request.close()
        # The environ is the request's own: together they would wait for the garbage collection.
        self.request.environ["werkzeug.request"] = None
