"""Who asks, and under which id: the call id of each request and the key that it must show."""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address
from typing import Any

from flask import Flask, Request, g, has_request_context

from proxy.domain.requester import Key
from proxy.domain.secrets import Secret
from proxy.errors import AuthenticationError
from proxy.runtime import Runtime
from proxy.web.current import Caller, current_request, note_caller

_CALL_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def environ_name(header: str) -> str:
    """A header as a WSGI environ names it."""
    return "HTTP_" + header.upper().replace("-", "_")


# Where clients put their key; the first that is there counts.
KEY_HEADERS = tuple(
    environ_name(header)
    for header in (
        "x-litellm-api-key",
        "authorization",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "ocp-apim-subscription-key",
    )
)
# How nearly all of them write it, and how it may be written.
_BEARER = "Bearer "
_SCHEME = re.compile(r"(?:bearer|basic)\s+", re.IGNORECASE)

View = Callable[..., Any]


def public(view: View) -> View:
    """Mark a view that needs no key. Everything else does, as soon as there is a master key."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


NO_KEY = Key()


def current_call_id() -> str | None:
    """The call that this thread or greenlet serves, for the log."""
    return g.caller.call_id if has_request_context() and "caller" in g else None


def key_facts(master_key: Secret | None) -> Key:
    """What records tell of the one key that there is."""
    return Key("master", hashlib.sha256(master_key.encode()).hexdigest()) if master_key else NO_KEY


def install(
    app: Flask,
    runtime: Runtime,
    master_key: Secret | None,
    key_header: str | None = None,
    *,
    facts: Key = NO_KEY,
    open_views: Collection[str] = (),
) -> None:
    """Give each request its ids and let only those in that show the key.

    `facts` is what records tell of it; `open_views` are endpoints that the operator has opened to everybody.
    """
    expected = master_key.encode() if master_key else None
    names = (environ_name(key_header),) if key_header else KEY_HEADERS

    @app.before_request
    def identify() -> None:
        request = current_request()
        environ = request.environ
        given = environ.get("HTTP_X_LITELLM_CALL_ID")
        call_id = given if given and _CALL_ID.fullmatch(given) else runtime.new_id()
        given = environ.get("HTTP_X_REQUEST_ID")
        request_id = given if given and _CALL_ID.fullmatch(given) else call_id
        caller = Caller(call_id, request_id, runtime.monotonic(), facts)
        note_caller(caller)
        if expected is None:
            check_address(request.remote_addr)
            return
        try:
            check_key(environ, expected, names)
        except AuthenticationError:
            note_caller(caller._replace(key=NO_KEY))
            if not is_open(request):
                raise

    def is_open(request: Request) -> bool:
        """What is nowhere needs no key, nor does a browser that asks whether it may ask (see web/browsers)."""
        if request.url_rule is None or request.method == "OPTIONS":
            return True
        endpoint = request.url_rule.endpoint
        return endpoint in open_views or getattr(app.view_functions[endpoint], "is_public", False)


def check_address(address: str | None) -> None:
    """Without a key only this machine is served, however the server was bound. A Unix socket has no address."""
    if address and address != "127.0.0.1" and not ip_address(address).is_loopback:
        raise AuthenticationError("This gateway has no master key, so it serves only its own machine.")


def check_key(environ: Mapping[str, Any], expected: bytes, names: tuple[str, ...] = KEY_HEADERS) -> None:
    """Raise AuthenticationError unless one of a WSGI environ's headers carries the key; compared in constant time."""
    for name in names:
        given: str | None = environ.get(name)
        if given:
            break
    else:
        raise AuthenticationError(
            "No API key was sent. Send it as 'Authorization: Bearer <key>', 'api-key' or 'x-api-key'.",
            code="missing_api_key",
        )
    bare = given[len(_BEARER) :] if given.startswith(_BEARER) else _SCHEME.sub("", given.strip(), count=1)
    if not hmac.compare_digest(bare.strip().encode(), expected):
        raise AuthenticationError("The API key that was sent is not valid here.", code="invalid_api_key")
