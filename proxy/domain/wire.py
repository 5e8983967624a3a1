"""What goes to a provider and what comes back, before anything is understood of it."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from proxy.host.spool import StoredContent


class Pieces:
    """A long body in the pieces in which it is sent: what stays of the client's own is not copied.

    `len()` and `bytes()` are those of the whole. Of the pieces that are short, neighbours are one.
    """

    __slots__ = ("_length", "pieces")
    SHORT = 16 * 1024

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        groups = itertools.groupby(pieces, lambda piece: len(piece) <= self.SHORT)
        self.pieces: list[bytes | memoryview] = []
        for short, group in groups:
            self.pieces += [b"".join(group)] if short else group
        self._length = sum(map(len, self.pieces))

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)


class StoredPieces(Pieces):
    """A body of which parts are stored: read from the disk as they are sent, each time anew."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[bytes | StoredContent]) -> None:
        self._parts = tuple(parts)
        self._length = sum(part.size if isinstance(part, StoredContent) else len(part) for part in self._parts)

    @property
    def pieces(self) -> Iterator[bytes]:  # type: ignore[override]
        for part in self._parts:
            if isinstance(part, StoredContent):
                yield from part.blocks()
            else:
                yield part

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)


Content = bytes | Pieces


class WireRequest(NamedTuple):
    """One HTTP request. `guarded` marks a destination that a client named: the address guard looks at it.

    `verify` is True, False or a file of certificate authorities; None is the transport's own. It does not count for a
    guarded request.
    `cacheable` is false where no other request has the same headers, or they hold a client's own key: they are not kept.
    """

    url: str
    body: Content
    headers: Mapping[str, str]
    method: str = "POST"
    guarded: bool = False
    cacheable: bool = True
    verify: bool | str | None = None

    def __repr__(self) -> str:
        """Without body and headers, which hold prompts and credentials."""
        return (
            f"WireRequest(url={self.url!r}, method={self.method!r}, guarded={self.guarded}, cacheable={self.cacheable})"
        )


class Clocks(NamedTuple):
    """The limits of one try in seconds; None is unlimited.

    connect: until the connection is open. first: from sending until the answer's first body byte.
    idle: between two reads. total: the whole try. tick: a body that has been silent for so long yields an empty block,
    so that the reader can act on the silence.
    """

    connect: float | None = 10.0
    first: float | None = None
    idle: float | None = None
    total: float | None = None
    tick: float | None = None


class WireResponse(Protocol):
    """A provider's answer whose head has arrived. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read(self) -> bytes:
        """The whole body, bounded in size; the connection is given back."""

    def blocks(self) -> Iterator[bytes]:
        """The body in the blocks in which it arrives; raises as `read` does, ends at the clean end."""

    def close(self) -> None:
        """Give the connection up now; safe to call twice and after the end."""


class Event(NamedTuple):
    """One event of a stream: an SSE event, a line of NDJSON, or a frame of AWS's event stream."""

    data: bytes
    name: str = ""


class Decoder(Protocol):
    """Bytes into events; a fold without I/O."""

    def feed(self, block: bytes) -> list[Event]: ...

    def finish(self) -> list[Event]:
        """What was left when the stream ended."""


class ClientWatch(Protocol):
    """Detects that the client that waits for the answer has left."""

    def gone(self) -> bool: ...

    def fileno(self) -> int | None:
        """The client's socket, to wait on together with the provider's; None where there is none."""


Fetch = Callable[[WireRequest], WireResponse]
