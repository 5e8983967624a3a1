"""The Gemini dialect: see proxy/dialects/contract.py."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.dialects.contract import Price, StreamWriter
from proxy.dialects.gemini.answer import build_answer, build_vectors
from proxy.dialects.gemini.config import hides_thoughts
from proxy.dialects.gemini.error import build_error, status_of
from proxy.dialects.gemini.request import build_pivot
from proxy.dialects.gemini.stream import ArrayFraming, EventFraming, ForwardingWriter, Framing, GeminiWriter
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import EMBED_CONTENT, EMBEDDINGS
from proxy.errors import GatewayError

# What the answers and chunks of a provider are called that speaks the dialect itself.
FORM = "gemini"
_PATHS = re.compile(r"(?:/v1|/openai/v1)?/(?:v1beta|v1alpha)(?:/.*)?|(?:/v1|/openai/v1)?/models/.+:[a-zA-Z]+")


class GeminiDialect:
    """See Dialect. A stream is events (`alt=sse`), or else one JSON array: two dialects that differ in nothing more."""

    id_header: str | None = None

    def __init__(self, name: str, stream_type: str, open_framing: Callable[[], Framing]) -> None:
        self.name = name
        self.stream_type = stream_type
        self._open_framing = open_framing

    def owns(self, path: str) -> bool:
        return _PATHS.fullmatch(path) is not None

    def read_request(self, document: Document) -> Document:
        return build_pivot(document)

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        if answer.form == FORM:
            return answer.body
        if call.operation is EMBEDDINGS:
            return build_vectors(answer, is_single=call.asked is EMBED_CONTENT)
        return build_answer(answer, call.id, shows_thoughts=_shows_thoughts(call))

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        framing = self._open_framing()
        if form == FORM:
            return ForwardingWriter(framing)
        return GeminiWriter(framing, call.id, shows_thoughts=_shows_thoughts(call))

    def status_of(self, error: GatewayError) -> int:
        return status_of(error)

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        return build_error(error, request_id)


def _shows_thoughts(call: Call) -> bool:
    fields = call.native.fields if call.native is not None else {}
    return not hides_thoughts(fields.get("generationConfig") or fields.get("generation_config"))


GEMINI_DIALECT = GeminiDialect(FORM, "text/event-stream; charset=utf-8", EventFraming)
GEMINI_ARRAYS = GeminiDialect("gemini-array", "application/json; charset=utf-8", ArrayFraming)
