"""What the fast path replaces, as one value; PLAIN is stock Flask and gunicorn, by their public names only."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from flask import Flask, Request, Response, current_app, g, request

Pairs = list[tuple[str, str]]


class RequestContext(Protocol):
    @property
    def request(self) -> Request: ...


class AppContext(Protocol):
    """`g` holds what belongs to the current request."""

    @property
    def app(self) -> Flask: ...

    @property
    def g(self) -> Any: ...


class PublicContext(NamedTuple):
    """Flask's proxies. They lead to the current request whenever they are used."""

    request: Request
    app: Flask
    g: Any


class Parts(NamedTuple):
    """`response` builds a 200 from a body (or the pieces of a stream, whose `close` the server calls), its content type
    and further headers. `install` prepares a gunicorn worker; `mounted`: the application is below a path (SCRIPT_NAME).
    """

    app_class: type[Flask]
    response: Callable[[bytes | Iterable[bytes], str, Pairs], Response]
    request_context: Callable[[], RequestContext]
    app_context: Callable[[], AppContext]
    install: Callable[[Any, bool], None]


_PUBLIC = PublicContext(request, current_app, g)


def build_response(body: bytes | Iterable[bytes], content_type: str, headers: Pairs) -> Response:
    return Response(body, headers=[("Content-Type", content_type), *headers], direct_passthrough=True)


def leave_as_is(worker: Any, mounted: bool) -> None:
    """Stock gunicorn needs nothing."""


PLAIN = Parts(Flask, build_response, lambda: _PUBLIC, lambda: _PUBLIC, leave_as_is)
