"""Flask's request and request context, with as much of them as this gateway uses."""

from typing import Any

from flask import Flask, Request
from flask.ctx import RequestContext
from flask.globals import _cv_app, _cv_request


class LazyRequest(Request):
    """Sets only method, path and remote address; the first access to anything else runs Flask's own `__init__`."""

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        self.environ, self.shallow = environ, shallow
        self.method = environ["REQUEST_METHOD"].upper()
        self.remote_addr = environ.get("REMOTE_ADDR")
        path = environ["PATH_INFO"]
        # Flask decodes other paths, or removes slashes.
        if path.isascii() and path.startswith("/") and not path.startswith("//"):
            self.path = path
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    def __getattr__(self, name: str) -> Any:
        if "headers" in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super().__init__(self.environ, populate_request=False, shallow=self.shallow)
        return getattr(self, name)


class FastContext(RequestContext):
    """Pushes and pops the request and the application together. It sends no signals."""

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
        # Request and environ refer to each other: only the garbage collector would free them.
        self.request.environ["werkzeug.request"] = None
