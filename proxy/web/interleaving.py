"""Several models' streams in one response: each chunk names its model, `choices[].index` its place in the list.

With `n` choices a model, model number p has the indices p*n to p*n+n-1, so that a client that gathers by index gets
clean answers. A model that fails has one chunk whose choice carries its `error` and the finish_reason "error"; a
top-level error event would end the others in every SDK. One [DONE] is at the end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from proxy.dialects.openai import DONE, KEEP_ALIVE, frame, with_cost
from proxy.domain.answer import Chunk, StreamEnd, StreamReply
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.gateway.served import Served, ServedStreams
from proxy.gateway.several_models import Piece
from proxy.web.error_body import ErrorBody


def until_opened(pieces: Iterator[Piece]) -> tuple[list[Piece], bool]:
    """The pieces up to the first stream that opens, and whether one does."""
    early: list[Piece] = []
    for piece in pieces:
        early.append(piece)
        if piece.opened is not None:
            return early, True
    return early, False


@dataclass(slots=True)
class _Open:
    """A running stream, and the usage that it has reported."""

    served: Served
    usage: Usage | None = None
    chunk: bytes = b""

    def end(self, error: GatewayError | None) -> None:
        reply, ending = self.served.outcome.reply, self.served.ending
        if isinstance(reply, StreamReply) and ending is not None:
            reply.close()
            ending.finish(StreamEnd(self.usage or reply.spent(), error, self.chunk))


class Interleaved:
    """The body: an iterable that closes all of its streams when it is closed. `early` are pieces that were read before."""

    def __init__(self, streams: ServedStreams, early: list[Piece], error_body: ErrorBody) -> None:
        self._call = streams.call
        self._models = streams.models
        self._pieces = chain(early, streams.pieces)
        self._stop = streams.pieces.close
        self._error_body = error_body
        self._choices = int(streams.call.fields.get("n") or 1)
        self._open: dict[int, _Open] = {}

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            frames = self._write(piece)
            if frames:
                yield frames
        yield DONE

    def close(self) -> None:
        self._stop()
        for position in tuple(self._open):
            self._end(position, ClientClosedRequestError("The client closed the connection."))

    def _write(self, piece: Piece) -> bytes:
        if piece.opened is not None:
            self._open[piece.position] = _Open(piece.opened)
            return b""
        if piece.ended:
            self._end(piece.position, piece.error)
            return self._failed(piece.position, piece.error) if piece.error else b""
        return b"".join([self._chunk(piece.position, chunk) for chunk in piece.chunks]) or KEEP_ALIVE

    def _chunk(self, position: int, chunk: Chunk) -> bytes:
        stream = self._open[position]
        stream.chunk = chunk.data
        if chunk.usage is not None:
            stream.usage = chunk.usage
            if chunk.without_choices and not self._call.include_usage:
                return b""
        fields = loads(_priced(stream, chunk))
        choices = [self._placed(position, choice) for choice in fields.get("choices") or ()]
        return frame(dumps({**fields, "choices": choices}))

    def _placed(self, position: int, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {**choice, "index": position * self._choices + int(choice.get("index") or 0)}

    def _failed(self, position: int, error: GatewayError) -> bytes:
        described = loads(self._error_body(error))["error"]
        choice = {"index": position * self._choices, "delta": {}, "finish_reason": "error", "error": described}
        chunk = {
            "id": f"{self._call.id}-{position}",
            "object": "chat.completion.chunk",
            "created": int(self._call.started_at),
            "model": self._models[position],
            "choices": [choice],
        }
        return frame(dumps(chunk))

    def _end(self, position: int, error: GatewayError | None) -> None:
        stream = self._open.pop(position, None)
        if stream is not None:
            stream.end(error)


def _priced(stream: _Open, chunk: Chunk) -> bytes:
    ending = stream.served.ending
    cost = ending.price(chunk.usage) if chunk.usage is not None and ending is not None else None
    return chunk.data if cost is None else with_cost(chunk.data, cost)
