"""Several models' streams in one response: each chunk names its model, `choices[].index` its place in the list.

With `n` choices a model, model number p has the indices p*n to p*n+n-1, so that a client that gathers by index gets
clean answers. A model that fails has one chunk whose choice carries its `error` and the finish_reason "error"; a
top-level error event would end the others in every SDK. One [DONE] stands at the end.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from flask import Response

from proxy.domain.answer import Chunk, StreamEnd, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.fastpath.flask_response import PlainResponse
from proxy.gateway.several_models import Piece
from proxy.web.headers import call_headers
from proxy.web.streaming import DONE, EXTRA_HEADERS, SILENCE, frame, with_cost

# Called once for each stream when it is over.
OnEnd = Callable[[Call, Outcome, StreamEnd], None]
# USD for a stream's chunk of usage; None where it is not to be shown, or not known.
Price = Callable[[Call, Outcome, Usage], float | None]
ErrorBody = Callable[[GatewayError], bytes]


def interleaved_response(
    call: Call,
    models: Sequence[str],
    pieces: Generator[Piece],
    error_body: ErrorBody,
    on_end: OnEnd,
    price: Price,
) -> Response:
    """One event stream of all. Raise the first error when not one of them opens: then nothing has been promised yet."""
    early, opened = _until_opened(pieces)
    if not opened:
        errors = {piece.position: piece.error for piece in early if piece.error is not None}
        raise errors[min(errors)]
    body = Interleaved(call, models, chain(early, pieces), pieces.close, error_body, on_end, price)
    headers = call_headers(call.id, call.requester.request_id) + EXTRA_HEADERS
    return PlainResponse(body, "text/event-stream; charset=utf-8", headers)


def _until_opened(pieces: Iterator[Piece]) -> tuple[list[Piece], bool]:
    early: list[Piece] = []
    for piece in pieces:
        early.append(piece)
        if piece.opened is not None:
            return early, True
    return early, False


@dataclass(slots=True)
class _Open:
    """A stream that is running, and the tokens that it has told of."""

    outcome: Outcome
    usage: Usage | None = None
    chunk: bytes = b""


class Interleaved:
    """The body: an iterable that closes all of its streams when it is closed."""

    def __init__(
        self,
        call: Call,
        models: Sequence[str],
        pieces: Iterator[Piece],
        stop: Callable[[], None],
        error_body: ErrorBody,
        on_end: OnEnd,
        price: Price,
    ) -> None:
        self._call = call
        self._models = models
        self._pieces = pieces
        self._stop = stop
        self._error_body = error_body
        self._on_end = on_end
        self._price = price
        self._choices = int(call.fields.get("n") or 1)
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
        return b"".join([self._chunk(piece.position, chunk) for chunk in piece.chunks]) or SILENCE

    def _chunk(self, position: int, chunk: Chunk) -> bytes:
        stream = self._open[position]
        stream.chunk = chunk.data
        if chunk.usage is not None:
            stream.usage = chunk.usage
            if chunk.bare and not self._call.include_usage:
                return b""
        fields = orjson.loads(self._priced(stream, chunk))
        choices = [self._placed(position, choice) for choice in fields.get("choices") or ()]
        return frame(orjson.dumps({**fields, "choices": choices}))

    def _priced(self, stream: _Open, chunk: Chunk) -> bytes:
        cost = None if chunk.usage is None else self._price(self._call, stream.outcome, chunk.usage)
        return chunk.data if cost is None else with_cost(chunk.data, cost)

    def _placed(self, position: int, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {**choice, "index": position * self._choices + int(choice.get("index") or 0)}

    def _failed(self, position: int, error: GatewayError) -> bytes:
        said = orjson.loads(self._error_body(error))["error"]
        choice = {"index": position * self._choices, "delta": {}, "finish_reason": "error", "error": said}
        chunk = {
            "id": f"{self._call.id}-{position}",
            "object": "chat.completion.chunk",
            "created": int(self._call.started_at),
            "model": self._models[position],
            "choices": [choice],
        }
        return frame(orjson.dumps(chunk))

    def _end(self, position: int, error: GatewayError | None) -> None:
        stream = self._open.pop(position, None)
        if stream is not None:
            close_reply(stream.outcome)
            spent = stream.usage or _spent(stream.outcome)
            self._on_end(self._call, stream.outcome, StreamEnd(spent, error, stream.chunk))


def close_reply(outcome: Outcome) -> None:
    if isinstance(outcome.reply, StreamReply):
        outcome.reply.close()


def _spent(outcome: Outcome) -> Usage | None:
    return outcome.reply.spent() if isinstance(outcome.reply, StreamReply) else None
