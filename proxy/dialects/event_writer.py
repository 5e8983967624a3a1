"""Streams of images and sound in OpenAI's form: events that are written already."""

from proxy.domain.answer import Chunk


class EventWriter:
    """Whole events of an operation's own (images, transcriptions, speech): its chunks are written already."""

    def frames(self, chunks: list[Chunk]) -> bytes:
        return b"".join([chunk.data for chunk in chunks])

    def ping(self, notice: str | None) -> bytes:
        return b": keep-alive\n\n"

    def end(self) -> bytes:
        return b""

    def error(self, body: bytes) -> bytes:
        return b"event: error\ndata: " + body + b"\n\n"
