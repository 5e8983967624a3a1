"""The head of a request as bytes: the header lines that HTTP needs, around those that the provider's file wrote."""

from collections.abc import Mapping, Sized
from typing import NamedTuple

from requests.structures import CaseInsensitiveDict

from proxy.errors import BadRequestError
from proxy.transport.origin import Destination, Origin

# These frame the message, and only this module sets them: two framings of one message are a way to smuggle
# a second request into it.
_OURS = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade"}
)  # fmt: skip


class Envelope(NamedTuple):
    """What requests have in common that differ in nothing but their bodies.

    `start` is the request line and the headers, but for the body's length and the empty line. `headers` are the same
    for code that reads it as one of requests' own.
    """

    method: str
    url: str
    origin: Origin
    start: bytes
    headers: CaseInsensitiveDict[str]

    def head(self, content: Sized) -> bytes:
        """The whole head of the request with this body."""
        if content or self.method not in ("GET", "HEAD"):
            return b"%bcontent-length: %d\r\n\r\n" % (self.start, len(content))
        return self.start + b"\r\n"


def build_envelope(
    method: str, url: str, origin: Origin, destination: Destination, headers: Mapping[str, str]
) -> Envelope:
    """`headers` are complete."""
    lines = [f"{method} {destination.target} HTTP/1.1"]
    if "host" not in headers:
        lines.append(f"host: {origin.authority}")
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    start = ("\r\n".join(lines) + "\r\n").encode("latin-1")
    return Envelope(method, url, origin, start, CaseInsensitiveDict(headers))


def complete_headers(
    given: Mapping[str, str], destination: Destination, user_agent: str, *, guarded: bool
) -> dict[str, str]:
    """The headers with what is missing, but for the body's length; a name occurs once, in lower case.

    Raises BadRequestError for what HTTP can't carry.
    """
    headers = {lower: value for name, value in given.items() if (lower := name.lower()) not in _OURS}
    if guarded:
        # The address and the Host header must agree when a client chooses them.
        headers.pop("host", None)
    _check(headers)
    headers.setdefault("user-agent", user_agent)
    headers.setdefault("accept-encoding", _encodings(headers))
    if destination.basic is not None:
        headers.setdefault("authorization", destination.basic)
    return headers


def _check(headers: Mapping[str, str]) -> None:
    """A line break in a value would be a header of the sender's own choice; keys from files often end in one."""
    for name, value in headers.items():
        if not name.isascii() or not name.isprintable() or " " in name or ":" in name or not name:
            raise BadRequestError("a request header has a name that HTTP does not allow")
        if "\n" in value or "\r" in value or "\0" in value:
            raise BadRequestError(f"the value of the request header {name} holds a line break or NUL")
        if not value.isascii() and any(character > "\xff" for character in value):
            raise BadRequestError(f"the value of the request header {name} holds characters that HTTP cannot carry")


def _encodings(headers: Mapping[str, str]) -> str:
    """Plain answers may be compressed; in a stream, compression would hold events back."""
    return "gzip, deflate" if headers.get("accept") == "application/json" else "identity"
