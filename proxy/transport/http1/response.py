"""An answer whose head has arrived, over whichever body brings the bytes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import requests

from proxy.errors import InvalidProviderResponseError
from proxy.transport.failures import WIRE_FAILURES, in_body
from proxy.transport.http1.wait import Wait

_BLOCK = 65536
# No error needs more words.
MAX_ERROR_BYTES = 1024 * 1024
_OK, _REDIRECTS = 200, 300


class Body(Protocol):
    """Where an answer's decoded bytes come from."""

    def read_block(self) -> bytes | None:
        """What has arrived, waiting for at least a byte; empty for a tick of silence, None for the clean end."""

    def close(self) -> None:
        """Give the connection up; after the clean end it has been given back already. Safe to call twice."""


class Reply:
    """The WireResponse of all adapters. Errors that its body raises come out as ours, and close it."""

    __slots__ = ("_body", "_host", "_limit", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: Body, host: str, limit: int) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._host = host
        self._limit = limit

    def read(self) -> bytes:
        """The whole body; InvalidProviderResponseError when it breaks or is longer than the limit.

        An error's body ends where it is too long: its status counts, and its first words.
        """
        try:
            blocks, size = [], 0
            while (block := self._body.read_block()) is not None:
                size += len(block)
                if size > MAX_ERROR_BYTES and not _OK <= self.status < _REDIRECTS:
                    blocks.append(block[: MAX_ERROR_BYTES - size])
                    break
                if size > self._limit:
                    raise InvalidProviderResponseError(f"{self._host} answered with more than {self._limit} bytes")
                blocks.append(block)
        except WIRE_FAILURES as exception:
            raise in_body(exception, self._host, streaming=False) from exception
        finally:
            self._body.close()
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def blocks(self) -> Iterator[bytes]:
        """Blocks as they arrive, empty ones for ticks; TruncatedStreamError when it breaks."""
        try:
            while (block := self._body.read_block()) is not None:
                yield block
        except WIRE_FAILURES as exception:
            raise in_body(exception, self._host, streaming=True) from exception
        finally:
            self._body.close()

    def close(self) -> None:
        self._body.close()


class LibraryBody:
    """The body of an answer that `requests` gave: behind a proxy, or from a test double of a provider.

    The clocks are the socket's timeout, set before each read: they hold for each wait rather than for the byte. Ticks
    are not to be had from it.
    """

    def __init__(self, response: requests.Response, wait: Wait) -> None:
        self._response = response
        self._wait = wait
        wait.stopwatch.begin("first")

    def read_block(self) -> bytes | None:
        self._wait.check()
        connected = getattr(getattr(self._response.raw, "connection", None), "sock", None)
        if connected is not None:
            connected.settimeout(self._wait.stopwatch.left())
        block: bytes = self._response.raw.read1(_BLOCK, decode_content=True)
        self._wait.stopwatch.begin("idle")
        return block or None

    def close(self) -> None:
        self._response.close()


class LocalBody:
    """The blocks of an answer that was made in this process; an empty one only gives the clocks and the client a look."""

    def __init__(self, blocks: Iterable[bytes], wait: Wait) -> None:
        self._blocks = iter(blocks)
        self._wait = wait
        wait.stopwatch.begin("first")

    def read_block(self) -> bytes | None:
        for block in self._blocks:
            self._wait.check()
            if block:
                self._wait.stopwatch.begin("idle")
                return block
        self._wait.check()
        return None

    def close(self) -> None:
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()
