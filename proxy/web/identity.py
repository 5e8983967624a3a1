"""Identity: the ids of each request, and the key that it must show: the master key or a virtual one."""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

from flask import Flask, Request, g, has_request_context

from proxy.accounts.check import RequestFacts, find_refusal
from proxy.accounts.key_form import hash_key
from proxy.dialects.gemini import GEMINI_DIALECT
from proxy.domain.account import Account
from proxy.domain.requester import NO_KEY, Key
from proxy.domain.secrets import Secret
from proxy.errors import AuthenticationError, GatewayError
from proxy.runtime import Runtime
from proxy.web.current import Caller, current_caller, current_request, note_caller

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
FindAccount = Callable[[str], Account | None]


def public(view: View) -> View:
    """Mark a view that needs no key. Everything else does, as soon as there is a master key."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def current_call_id() -> str | None:
    """The call that this thread or greenlet serves, for the log."""
    return g.caller.call_id if has_request_context() and "caller" in g else None


def key_facts(master_key: Secret | None) -> Key:
    """What records show of the master key."""
    return Key("master", hashlib.sha256(master_key.encode()).hexdigest()) if master_key else NO_KEY


def install(
    app: Flask,
    runtime: Runtime,
    master_key: Secret | None,
    find_account: FindAccount = lambda _token: None,
    *,
    facts: Key = NO_KEY,
    open_views: Collection[str] = (),
) -> None:
    """Give each request its ids and let only those in that show a key, the master key or a virtual one.

    What the headers alone forbid is refused here, before the body is read. `find_account` is asked by a key's hash.
    `facts` is what records show of the master key; `open_views` are endpoints that need no key.
    """
    expected = master_key.encode() if master_key else None

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
            key = read_key(environ)
            if not hmac.compare_digest(key, expected):
                identify_virtual(request, caller, key)
        except GatewayError:
            if current_caller().key is facts:
                note_caller(caller._replace(key=NO_KEY))
            if not is_open(request):
                raise

    def identify_virtual(request: Request, caller: Caller, key: bytes) -> None:
        """Note the account of a virtual key. Raise GatewayError for an unknown key, and for what it may not do."""
        account = find_account(hash_key(key.decode())) if key.startswith(b"sk-") else None
        if account is None:
            raise AuthenticationError("The API key that was sent is not valid here.", code="invalid_api_key")
        note_caller(caller._replace(key=account.shown, account=account))
        # Only what is served has a route that can be forbidden.
        if request.url_rule is not None:
            refusal = find_refusal(account, RequestFacts(request.path, request.method, runtime.now()))
            if refusal is not None:
                raise refusal

    def is_open(request: Request) -> bool:
        """Unknown paths (404) and CORS preflights need no key."""
        if request.url_rule is None or request.method == "OPTIONS":
            return True
        endpoint = request.url_rule.endpoint
        return endpoint in open_views or getattr(app.view_functions[endpoint], "is_public", False)


def check_address(address: str | None) -> None:
    """Without a key only this machine is served, however the server was bound. A Unix socket has no address."""
    if address and address != "127.0.0.1" and not ip_address(address).is_loopback:
        raise AuthenticationError("This gateway has no master key, so it serves only its own machine.")


def check_key(environ: Mapping[str, Any], expected: bytes) -> None:
    """Raise AuthenticationError unless a WSGI environ shows this key; compared in constant time."""
    if not hmac.compare_digest(read_key(environ), expected):
        raise AuthenticationError("The API key that was sent is not valid here.", code="invalid_api_key")


def read_key(environ: Mapping[str, Any]) -> bytes:
    """The key that a WSGI environ's headers show. Raise AuthenticationError if there is none."""
    for name in KEY_HEADERS:
        given: str | None = environ.get(name)
        if given:
            break
    else:
        given = _key_in_query(environ)
    if not given:
        raise AuthenticationError(
            "No API key was sent. Send it as 'Authorization: Bearer <key>', 'api-key' or 'x-api-key'.",
            code="missing_api_key",
        )
    bare = given[len(_BEARER) :] if given.startswith(_BEARER) else _SCHEME.sub("", given.strip(), count=1)
    return bare.strip().encode()


def _key_in_query(environ: Mapping[str, Any]) -> str | None:
    """`?key=`, where Google's clients may put it; nowhere else, for addresses are logged on the way."""
    query = environ.get("QUERY_STRING")
    if not query or "key=" not in query or not GEMINI_DIALECT.owns(environ.get("PATH_INFO", "")):
        return None
    return next(iter(parse_qs(query).get("key", ())), None)
