"""The head of a request as bytes: the header lines that HTTP needs, around those that the provider's file wrote."""

from collections.abc import Mapping

from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError
from proxy.transport.origin import Destination, Origin

# These say how the message is carried, which is for us to say: two opinions on a message's length are a way to smuggle
# a second request into it.
_OURS = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade"}
)  # fmt: skip


def complete_headers(request: WireRequest, destination: Destination, user_agent: str) -> dict[str, str]:
    """The request's headers with what is missing; a name occurs once, in lower case. BadRequestError for bad ones."""
    headers = {lower: value for name, value in request.headers.items() if (lower := name.lower()) not in _OURS}
    if request.guarded:
        # Whom we call, and whom we say that we call, is one thing when a client decides.
        headers.pop("host", None)
    _check(headers)
    headers.setdefault("user-agent", user_agent)
    headers.setdefault("accept-encoding", _encodings(headers))
    if destination.basic is not None:
        headers.setdefault("authorization", destination.basic)
    if request.body or request.method not in ("GET", "HEAD"):
        headers["content-length"] = str(len(request.body))
    return headers


def build_head(method: str, origin: Origin, target: str, headers: Mapping[str, str]) -> bytes:
    """Request line and headers, with the empty line."""
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in headers:
        lines.append(f"host: {origin.authority}")
    lines.extend([f"{name}: {value}" for name, value in headers.items()])
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


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
