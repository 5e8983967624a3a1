"""Several models' streams in one response: each chunk names its model, `choices[].index` its place in the list.

With `n` choices a model, model number p has the indices p*n to p*n+n-1, so that a client that gathers by index gets
clean answers. A model that fails has one chunk whose choice carries its `error` and the finish_reason "error"; a
top-level error event would end the others in every SDK. One [DONE] stands at the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from flask import Response

from proxy.domain.answer import Chunk, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.routing.batch import Piece, interleave
from proxy.web.headers import call_headers
from proxy.web.streaming import DONE, EXTRA_HEADERS, SILENCE, frame

# Called once for each stream when it is over.
OnEnd = Callable[[Call, Outcome, Usage | None, GatewayError | None], None]
ErrorBody = Callable[[GatewayError], bytes]


def interleaved_response(
    call: Call, items: Sequence[Outcome | GatewayError], models: Sequence[str], error_body: ErrorBody, on_end: OnEnd
) -> Response:
    """One event stream of all that succeeded; those that failed before their first content say so at the start."""
    body = Interleaved(call, items, models, error_body, on_end)
    response = Response(body, 200, content_type="text/event-stream; charset=utf-8")
    for name, value in call_headers(call.id) + EXTRA_HEADERS:
        response.headers.add(name, value)
    return response


class Interleaved:
    """The body: an iterable that closes all of its streams when it is closed."""

    def __init__(
        self,
        call: Call,
        items: Sequence[Outcome | GatewayError],
        models: Sequence[str],
        error_body: ErrorBody,
        on_end: OnEnd,
    ) -> None:
        self._call = call
        self._items = items
        self._models = models
        self._error_body = error_body
        self._on_end = on_end
        self._choices = int(call.fields.get("n") or 1)
        self._usage: dict[int, Usage] = {}
        self._open = {position for position, item in enumerate(items) if isinstance(item, Outcome)}
        self._pieces = interleave([_stream_of(item) for item in items])

    def __iter__(self) -> Iterator[bytes]:
        for position, item in enumerate(self._items):
            if isinstance(item, GatewayError):
                yield self._failed(position, item)
        for piece in self._pieces:
            yield self._write(piece)
        yield DONE

    def close(self) -> None:
        self._pieces.close()
        for position in tuple(self._open):
            self._end(position, ClientClosedRequestError("The client closed the connection."))

    def _write(self, piece: Piece) -> bytes:
        if piece.ended:
            self._end(piece.position, piece.error)
            return self._failed(piece.position, piece.error) if piece.error else SILENCE
        return b"".join(self._chunk(piece.position, chunk) for chunk in piece.chunks) or SILENCE

    def _chunk(self, position: int, chunk: Chunk) -> bytes:
        if chunk.usage is not None:
            self._usage[position] = chunk.usage
            if chunk.bare and not self._call.include_usage:
                return b""
        fields = orjson.loads(chunk.data)
        choices = [self._placed(position, choice) for choice in fields.get("choices") or ()]
        return frame(orjson.dumps({**fields, "choices": choices}))

    def _placed(self, position: int, choice: Mapping[str, Any]) -> dict[str, Any]:
        return {**choice, "index": position * self._choices + int(choice.get("index") or 0)}

    def _failed(self, position: int, error: GatewayError) -> bytes:
        said = orjson.loads(self._error_body(error))["error"]
        choice = {"index": position * self._choices, "delta": {}, "finish_reason": "error", "error": said}
        return frame(
            orjson.dumps(
                {
                    "id": f"{self._call.id}-{position}",
                    "object": "chat.completion.chunk",
                    "created": int(self._call.started_at),
                    "model": self._models[position],
                    "choices": [choice],
                }
            )
        )

    def _end(self, position: int, error: GatewayError | None) -> None:
        item = self._items[position]
        if position in self._open and isinstance(item, Outcome):
            self._open.discard(position)
            self._on_end(self._call, item, self._usage.get(position), error)


def _stream_of(item: Outcome | GatewayError) -> StreamReply | None:
    return item.reply if isinstance(item, Outcome) and isinstance(item.reply, StreamReply) else None
