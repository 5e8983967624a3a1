"""Chunks into server-sent events, as they arrive."""

from collections.abc import Callable, Iterator

import orjson

from proxy.domain.answer import Chunk, Notice, StreamEnd, StreamReply
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError

DONE = b"data: [DONE]\n\n"
SILENCE = b": keep-alive\n\n"
EXTRA_HEADERS = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]

# An answer that is kept for the log is kept up to here; what is longer has its beginning there.
KEPT_BYTES = 1024 * 1024

# Called once, when a stream is over.
OnEnd = Callable[[StreamEnd], None]
# USD for the chunk of usage; None where it is not to be shown, or not known.
Price = Callable[[Usage], float | None]


class EventStream:
    """The body of a streamed answer. Its server calls `close` when the client leaves, and always at the end.

    A stream that finished ends with [DONE]; one that broke ends with an error event and no [DONE]. `keep`: all chunks
    are handed to `on_end`.
    """

    def __init__(
        self,
        reply: StreamReply,
        include_usage: bool,
        error_body: Callable[[GatewayError], bytes],
        on_end: OnEnd,
        price: Price = lambda _: None,
        keep: bool = False,
    ) -> None:
        self._reply = reply
        self._include_usage = include_usage
        self._error_body = error_body
        self._on_end: OnEnd | None = on_end
        self._price = price
        self._keep = keep
        self._usage: Usage | None = None
        self._chunk = b""
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for batch in self._reply.chunks:
                frames = self._frames(batch) if batch else _comment(batch)
                if frames:
                    yield frames
        except GatewayError as error:
            self._end(error)
            yield frame(self._error_body(error))
        else:
            self._end(None)
            yield DONE

    def close(self) -> None:
        self._reply.close()
        self._end(ClientClosedRequestError("The client closed the connection."))

    def _frames(self, batch: list[Chunk]) -> bytes:
        self._chunk = batch[-1].data
        if self._keep:
            self._remember(batch)
        told = [chunk.usage for chunk in batch if chunk.usage is not None]
        if not told:
            return b"data: " + b"\n\ndata: ".join([chunk.data for chunk in batch]) + b"\n\n"
        self._usage = told[-1]
        # The provider is asked for its usage always; a client sees it only if it asked, too.
        if self._include_usage:
            return b"".join([frame(self._shown(chunk)) for chunk in batch])
        return b"".join([frame(chunk.data) for chunk in batch if not (chunk.bare and chunk.usage is not None)])

    def _shown(self, chunk: Chunk) -> bytes:
        cost = None if chunk.usage is None else self._price(chunk.usage)
        return chunk.data if cost is None else with_cost(chunk.data, cost)

    def _remember(self, batch: list[Chunk]) -> None:
        for chunk in batch:
            self._kept_bytes += len(chunk.data)
            if self._kept_bytes <= KEPT_BYTES:
                self._kept.append(chunk.data)

    def _end(self, error: GatewayError | None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(StreamEnd(self._usage or self._reply.spent(), error, self._chunk, self._kept))


def with_cost(data: bytes, cost: float) -> bytes:
    """The chunk with `cost` (USD) in its usage; the provider's own figure, if it gave one, is what we count, too."""
    chunk = orjson.loads(data)
    return orjson.dumps({**chunk, "usage": {**chunk["usage"], "cost": cost}})


def frame(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _comment(batch: list[Chunk]) -> bytes:
    """What a stream says that has no chunks to send: something of note, or only that it is there."""
    return b": " + batch.text.encode() + b"\n\n" if isinstance(batch, Notice) else SILENCE
