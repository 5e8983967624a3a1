"""The Responses API as a client's dialect: which paths are its own, and who reads and writes what."""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.contract import Price, StreamWriter
from proxy.dialects.responses.answer import write_answer
from proxy.dialects.responses.errors import write_error
from proxy.dialects.responses.request import read_request
from proxy.dialects.responses.writer import BridgedWriter, NativeWriter
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.errors import GatewayError

_PREFIXES = ("", "/v1", "/openai/v1")


class ResponsesDialect:
    """See Dialect."""

    name = "responses"
    id_header: str | None = None
    stream_type = "text/event-stream; charset=utf-8"

    def owns(self, path: str) -> bool:
        return any(path == f"{prefix}/responses" or path.startswith(f"{prefix}/responses/") for prefix in _PREFIXES)

    def read_request(self, document: Document) -> Document:
        return read_request(document)

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        return answer.body if answer.form == self.name else write_answer(call, answer)

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        return NativeWriter(call) if form == self.name else BridgedWriter(call, price)

    def status_of(self, error: GatewayError) -> int:
        return error.status_code

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        return write_error(error)


RESPONSES = ResponsesDialect()
