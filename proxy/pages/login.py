"""Access to the status page: by the master key, entered once in a form.

The browser then holds a cookie with an expiry, a random part and an HMAC of both under the key: not the key, and nothing
that outlives a change of the key or a logout. A program may send the key in a header, as for any other route.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import NamedTuple

from flask import Request, Response

from proxy.errors import AuthenticationError
from proxy.host.ended_sessions import EndedSessions
from proxy.web.identity import check_key

COOKIE = "patchbay_status"
SECONDS = 12 * 3600
_COOKIE = re.compile(r"(\d{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


def may_view(request: Request, key: bytes | None, now: float, ended: EndedSessions) -> bool:
    """`now` is Unix seconds. Without a key the page is for this machine; see web/local_access."""
    if key is None:
        return True
    session = _session(request, key)
    if session is not None and session.expires > now and session.signature not in ended:
        return True
    try:
        check_key(request.environ, key)
    except AuthenticationError:
        return False
    return True


def is_key(given: str, key: bytes) -> bool:
    return hmac.compare_digest(given.strip().encode(), key)


def remember(response: Response, request: Request, key: bytes, now: float) -> None:
    """Let the browser in until the cookie expires."""
    content = f"{int(now) + SECONDS}.{secrets.token_hex(16)}"
    response.set_cookie(
        COOKIE,
        f"{content}.{_sign(key, content)}",
        max_age=SECONDS,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def forget(response: Response, request: Request, key: bytes | None, now: float, ended: EndedSessions) -> None:
    """End the session: a copy of the cookie opens nothing any more."""
    session = _session(request, key) if key is not None else None
    if session is not None and session.expires > now:
        ended.end(session.signature, session.expires, now)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")


class _Session(NamedTuple):
    expires: int
    signature: str


def _session(request: Request, key: bytes) -> _Session | None:
    """What the request's cookie shows; None for none, and for one that was not made here."""
    found = _COOKIE.fullmatch(request.cookies.get(COOKIE, ""))
    if found is None or not hmac.compare_digest(_sign(key, f"{found[1]}.{found[2]}"), found[3]):
        return None
    return _Session(int(found[1]), found[3])


def _sign(key: bytes, content: str) -> str:
    return hmac.new(key, f"patchbay status page until {content}".encode(), sha256).hexdigest()
