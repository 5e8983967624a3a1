"""OpenAI's form of chat completions and its older kin: the pivot, so requests and chunks pass as they are."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.contract import Price, StreamWriter
from proxy.dialects.event_writer import EventWriter
from proxy.domain.answer import EVENTS, Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.errors import GatewayError

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


class OpenAIDialect:
    """See Dialect."""

    name = "openai"
    id_header: str | None = None
    stream_type = "text/event-stream; charset=utf-8"

    def owns(self, path: str) -> bool:
        """Every path that no other dialect owns."""
        return True

    def read_request(self, document: Document) -> Document:
        return document

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        """The provider's bytes; a chat completion gets `_response_ms`, as LiteLLM's clients read it."""
        if call.operation is not CHAT:
            return answer.body
        opened = answer.body.rstrip()[:-1]
        separator = b"" if opened.rstrip().endswith(b"{") else b","
        return b'%b%b"_response_ms":%.3f}' % (opened, separator, seconds * 1000)

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        return EventWriter() if form == EVENTS else OpenAIWriter(call.include_usage, price)

    def status_of(self, error: GatewayError) -> int:
        return error.status_code

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        return error.to_openai()


class OpenAIWriter:
    """Server-sent events. A finished stream ends with [DONE], a broken one with an error event and no [DONE]."""

    def __init__(self, include_usage: bool, price: Price) -> None:
        self._include_usage = include_usage
        self._price = price

    def frames(self, chunks: list[Chunk]) -> bytes:
        for chunk in chunks:
            if chunk.usage is not None:
                return self._with_usage(chunks)
        return b"data: " + b"\n\ndata: ".join([chunk.data for chunk in chunks]) + b"\n\n"

    def _with_usage(self, chunks: list[Chunk]) -> bytes:
        """The provider is always asked for its usage; a client sees it only if it asked for it."""
        if self._include_usage:
            return b"".join([frame(self._priced(chunk)) for chunk in chunks])
        return b"".join(
            [frame(chunk.data) for chunk in chunks if not (chunk.without_choices and chunk.usage is not None)]
        )

    def _priced(self, chunk: Chunk) -> bytes:
        cost = None if chunk.usage is None else self._price(chunk.usage)
        return chunk.data if cost is None else with_cost(chunk.data, cost)

    def ping(self, notice: str | None) -> bytes:
        return KEEP_ALIVE if notice is None else b": " + notice.encode() + b"\n\n"

    def end(self) -> bytes:
        return DONE

    def error(self, body: bytes) -> bytes:
        return frame(body)


OPENAI = OpenAIDialect()


def with_cost(data: bytes, cost: float) -> bytes:
    """The chunk with `cost` (USD) in its usage; the provider's own figure, where it gives one, is the one that counts."""
    chunk = loads(data)
    return dumps({**chunk, "usage": {**chunk["usage"], "cost": cost}})


def frame(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
