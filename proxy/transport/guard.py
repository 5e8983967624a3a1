"""The address guard: the one choke point for destinations that a client named.

A client may name any public address over http or https, on any port. The name is resolved once, all its addresses must
be public, and the connection is made to these and no others; TLS is verified with the name. The operator's exceptions:

- `host`: this name or address, on every port; `host:port`: on this port alone.
- `*.example.com`, `*.example.com:port`: every name below example.com, at any depth, but not example.com.
- `*`, `*:port`: every host. An IPv6 address with a port is written `[::1]:8080`.

An exception is for the host as it is written in the URL: a name is not admitted because an address that it resolves to
is listed, nor an address because its name is. It lifts the rule on addresses; the rules on spelling always hold.
"""

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

import idna

from proxy.errors import APIConnectionError, BadRequestError
from proxy.transport.addresses import is_public
from proxy.transport.clocks import Stopwatch
from proxy.transport.origin import MAX_URL
from proxy.transport.resolve import resolve as resolve_name

Resolve = Callable[[str, int, Stopwatch], Sequence[str]]

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# What inet_aton, and with it many resolvers, would take for a part of an address: decimal, octal or hexadecimal.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
_LONGEST_SHOWN = 100
_KEPT_SPELLINGS = 256


class Target(NamedTuple):
    """A destination whose spelling is in order. `host` is in lower case and ASCII, an IPv6 address without brackets.

    `spelled` is the host and port as the client wrote them; `allowed` says that the operator lists it as an exception.
    """

    scheme: str
    host: str
    port: int
    spelled: str
    allowed: bool


class Exemption(NamedTuple):
    """One entry of the operator's list: `host` may be `*` or begin with `*.`; without a port it is for every port."""

    host: str
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.host.startswith("*."):
            return host.endswith(self.host[1:]) and len(host) > len(self.host) - 1
        return self.host in ("*", host)


class Policy(NamedTuple):
    """What a client may name beyond public addresses."""

    exemptions: tuple[Exemption, ...] = ()

    def allows(self, host: str, port: int) -> bool:
        return any(exemption.covers(host, port) for exemption in self.exemptions)


def build_policy(entries: Iterable[str]) -> Policy:
    """The policy of `provider_url_destination_allowed_hosts`. Raises ValueError, naming the entry, for nonsense."""
    return Policy(tuple(_parse_entry(entry) for entry in entries))


def check_url(url: str, policy: Policy) -> Target:
    """The destination of a URL that a client sent. Raises BadRequestError for one that is not plainly spelled."""
    matched = _URL.match(url)
    if matched is None:
        raise BadRequestError("the URL needs http:// or https:// and a host", param="api_base")
    authority = matched["authority"]
    spelled = authority.rpartition("@")[2]
    if len(url) > MAX_URL:
        raise _refusal("the URL", "it is too long")
    if _FORBIDDEN.search(url):
        raise _refusal("the URL", "it holds whitespace, control characters or backslashes")
    if "@" in authority:
        raise _refusal(spelled, "credentials do not belong into a URL")
    try:
        host, port = _parse_authority(authority)
    except ValueError as exception:
        raise _refusal(spelled, str(exception)) from None
    scheme = matched["scheme"].lower()
    number = _PORTS[scheme] if port is None else port
    return Target(scheme, host, number, spelled, policy.allows(host, number))


def check_addresses(target: Target, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses to connect to, IPv4 first. Raises BadRequestError unless all are public, or it is an exception."""
    if not addresses or not (target.allowed or all(is_public(address) for address in addresses)):
        raise _not_public(target)
    return tuple(sorted(addresses, key=lambda address: (":" in address, address)))


class Guard:
    """Admits destinations. `resolve` is called once for each, each time: only what a spelling means is remembered."""

    def __init__(self, policy: Policy = Policy(), resolve: Resolve = resolve_name) -> None:  # noqa: B008 - frozen
        self._check_url = lru_cache(maxsize=_KEPT_SPELLINGS)(lambda url: check_url(url, policy))
        self._resolve = resolve

    def admit(self, url: str, stopwatch: Stopwatch) -> tuple[Target, tuple[str, ...]]:
        """The destination and its checked addresses. Raises BadRequestError, Timeout, APIConnectionError.

        A name that does not exist and one that leads inside give the same error: the answer must not be a way to
        ask about the operator's network.
        """
        target = self._check_url(url)
        try:
            addresses = self._resolve(target.host, target.port, stopwatch)
        except socket.gaierror as exception:
            if exception.errno == socket.EAI_AGAIN:
                raise APIConnectionError(
                    f"could not connect to {target.spelled}: its name could not be resolved for now"
                ) from exception
            raise _not_public(target) from exception
        return target, check_addresses(target, addresses)


def _parse_authority(authority: str) -> tuple[str, int | None]:
    """Host and port. Raises ValueError with the reason for a host that is spelled in any unusual way."""
    matched = _AUTHORITY.fullmatch(authority)
    if matched is None:
        raise ValueError("this is not a host and a port")
    port = None if matched["port"] is None else int(matched["port"])
    if port is not None and not 0 < port < 65536:
        raise ValueError("there is no such port")
    return _parse_host(matched["host"]), port


def _parse_host(host: str) -> str:
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except AddressValueError:
            raise ValueError("this is not an IPv6 address") from None
    if host.isascii():
        return _parse_name(host.lower(), numeric=True)
    try:
        encoded = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError("this is not a host name") from None
    return _parse_name(encoded, numeric=False)


def _parse_name(name: str, *, numeric: bool) -> str:
    """A name, or with `numeric` also an IPv4 address, in its one usual spelling."""
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("this is not a host name")
    if not _NUMBER.fullmatch(labels[-1]):
        return name
    try:
        address = str(IPv4Address(name))
    except AddressValueError:
        address = ""
    if not numeric or not address:
        raise ValueError("an IPv4 address is written as four plain decimal numbers")
    return address


def _parse_entry(entry: str) -> Exemption:
    text = entry.strip()
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    wildcard = "*." if text.startswith("*.") else ""
    try:
        if text == "*" or text.startswith("*:"):
            return Exemption("*", _parse_authority(text.replace("*", "any", 1))[1])
        host, port = _parse_authority(text.removeprefix(wildcard))
    except ValueError as exception:
        raise ValueError(f"{entry!r} is not a host, host:port or wildcard: {exception}") from None
    return Exemption(wildcard + host, port)


def _not_public(target: Target) -> BadRequestError:
    return _refusal(target.spelled, "it does not lead to a public address")


def _refusal(spelled: str, why: str) -> BadRequestError:
    return BadRequestError(f"{spelled[:_LONGEST_SHOWN]} cannot be called: {why}", param="api_base")
