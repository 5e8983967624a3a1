"""Where a request goes: the identity under which connections are kept, and the rest of the URL."""

import base64
import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import idna
from requests.exceptions import InvalidURL
from requests.utils import requote_uri

# Servers take between 8 and 64 KiB; a client's model name or address can be part of a URL.
MAX_URL = 16 * 1024
_PORTS = {"http": 80, "https": 443}
# A name that a client gives may become a step of the path: it must not lead out of its place.
_DOTS = re.compile(r"/\.{1,2}(?:/|$)")


class Origin(NamedTuple):
    """Connections are shared by requests whose Origin is equal.

    `host` is in its ASCII form. `pinned` are the addresses that the guard has checked: with them no name is resolved,
    and no connection of an unguarded request is used. `verify` and `cert` are as for requests.
    """

    scheme: str
    host: str
    port: int
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    pinned: tuple[str, ...] | None = None

    @property
    def authority(self) -> str:
        """As in the `host` header: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Destination(NamedTuple):
    """A URL taken apart: `target` is the request line's path and query, `basic` its userinfo as a header's value."""

    scheme: str
    host: str
    port: int
    target: str
    basic: str | None


def split_url(url: str) -> Destination:
    """The parts of an http or https URL. Raises InvalidURL, whose message does not hold the URL."""
    if len(url) > MAX_URL:
        raise InvalidURL("the URL is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except ValueError:
        raise InvalidURL("the URL cannot be read") from None
    if parts.scheme not in _PORTS or not host:
        raise InvalidURL("the URL needs http or https and a host")
    if _DOTS.search(parts.path):
        raise InvalidURL("the URL's path has dots for steps")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        target = requote_uri(target)
    return Destination(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, target, _basic(parts))


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    encoded: bytes = idna.encode(host, uts46=True)
    return encoded.decode("ascii")


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
