"""The Messages dialect: see proxy/dialects/contract.py."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.dialects.contract import Price, StreamWriter
from proxy.dialects.messages.answer import build_message
from proxy.dialects.messages.error import build_error, status_of
from proxy.dialects.messages.request import build_pivot
from proxy.dialects.messages.stream import ForwardingWriter, MessagesWriter
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.errors import GatewayError

_PATHS = re.compile(r"(?:/v1|/openai/v1)?/(?:messages|anthropic|api/hello|api/event_logging)(?:/.*)?")


class MessagesDialect:
    """See Dialect."""

    name = "messages"
    id_header: str | None = "request-id"
    stream_type = "text/event-stream; charset=utf-8"

    def owns(self, path: str) -> bool:
        return _PATHS.fullmatch(path) is not None

    def read_request(self, document: Document) -> Document:
        return build_pivot(document)

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        return answer.body if answer.form == self.name else build_message(answer, f"msg_{call.id}")

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        return ForwardingWriter() if form == self.name else MessagesWriter(f"msg_{call.id}")

    def status_of(self, error: GatewayError) -> int:
        return status_of(error)

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        return build_error(error, request_id)


MESSAGES_DIALECT = MessagesDialect()
