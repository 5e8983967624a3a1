"""A streamed answer as the body of a response: chunks in the client's dialect, as they arrive."""

from collections.abc import Iterator

from proxy.dialects.contract import StreamWriter
from proxy.domain.answer import Chunk, Notice, StreamEnd, StreamReply
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.gateway.served import StreamEnding
from proxy.web.error_body import ErrorBody

EXTRA_HEADERS = [("cache-control", "no-cache"), ("x-accel-buffering", "no")]

# An answer that is kept for the log is kept up to this size; a longer one is cut.
KEPT_BYTES = 1024 * 1024


class EventStream:
    """The server calls `close` when the client leaves, and always at the end.

    A client that leaves when the writer `is_complete` has the whole answer.

    A finished answer ends as its dialect ends one; a broken one ends with an error event instead.
    """

    def __init__(self, reply: StreamReply, writer: StreamWriter, ending: StreamEnding, error_body: ErrorBody) -> None:
        self._reply = reply
        self._writer = writer
        self._error_body = error_body
        self._ending: StreamEnding | None = ending
        self._keep = ending.keeps_content
        self._usage: Usage | None = None
        # The id and the model are in each of OpenAI's chunks, and in the first of other forms.
        self._is_openai = reply.form == "openai"
        self._chunk = b""
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for batch in self._reply.chunks:
                frames = self._frames(batch) if batch else self._writer.ping(notice_of(batch))
                if frames:
                    yield frames
        except GatewayError as error:
            self._end(error)
            yield self._writer.error(self._error_body(error))
        else:
            self._end(None)
            ending = self._writer.end()
            if ending:
                yield ending

    def close(self) -> None:
        self._reply.close()
        is_complete = getattr(self._writer, "is_complete", False)
        self._end(None if is_complete else ClientClosedRequestError("The client closed the connection."))

    def _frames(self, batch: list[Chunk]) -> bytes:
        if self._is_openai or not self._chunk:
            self._chunk = batch[-1].data if self._is_openai else batch[0].data
        if self._keep:
            self._remember(batch)
        for chunk in batch:
            if chunk.usage is not None:
                self._usage = chunk.usage
        return self._writer.frames(batch)

    def _remember(self, batch: list[Chunk]) -> None:
        for chunk in batch:
            self._kept_bytes += len(chunk.data)
            if self._kept_bytes <= KEPT_BYTES:
                self._kept.append(chunk.data)

    def _end(self, error: GatewayError | None) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.finish(StreamEnd(self._usage or self._reply.spent(), error, self._chunk, self._kept))


def notice_of(batch: list[Chunk]) -> str | None:
    """The message of an empty batch; None where the provider is merely silent."""
    return batch.text if isinstance(batch, Notice) else None
