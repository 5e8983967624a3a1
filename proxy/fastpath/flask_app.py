"""Flask without what this gateway does not use: sessions, signals, blueprint hooks, and a search of the URL map for paths
without a variable part."""

from typing import Any

from flask import Flask, Request, Response
from flask.globals import _cv_request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

from proxy.fastpath.flask_context import FastContext, LazyRequest


class NoSessions(SessionInterface):
    """One empty session for all requests."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._none


class FoundRule(MapAdapter):
    """The result of searching the URL map for a path that is exactly one rule's text."""

    def __init__(self, rule: Rule) -> None:
        self._found: tuple[Rule, dict[str, Any]] = (rule, {})

    def match(self, *_: Any, **__: Any) -> tuple[Rule, dict[str, Any]]:
        return self._found


class FastFlask(Flask):
    """Hooks belong to the application as a whole, and views are plain functions."""

    session_interface = NoSessions()
    request_class = LazyRequest
    _fixed_paths: dict[tuple[str, str], FoundRule] | None = None

    def request_context(self, environ: dict[str, Any]) -> FastContext:
        return FastContext(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """None without a request: no URLs are built here."""
        if request is None:
            return None
        if self._fixed_paths is None:
            self._fixed_paths = self._find_fixed_paths()
        found = self._fixed_paths.get((request.environ["PATH_INFO"], request.environ["REQUEST_METHOD"]))
        return found or super().create_url_adapter(request)

    def ensure_sync(self, func: Any) -> Any:
        return func

    def full_dispatch_request(self) -> Response:
        self._got_first_request = True
        try:
            answer = self.preprocess_request()
            if answer is None:
                answer = self.dispatch_request()
        except Exception as error:  # noqa: BLE001  the registered error handlers answer it
            answer = self.handle_user_exception(error)
        return self.finalize_request(answer)

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        if from_error_handler or not isinstance(rv, Response):
            return super().finalize_request(rv, from_error_handler)
        return self.process_response(rv)

    def preprocess_request(self) -> Any:
        for hook in self.before_request_funcs[None]:
            answer = hook()
            if answer is not None:
                return answer
        return None

    def dispatch_request(self) -> Any:
        request = _cv_request.get().request
        rule = request.url_rule
        if rule is None or request.method == "OPTIONS":
            return super().dispatch_request()
        return self.view_functions[rule.endpoint](**(request.view_args or {}))

    def process_response(self, response: Response) -> Response:
        for hook in reversed(self.after_request_funcs[None]):
            response = hook(response)
        return response

    def _find_fixed_paths(self) -> dict[tuple[str, str], FoundRule]:
        """Path and method to rule, for the rules without a variable part."""
        return {
            (rule.rule, method): FoundRule(rule)
            for rule in self.url_map.iter_rules()
            for method in (rule.methods or set()) - {"OPTIONS"}
            if not rule.arguments
        }
