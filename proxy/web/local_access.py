"""Without a master key: only programs and pages of this machine are served, directly and under a name that is this machine's.

Every process of the machine can reach a loopback address, and so can web sites (a name of theirs may resolve to it) and
whatever a proxy lets through. A request's headers show both.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from flask import Flask

from proxy.errors import PermissionDeniedError
from proxy.web.current import current_request

# A proxy in front adds one of them: the request may then come from any machine.
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP")
# A link from another site may open these pages; they show nothing to the site, and cost nothing.
_PAGES = frozenset({"/", "/status"})
_PORT = re.compile(r":[0-9]{1,5}\Z")
_HINT = "Set general_settings.master_key or LITELLM_MASTER_KEY to serve others."


def install(app: Flask, allowed: Callable[[str], bool]) -> None:
    """Refuse what is not this machine's. `allowed`: whether pages of an origin may use the gateway."""

    @app.before_request
    def check_local() -> None:
        request = current_request()
        check(request.environ, request.path, allowed)


def check(environ: Mapping[str, Any], path: str, allowed: Callable[[str], bool]) -> None:
    """Raise PermissionDeniedError for a foreign Host, a request through a proxy, and another site's request."""
    host = environ.get("HTTP_HOST")
    if host and not is_local_host(host):
        raise PermissionDeniedError(
            f"Without a master key the gateway answers only to localhost or an address. {_HINT}",
            code="host_not_allowed",
        )
    for name in _FORWARDED:
        if name in environ:
            raise PermissionDeniedError(
                f"Without a master key the gateway serves no proxies. {_HINT}", code="proxy_not_allowed"
            )
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and not _is_invited(environ, path, allowed):
        raise PermissionDeniedError(
            f"Without a master key the gateway serves no other site's requests. {_HINT}", code="origin_not_allowed"
        )


@lru_cache(maxsize=64)
def is_local_host(host: str) -> bool:
    """True for localhost and for addresses, with or without a port: a web site's own name can be made to mean this machine."""
    name = _PORT.sub("", host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_invited(environ: Mapping[str, Any], path: str, allowed: Callable[[str], bool]) -> bool:
    """Pages that the configuration names may ask anything; a link from anywhere may open a page for people."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        return allowed(origin)
    navigates = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and environ["REQUEST_METHOD"] == "GET"
    return navigates and path in _PAGES
