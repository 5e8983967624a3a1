"""Who may see the status page: whoever knows the master key, shown once in a form.

The browser then holds a cookie with an expiry and an HMAC of it under the key: not the key, nothing that is kept here,
and nothing that outlives a change of the key. A program may send the key in a header, as for any other route.
"""

import hmac
import re
from hashlib import sha256
from ipaddress import ip_address

from flask import Request, Response

from proxy.errors import AuthenticationError, PermissionDeniedError
from proxy.web.identity import check_key

COOKIE = "patchbay_status"
SECONDS = 12 * 3600
_COOKIE = re.compile(r"(\d{1,12})\.([0-9a-f]{64})")


def may_view(request: Request, key: bytes | None, now: float) -> bool:
    """`now` is Unix seconds. Without a key the page is for this machine; see `check_host`."""
    if key is None:
        return True
    found = _COOKIE.fullmatch(request.cookies.get(COOKIE, ""))
    if found and int(found[1]) > now and hmac.compare_digest(_sign(key, found[1]), found[2]):
        return True
    try:
        check_key(request.environ, key)
    except AuthenticationError:
        return False
    return True


def check_host(request: Request) -> None:
    """Without a key, only under a name that cannot be turned on us: a web site can let its own name mean this machine."""
    name = request.host.rpartition(":")[0] if re.search(r":\d+$", request.host) else request.host
    if name == "localhost":
        return
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        raise PermissionDeniedError("Without a master key the page answers only to localhost or an address.") from None


def is_key(given: str, key: bytes) -> bool:
    return hmac.compare_digest(given.strip().encode(), key)


def remember(response: Response, request: Request, key: bytes, now: float) -> None:
    """Let the browser in until the cookie expires."""
    expires = str(int(now) + SECONDS)
    response.set_cookie(
        COOKIE,
        f"{expires}.{_sign(key, expires)}",
        max_age=SECONDS,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")


def _sign(key: bytes, expires: str) -> str:
    return hmac.new(key, f"patchbay status page until {expires}".encode(), sha256).hexdigest()
