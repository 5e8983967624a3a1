"""What the gateway knows of one operation: the type of the rows in operations.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.domain.mock_answers import MockBody, MockChunk
from proxy.domain.mock_media import MockEvents
from proxy.domain.sample_files import SampleFile
from proxy.domain.usage import CountAmount
from schemas.request import RequestSchema

BodyForm = Literal["json", "multipart", "none"]
AnswerForm = Literal["json", "stream", "bytes"]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation. Rows are compared by identity.

    name: in records, metrics, capabilities and providers' tables.
    schema: the marshmallow class of the request body.
    call_type: LiteLLM's name in records.
    paths: below the base URL; the first is OpenAI's, and the one that compatible providers are called at.
    methods: of the client's request.
    body, answers: the forms that a request body and an answer can have.
    stream_when: the member and value by which a body asks for events.
    parameters: OpenAI's parameters, without those that every format must take (model, messages, input, prompt, stream).
    results: the member of a JSON answer that holds the list of results.
    content: the members of a request body that a record keeps where prompts may be kept.
    text: the members whose text counts for an estimate of tokens.
    identified_by: the members by which a bare body is recognised as this operation's, for explain; none: it is not.
    amounts: what is counted and priced beside tokens, the best way to count first; see domain/amounts.py.
    mode: LiteLLM's `model_info.mode` of a deployment that serves this operation.
    model_words: words in a model's name that make it this operation's, for a health check of a deployment without a mode.
    probe: the small request of a health check; None: it has none.
    probe_files: the files that go with it, by field.
    mock, mock_chunk, mock_events: what the fake provider answers: whole, as one chunk of a stream, as a stream's events.
    semantic_name: `gen_ai.operation.name` in OpenTelemetry's conventions; None: the name.
    default_model: the model for a body that names none.
    dialect: the client's wire form at its paths, a name in proxy/dialects/registry.py.
    headers: the client's headers that belong to its dialect: they reach a provider that is asked in it.
    pivot: the operation that it is for routing and providers, where it is another dialect's form of it.
    """

    name: str
    call_type: str
    schema: type[RequestSchema]
    paths: tuple[str, ...]
    methods: tuple[str, ...] = ("POST",)
    body: BodyForm = "json"
    answers: tuple[AnswerForm, ...] = ("json",)
    stream_when: tuple[str, Any] = ("stream", True)
    parameters: frozenset[str] = frozenset()
    results: str = "choices"
    content: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    identified_by: frozenset[str] = frozenset()
    amounts: tuple[CountAmount, ...] = ()
    mode: str = ""
    model_words: tuple[str, ...] = ()
    probe: Mapping[str, Any] | None = None
    probe_files: Mapping[str, SampleFile] = field(default_factory=dict)
    mock: MockBody | None = None
    mock_events: MockEvents | None = None
    mock_chunk: MockChunk | None = None
    semantic_name: str | None = None
    default_model: str | None = None
    dialect: str = "openai"
    headers: tuple[str, ...] = ()
    pivot: "Operation | None" = None

    @property
    def path(self) -> str:
        return self.paths[0]

    @property
    def streams(self) -> bool:
        return "stream" in self.answers

    def wants_stream(self, body: Mapping[str, Any]) -> bool:
        name, value = self.stream_when
        return bool(body.get(name) == value)

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"
