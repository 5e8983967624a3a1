"""Flask without what this gateway has no use for: sessions, hooks of blueprints, a search for paths that are plain text."""

from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

from proxy.web.current import current_request


class NoSessions(SessionInterface):
    """One empty session for everybody."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._none


class FoundRule(MapAdapter):
    """What a search of the URL map would find for a path that one rule spells out."""

    def __init__(self, rule: Rule) -> None:
        self._found: tuple[Rule, dict[str, Any]] = (rule, {})

    def match(self, *_: Any, **__: Any) -> tuple[Rule, dict[str, Any]]:
        return self._found


class Application(Flask):
    """Hooks belong to the application as a whole, and views are plain functions."""

    session_interface = NoSessions()
    _known: dict[tuple[str, str], FoundRule] | None = None

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is not None:
            if self._known is None:
                self._known = self._spelled_out()
            found = self._known.get((request.environ["PATH_INFO"], request.environ["REQUEST_METHOD"]))
            if found is not None:
                return found
        return super().create_url_adapter(request)

    def ensure_sync(self, func: Any) -> Any:
        return func

    def preprocess_request(self) -> Any:
        for hook in self.before_request_funcs[None]:
            answer = hook()
            if answer is not None:
                return answer
        return None

    def dispatch_request(self) -> Any:
        request = current_request()
        rule = request.url_rule
        if rule is None or request.method == "OPTIONS":
            return super().dispatch_request()
        return self.view_functions[rule.endpoint](**(request.view_args or {}))

    def process_response(self, response: Response) -> Response:
        for hook in reversed(self.after_request_funcs[None]):
            response = hook(response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Nobody waits for a request's end here: what a call holds, its answer's `close` gives back."""

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """As above."""

    def _spelled_out(self) -> dict[tuple[str, str], FoundRule]:
        """Path and method to rule, for the rules without a variable part."""
        return {
            (rule.rule, method): FoundRule(rule)
            for rule in self.url_map.iter_rules()
            for method in (rule.methods or set()) - {"OPTIONS"}
            if not rule.arguments
        }
