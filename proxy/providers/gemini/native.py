"""Gemini asked in Google's own form: the client's body as it came, the answer's bytes and its events likewise.

Only what the gateway must change is changed: the model, the deployment's defaults, and signatures of other makers' models,
which Google refuses. https://ai.google.dev/api/generate-content
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.carried_thoughts import carries_thoughts
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import (
    BATCH_EMBED_CONTENTS,
    CHAT,
    COUNT_CONTENT,
    EMBED_CONTENT,
    EMBEDDINGS,
)
from proxy.domain.usage import Usage
from proxy.domain.wire import Event, WireRequest
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.gemini.address import build_base, quote_model
from proxy.providers.gemini.candidates import read_reason
from proxy.providers.gemini.errors import event_error, parse_error
from proxy.providers.gemini.generation import build_generation_config, snake
from proxy.providers.gemini.models import family, wants_signatures
from proxy.providers.gemini.response import answering_model, read_answer
from proxy.providers.gemini.signatures import skip_for
from proxy.providers.gemini.tools import build_tools
from proxy.providers.gemini.usage import parse_usage
from proxy.providers.translation.json_reading import find_object, mapping, mappings, parse_event

FORM = "gemini"

_METHODS = {COUNT_CONTENT: "countTokens", EMBED_CONTENT: "embedContent", BATCH_EMBED_CONTENTS: "batchEmbedContents"}
_SIGNATURES = ("thoughtSignature", "thought_signature")
_CALLS = ("functionCall", "function_call")


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The call with the body that goes out. Model and streaming are in the path; a batch names the model in each request."""
    document = native_of(call).edit(drop=["model", "stream"])
    changes: dict[str, Any] = {}
    model = quote_model(deployment.model)
    if call.asked is BATCH_EMBED_CONTENTS:
        changes["requests"] = _named(document.fields.get("requests"), model)
    elif "generateContentRequest" in document.fields and call.operation is COUNT_CONTENT:
        changes["generateContentRequest"] = {**document.fields["generateContentRequest"], "model": model}
    elif call.operation is CHAT:
        changes = find_defaults(document.fields, deployment)
    contents = document.fields.get("contents")
    cleaned = clean_contents(contents, deployment)
    if cleaned is not contents:
        changes["contents"] = cleaned
    return call._replace(native=document.edit(changes)), ()


def native_of(call: Call) -> Document:
    """The body in the client's dialect, which a call has that is asked natively."""
    assert call.native is not None
    return call.native


def _named(requests: Any, model: str) -> list[dict[str, Any]]:
    given = [requests] if isinstance(requests, Mapping) else requests
    return [{**request, "model": model} for request in mappings(given)]


def find_defaults(fields: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    """The deployment's defaults that the body does not have, by Google's names, and members of its `extra_body`."""
    defaults, extra = deployment.defaults, deployment.connection.get("extra_body")
    found = {name: value for name, value in (extra or {}).items() if name not in fields and snake(name) not in fields}
    if not defaults:
        return found
    name = "generation_config" if fields.get("generation_config") else "generationConfig"
    given = mapping(fields.get(name))
    config = build_generation_config(defaults, deployment.model)
    config = {key: value for key, value in config.items() if key not in given and snake(key) not in given}
    if config:
        found[name] = {**config, **given}
    tools = build_tools(defaults) if "tools" in defaults and not fields.get("tools") else None
    return {**found, "tools": tools} if tools else found


def clean_contents(contents: Any, deployment: Deployment) -> Any:
    """The contents without signatures of other makers, and with one where the model asks for it; the same object if they are."""
    if not isinstance(contents, list):
        return contents
    cleaned = [_clean_content(content, deployment) for content in contents]
    return contents if all(new is old for new, old in zip(cleaned, contents, strict=True)) else cleaned


def _clean_content(content: Any, deployment: Deployment) -> Any:
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(parts, list):
        return content
    cleaned = [_without_foreign(part) for part in parts]
    if content.get("role") == "model" and wants_signatures(deployment.model):
        cleaned = _with_signature(cleaned, deployment)
    if all(new is old for new, old in zip(cleaned, parts, strict=True)):
        return content
    return {**content, "parts": cleaned}


def _without_foreign(part: Any) -> Any:
    if isinstance(part, Mapping):
        for name in _SIGNATURES:
            if carries_thoughts(part.get(name)):
                return {key: value for key, value in part.items() if key != name}
    return part


def _with_signature(parts: list[Any], deployment: Deployment) -> list[Any]:
    """Of parallel calls Gemini signs the first, and that is the one it looks at."""
    for position, part in enumerate(parts):
        if isinstance(part, Mapping) and any(name in part for name in _CALLS):
            if any(part.get(name) for name in _SIGNATURES):
                return parts
            signed = {**part, "thoughtSignature": skip_for(family(deployment))}
            return [*parts[:position], signed, *parts[position + 1 :]]
    return parts


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """The key goes into a header, never into the URL."""
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    if deployment.api_key:
        headers["x-goog-api-key"] = deployment.api_key
    url = f"{build_base(deployment)}/{quote_model(deployment.model)}:{method_of(call)}"
    return WireRequest(url=url, headers=headers, body=native_of(call).to_content(), guarded=deployment.guarded)


def method_of(call: Call) -> str:
    """The method in the address. A stream comes as events, however the client wants it."""
    if call.asked in _METHODS:
        return _METHODS[call.asked]
    return "streamGenerateContent?alt=sse" if call.stream else "generateContent"


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes. Raise InvalidProviderResponseError for what is no answer, and the error that a 200 may hold."""
    if call.operation is CHAT:
        fields = read_answer(body, deployment)
        return Answer(body, parse_usage(fields.get("usageMetadata")), answering_model(fields, deployment), headers)
    found = find_object(body) or {}
    if found.get("error"):
        raise event_error(body, deployment)
    if not any(name in found for name in ("totalTokens", "embedding", "embeddings")):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is no answer of Gemini's", provider=deployment.provider
        )
    usage = parse_usage(found.get("usageMetadata")) if call.operation is EMBEDDINGS else None
    return Answer(body, usage, deployment.label, headers)


class NativeStream:
    """Relays answers. Finished means every candidate had its finishReason, or the prompt was blocked."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._reasons: dict[int, str | None] = {}
        self._usage: Usage | None = None

    def feed(self, event: Event) -> list[Chunk]:
        if not event.data or event.data == b"[DONE]":
            return []
        fields = parse_event(event.data, self._deployment)
        first = fields[0] if isinstance(fields, list) and fields else fields
        if event.name == "error" or (isinstance(first, Mapping) and first.get("error")):
            raise event_error(event.data, self._deployment)
        if not isinstance(fields, Mapping):
            return []
        has_content = False
        for position, candidate in enumerate(mappings(fields.get("candidates"))):
            index = candidate.get("index", position)
            self._reasons[index] = read_reason(candidate) or self._reasons.get(index)
            has_content = has_content or _has_content(candidate)
        if mapping(fields.get("promptFeedback")).get("blockReason"):
            self._reasons.setdefault(0, "SAFETY")
        usage = parse_usage(fields.get("usageMetadata"))
        self._usage = usage or self._usage
        return [Chunk(event.data, has_content, self._is_finished(), usage)]

    def finish(self) -> list[Chunk]:
        if not self._is_finished():
            provider = self._deployment.provider
            raise TruncatedStreamError(f"{provider} closed the stream before it had finished", provider=provider)
        return []

    def usage_so_far(self) -> Usage | None:
        return self._usage

    def text_length(self, data: bytes) -> int:
        """The characters of an answer's texts."""
        parts = (part for candidate in mappings(loads(data).get("candidates")) for part in _parts(candidate))
        return sum(len(part["text"]) for part in parts if isinstance(part.get("text"), str))

    def _is_finished(self) -> bool:
        return bool(self._reasons) and None not in self._reasons.values()


def _parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return mappings(mapping(candidate.get("content")).get("parts"))


def _has_content(candidate: Mapping[str, Any]) -> bool:
    return any(
        name not in ("text", *_SIGNATURES) or value for part in _parts(candidate) for name, value in part.items()
    )


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return NativeStream(deployment)


NATIVE = Provider(
    name="gemini",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    framing="sse-or-array",
    operations=(CHAT, EMBEDDINGS, COUNT_CONTENT),
    prepare=prepare,
    form=FORM,
)
# By the client's dialect: a client that wants an array differs in nothing that the provider sees.
NATIVES: Mapping[str, Provider] = {"gemini": NATIVE, "gemini-array": NATIVE}
