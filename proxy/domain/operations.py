"""The operations that the gateway serves: one row each, with all facts about an operation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from proxy.domain import amounts, mock_answers
from proxy.domain.mock_answers import MockBody, MockChunk
from proxy.domain.usage import CountAmount
from schemas.chat import ChatSchema
from schemas.completions import CompletionsSchema
from schemas.embeddings import EmbeddingsSchema
from schemas.gemini import BatchEmbedContentsSchema, CountContentSchema, EmbedContentSchema, GenerateContentSchema
from schemas.messages import CountTokensSchema, MessagesSchema
from schemas.moderations import ModerationsSchema
from schemas.request import RequestSchema
from schemas.rerank import RerankSchema
from schemas.responses import ResponsesSchema

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
    parameters: OpenAI's parameters, without those that every format must take (model, messages, input, prompt, stream).
    results: the member of a JSON answer that holds the list of results.
    content: the members of a request body that a record keeps where prompts may be kept.
    text: the members whose text counts for an estimate of tokens.
    identified_by: the members by which a bare body is recognised as this operation's, for explain; none: it is not.
    amounts: what is counted and priced beside tokens, the best way to count first; see domain/amounts.py.
    mode: LiteLLM's `model_info.mode` of a deployment that serves this operation.
    model_words: words in a model's name that make it this operation's, for a health check of a deployment without a mode.
    probe: the small request of a health check; None: it has none.
    mock, mock_chunk: what the fake provider answers, whole and as one chunk of a stream.
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
    parameters: frozenset[str] = frozenset()
    results: str = "choices"
    content: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    identified_by: frozenset[str] = frozenset()
    amounts: tuple[CountAmount, ...] = ()
    mode: str = ""
    model_words: tuple[str, ...] = ()
    probe: Mapping[str, Any] | None = None
    mock: MockBody | None = None
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

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


# Parameters: https://platform.openai.com/docs/api-reference
CHAT = Operation(
    name="chat",
    call_type="acompletion",
    schema=ChatSchema,
    paths=("chat/completions",),
    answers=("json", "stream"),
    parameters=frozenset(
        "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata "
        "modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention "
        "reasoning_effort response_format safety_identifier seed service_tier stop store temperature tool_choice tools "
        "top_logprobs top_p user verbosity web_search_options".split()
    ),
    content=("messages",),
    text=("messages", "tools", "functions", "system", "instructions"),
    identified_by=frozenset({"messages"}),
    mode="chat",
    probe={"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 5},
    mock=mock_answers.chat,
    mock_chunk=mock_answers.chat_chunk,
)
COMPLETIONS = Operation(
    name="completions",
    call_type="atext_completion",
    schema=CompletionsSchema,
    paths=("completions",),
    answers=("json", "stream"),
    parameters=frozenset(
        "best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop suffix temperature "
        "top_p user".split()
    ),
    content=("prompt",),
    text=("prompt",),
    identified_by=frozenset({"prompt"}),
    mode="completion",
    probe={"prompt": "Say hi.", "max_tokens": 5},
    mock=mock_answers.text_completion,
    mock_chunk=mock_answers.text_chunk,
    semantic_name="text_completion",
)
EMBEDDINGS = Operation(
    name="embeddings",
    call_type="aembedding",
    schema=EmbeddingsSchema,
    paths=("embeddings",),
    parameters=frozenset({"dimensions", "encoding_format", "user"}),
    results="data",
    content=("input",),
    text=("input",),
    identified_by=frozenset({"input"}),
    mode="embedding",
    probe={"input": ["hi"]},
    mock=mock_answers.embeddings,
)
MODERATIONS = Operation(
    name="moderations",
    call_type="amoderation",
    schema=ModerationsSchema,
    paths=("moderations",),
    results="results",
    content=("input",),
    text=("input",),
    mode="moderation",
    probe={"input": "hi"},
    mock=mock_answers.moderations,
    default_model="omni-moderation-latest",
)
# Cohere's form: https://docs.cohere.com/reference/rerank and .../v1/reference/rerank
RERANK = Operation(
    name="rerank",
    call_type="arerank",
    schema=RerankSchema,
    paths=("rerank", "v2/rerank"),
    parameters=frozenset({"top_n", "return_documents", "rank_fields", "max_chunks_per_doc", "max_tokens_per_doc"}),
    results="results",
    content=("query", "documents"),
    text=("query", "documents"),
    identified_by=frozenset({"query", "documents"}),
    amounts=(amounts.count_queries,),
    mode="rerank",
    model_words=("rerank",),
    probe={"query": "hi", "documents": ["hi"]},
    mock=mock_answers.rerank,
)
# https://platform.claude.com/docs/en/api/messages
MESSAGES = Operation(
    name="messages",
    call_type="anthropic_messages",
    schema=MessagesSchema,
    paths=("messages", "anthropic/v1/messages"),
    answers=("json", "stream"),
    results="content",
    content=("messages",),
    text=("messages", "tools", "system"),
    mode="chat",
    semantic_name="chat",
    dialect="messages",
    headers=("anthropic-version", "anthropic-beta"),
    pivot=CHAT,
)
COUNT_TOKENS = Operation(
    name="count_tokens",
    call_type="count_tokens",
    schema=CountTokensSchema,
    paths=("messages/count_tokens", "anthropic/v1/messages/count_tokens"),
    text=("messages", "tools", "system"),
    dialect="messages",
    headers=("anthropic-version", "anthropic-beta"),
)
# https://platform.openai.com/docs/api-reference/responses
RESPONSES = Operation(
    name="responses",
    call_type="aresponses",
    schema=ResponsesSchema,
    paths=("responses",),
    answers=("json", "stream"),
    results="output",
    content=("input", "instructions"),
    text=("input", "instructions", "tools"),
    mode="chat",
    semantic_name="chat",
    dialect="responses",
    pivot=CHAT,
)
COMPACT_RESPONSE = Operation(
    name="responses_compact",
    call_type="acompact_responses",
    schema=ResponsesSchema,
    paths=("responses/compact",),
    results="output",
    content=("input", "instructions"),
    text=("input", "instructions", "tools"),
    dialect="responses",
)
COUNT_RESPONSE_TOKENS = Operation(
    name="responses_input_tokens",
    call_type="acount_response_tokens",
    schema=ResponsesSchema,
    paths=("responses/input_tokens",),
    text=("input", "instructions", "tools"),
    dialect="responses",
)
# What is asked of an answer that its provider keeps: read, delete, cancel, list its input.
STORED_RESPONSE = Operation(
    name="responses_stored",
    call_type="aget_responses",
    schema=RequestSchema,
    paths=("responses/<id>",),
    methods=("GET", "DELETE"),
    body="none",
    answers=("json", "stream"),
    dialect="responses",
)
# https://ai.google.dev/api/generate-content. The paths name the model before the method.
GENERATE_CONTENT = Operation(
    name="generate_content",
    call_type="agenerate_content",
    schema=GenerateContentSchema,
    paths=("models/{model}:generateContent",),
    results="candidates",
    content=("contents",),
    text=("contents", "systemInstruction", "system_instruction", "tools"),
    mode="chat",
    semantic_name="chat",
    dialect="gemini",
    pivot=CHAT,
)
STREAM_CONTENT = replace(
    GENERATE_CONTENT,
    name="stream_generate_content",
    call_type="agenerate_content_stream",
    paths=("models/{model}:streamGenerateContent",),
    answers=("stream",),
)
# Without `alt=sse`.
STREAM_CONTENT_ARRAY = replace(STREAM_CONTENT, dialect="gemini-array")
COUNT_CONTENT = Operation(
    name="count_content",
    call_type="count_tokens",
    schema=CountContentSchema,
    paths=("models/{model}:countTokens",),
    text=("contents", "systemInstruction", "system_instruction", "tools", "generateContentRequest"),
    dialect="gemini",
)
EMBED_CONTENT = Operation(
    name="embed_content",
    call_type="aembedding",
    schema=EmbedContentSchema,
    paths=("models/{model}:embedContent",),
    content=("content",),
    text=("content",),
    mode="embedding",
    semantic_name="embeddings",
    dialect="gemini",
    pivot=EMBEDDINGS,
)
BATCH_EMBED_CONTENTS = replace(
    EMBED_CONTENT,
    name="batch_embed_contents",
    schema=BatchEmbedContentsSchema,
    paths=("models/{model}:batchEmbedContents",),
    content=("requests",),
    text=("requests",),
)

# In the order in which a deployment without a `mode` is probed: the first that its provider serves.
_ROWS = (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MODERATIONS,
    RERANK,
)
OPERATIONS: Mapping[str, Operation] = {row.name: row for row in _ROWS}
BY_MODE: Mapping[str, Operation] = {operation.mode: operation for operation in OPERATIONS.values()}
# Rows of other dialects, whose bodies are estimated as they came.
_DIALECT_ROWS = (MESSAGES, GENERATE_CONTENT, COUNT_CONTENT, EMBED_CONTENT, BATCH_EMBED_CONTENTS)
TEXT_FIELDS: tuple[str, ...] = tuple(
    dict.fromkeys(name for row in (*OPERATIONS.values(), *_DIALECT_ROWS) for name in row.text)
)


def identify(fields: Mapping[str, Any]) -> Operation:
    """The operation that a request body is for: the row with the most members in it; chat where none fits."""
    names = fields.keys()
    found = [row for row in OPERATIONS.values() if row.identified_by and row.identified_by <= names]
    return max(found, key=lambda row: len(row.identified_by), default=CHAT)


def find_by_path(path: str) -> Operation | None:
    """The operation whose path a URL's path ends with; the longest one where several fit."""
    ending = "/" + path.strip("/")
    fitting = [(len(known), row) for row in OPERATIONS.values() for known in row.paths if ending.endswith("/" + known)]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None
