"""The operations that the gateway serves: one row each, with all facts about an operation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain import amounts, mock_answers, mock_media
from proxy.domain.operation import Operation
from proxy.domain.sample_files import DOT, SILENCE
from schemas.audio import SpeechSchema, TranscriptionsSchema, TranslationsSchema
from schemas.chat import ChatSchema
from schemas.completions import CompletionsSchema
from schemas.embeddings import EmbeddingsSchema
from schemas.gemini import BatchEmbedContentsSchema, CountContentSchema, EmbedContentSchema, GenerateContentSchema
from schemas.images import ImageEditsSchema, ImagesSchema, ImageVariationsSchema
from schemas.messages import CountTokensSchema, MessagesSchema
from schemas.moderations import ModerationsSchema
from schemas.request import RequestSchema
from schemas.rerank import RerankSchema
from schemas.responses import ResponsesSchema

__all__ = ["Operation"]

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
# https://platform.openai.com/docs/api-reference/images
_IMAGE_PARAMETERS = frozenset(
    "background n output_compression output_format partial_images quality response_format size user".split()
)
IMAGES = Operation(
    name="images",
    call_type="aimage_generation",
    schema=ImagesSchema,
    paths=("images/generations",),
    answers=("json", "stream"),
    parameters=_IMAGE_PARAMETERS | {"moderation", "style"},
    results="data",
    content=("prompt",),
    text=("prompt",),
    identified_by=frozenset({"prompt", "size"}),
    amounts=(amounts.count_images,),
    mode="image_generation",
    model_words=("dall-e", "image", "imagen", "flux", "stable-diffusion", "titan-image", "canvas", "recraft"),
    probe={"prompt": "a dot", "size": "1024x1024"},
    mock=mock_media.images,
    mock_events=mock_media.image_events("image_generation"),
    semantic_name="image_generation",
)
IMAGE_EDITS = Operation(
    name="image_edits",
    call_type="aimage_edit",
    schema=ImageEditsSchema,
    paths=("images/edits",),
    body="multipart",
    answers=("json", "stream"),
    parameters=_IMAGE_PARAMETERS | {"input_fidelity"},
    results="data",
    content=("prompt",),
    text=("prompt",),
    amounts=(amounts.count_images,),
    mode="image_edit",
    probe={"prompt": "a dot"},
    probe_files={"image": DOT},
    mock=mock_media.images,
    mock_events=mock_media.image_events("image_edit"),
)
IMAGE_VARIATIONS = Operation(
    name="image_variations",
    call_type="aimage_variation",
    schema=ImageVariationsSchema,
    paths=("images/variations",),
    body="multipart",
    parameters=frozenset({"n", "response_format", "size", "user"}),
    results="data",
    amounts=(amounts.count_images,),
    mode="image_variation",
    probe={},
    probe_files={"image": DOT},
    mock=mock_media.images,
)
# https://platform.openai.com/docs/api-reference/audio
SPEECH = Operation(
    name="speech",
    call_type="aspeech",
    schema=SpeechSchema,
    paths=("audio/speech",),
    answers=("bytes", "stream"),
    stream_when=("stream_format", "sse"),
    parameters=frozenset({"instructions", "response_format", "speed", "stream_format", "user", "voice"}),
    content=("input",),
    text=("input",),
    identified_by=frozenset({"input", "voice"}),
    amounts=(amounts.count_characters,),
    mode="audio_speech",
    model_words=("tts", "speech", "sonic", "aura"),
    probe={"input": "hi", "voice": "alloy"},
    mock=mock_media.speech,
    mock_events=mock_media.speech_events,
)
_LISTENING_PARAMETERS = frozenset({"prompt", "response_format", "temperature", "user"})
TRANSCRIPTIONS = Operation(
    name="transcriptions",
    call_type="atranscription",
    schema=TranscriptionsSchema,
    paths=("audio/transcriptions",),
    body="multipart",
    answers=("json", "stream", "bytes"),
    parameters=_LISTENING_PARAMETERS
    | frozenset(
        "chunking_strategy include known_speaker_names known_speaker_references language timestamp_granularities".split()
    ),
    content=("prompt",),
    amounts=(amounts.count_seconds,),
    mode="audio_transcription",
    model_words=("whisper", "transcribe", "scribe", "nova-2", "nova-3"),
    probe={},
    probe_files={"file": SILENCE},
    mock=mock_media.transcript,
    mock_events=mock_media.transcript_events,
)
TRANSLATIONS = Operation(
    name="translations",
    call_type="atranslation",
    schema=TranslationsSchema,
    paths=("audio/translations",),
    body="multipart",
    answers=("json", "bytes"),
    parameters=_LISTENING_PARAMETERS,
    content=("prompt",),
    amounts=(amounts.count_seconds,),
    mode="audio_translation",
    probe={},
    probe_files={"file": SILENCE},
    mock=mock_media.transcript,
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
    IMAGES,
    IMAGE_EDITS,
    IMAGE_VARIATIONS,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
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
