"""Chunks into server-sent events, as they arrive."""

from collections.abc import Callable, Iterator

from proxy.domain.answer import Chunk, StreamReply
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError

DONE = b"data: [DONE]\n\n"
SILENCE = b": keep-alive\n\n"
EXTRA_HEADERS = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]

# Called once, when a stream is over: the tokens it used (estimated where nobody told), and the error if it broke or was left.
OnEnd = Callable[[Usage | None, GatewayError | None], None]


class EventStream:
    """The body of a streamed answer. Its server calls `close` when the client leaves, and always at the end.

    A stream that finished ends with [DONE]; one that broke ends with an error event and no [DONE].
    """

    def __init__(
        self, reply: StreamReply, include_usage: bool, error_body: Callable[[GatewayError], bytes], on_end: OnEnd
    ) -> None:
        self._reply = reply
        self._include_usage = include_usage
        self._error_body = error_body
        self._on_end: OnEnd | None = on_end
        self._usage: Usage | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for batch in self._reply.chunks:
                frames = self._frames(batch) if batch else SILENCE
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
        for chunk in batch:
            if chunk.usage is not None:
                self._usage = chunk.usage
        # The provider is asked for its usage always; a client sees it only if it asked, too.
        if self._include_usage:
            return b"".join([frame(chunk.data) for chunk in batch])
        return b"".join([frame(chunk.data) for chunk in batch if not (chunk.bare and chunk.usage is not None)])

    def _end(self, error: GatewayError | None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self._usage or self._reply.spent(), error)


def frame(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
