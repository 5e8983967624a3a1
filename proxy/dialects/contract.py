"""What a client's wire form consists of: the mirror image of a provider.

OpenAI's chat form is the pivot: the router, the providers and the record know nothing else. A dialect reads its
client's request into the pivot, and writes what comes back in the client's form. All of it is pure: no I/O, no clock.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.usage import Usage
from proxy.errors import GatewayError

# USD for the chunk of usage; None where it is not shown, or not known.
Price = Callable[[Usage], float | None]


class StreamWriter(Protocol):
    """One streamed answer in the client's form. Each method returns the bytes to send, which may be empty."""

    def frames(self, chunks: list[Chunk]) -> bytes:
        """The chunks that arrived together."""

    def ping(self, notice: str | None) -> bytes:
        """Keeps a silent stream alive. `notice` is a message for the reader of a trace, not for the program."""

    def end(self) -> bytes:
        """The end of a finished answer."""

    def error(self, body: bytes) -> bytes:
        """The end of a broken answer; `body` is the dialect's error, as JSON."""


class Dialect(Protocol):
    """One client wire form. Stateless: what a stream needs is in its StreamWriter."""

    @property
    def name(self) -> str: ...

    @property
    def id_header(self) -> str | None:
        """A further header for the request's id, in which this dialect's clients look for it."""

    @property
    def stream_type(self) -> str:
        """The content type of a streamed answer."""

    def owns(self, path: str) -> bool:
        """Whether requests at this path expect this form, errors before a view included (404, 405, 413)."""

    def read_request(self, document: Document) -> Document:
        """The client's body in the pivot. Raise BadRequestError that names the client's field."""

    def write_answer(self, call: Call, answer: Answer, seconds: float) -> bytes:
        """A whole answer's body; `answer.form` is its dialect. `seconds` is the time since the request came."""

    def open_writer(self, call: Call, form: str, price: Price) -> StreamWriter:
        """`form` is the dialect of the chunks: this one's own pass as they are, OpenAI's are translated."""

    def status_of(self, error: GatewayError) -> int:
        """The HTTP status of an error."""

    def write_error(self, error: GatewayError, request_id: str) -> Mapping[str, Any]:
        """The error object, unmasked."""
