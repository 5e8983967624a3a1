"""CORS: which web pages may use the gateway, and the headers that allow it."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, request

from proxy.errors import PermissionDeniedError
from proxy.web.current import current_request

ANY = "*"
# Origins of desktop programs: no website can have one.
_PROGRAMS = frozenset({"app", "file", "tauri", "vscode-file", "vscode-webview"})
_PREFLIGHT_SECONDS = "600"


def install(app: Flask, origins: Sequence[str] | None, has_key: bool) -> None:
    """Let pages of `origins` in. None: with a key any page, for it has to show the key; without one pages of this machine.

    A page that is not allowed can't read answers; where no key keeps it from asking, it is refused as well.
    """
    allowed = build_allowed(origins, has_key)

    @app.before_request
    def answer_preflight() -> Response | None:
        origin = current_request().environ.get("HTTP_ORIGIN")
        if origin is None:
            return None
        if allowed(origin):
            return _preflight() if _is_preflight() else None
        if not has_key:
            raise PermissionDeniedError(
                "This gateway has no master key, so pages of other sites may not use it; "
                "general_settings.cors_allow_origins names those that may.",
                code="origin_not_allowed",
            )
        return None

    @app.after_request
    def add_cors_headers(response: Response) -> Response:
        origin = current_request().environ.get("HTTP_ORIGIN")
        if origin is not None and allowed(origin):
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-expose-headers"] = "*"
            response.headers.add("vary", "Origin")
        return response


def build_allowed(origins: Sequence[str] | None, has_key: bool) -> Callable[[str], bool]:
    """Whether pages of an origin may use the gateway."""
    if origins is None and not has_key:
        return is_local
    named = (ANY,) if origins is None else tuple(origins)
    return lambda origin: ANY in named or origin in named


def is_local(origin: str) -> bool:
    """True for pages that this machine serves, and for desktop programs. `null`, which any page can be, is neither."""
    try:
        parts = urlsplit(origin)
        if parts.scheme in _PROGRAMS:
            return True
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _preflight() -> Response:
    """A browser's preflight request, which has no key."""
    return Response(
        status=204,
        headers={
            "access-control-allow-methods": "GET, POST, OPTIONS",
            "access-control-allow-headers": request.headers.get("Access-Control-Request-Headers", ANY),
            "access-control-max-age": _PREFLIGHT_SECONDS,
            "vary": "Access-Control-Request-Headers",
        },
    )
