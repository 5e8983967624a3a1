"""Short ways to a request body, an answer and a stream of the Gemini provider."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import Event
from proxy.providers.registry import PROVIDERS
from tests.providers.gathering import gather

HELLO = [{"role": "user", "content": "Hello"}]
PNG = "data:image/png;base64,iVBORw0KGgo="
CONNECTION = {"api_key": "test-key", "vertex_project": "project", "vertex_location": "us-central1"}


def build_deployment(model: str = "gemini-2.5-flash", provider: str = "gemini", **connection: Any) -> Deployment:
    return Deployment("deployment-1", "group", provider, model, {**CONNECTION, **connection})


def build_call(fields: Mapping[str, Any]) -> Call:
    operation = EMBEDDINGS if "input" in fields else CHAT
    body = fields if "input" in fields else {"messages": HELLO, **fields}
    return Call(
        "call-1", operation, "group", Document.of(body), stream=bool(fields.get("stream")), started_at=1_700_000_000.5
    )


def body_for(model: str = "gemini-2.5-flash", provider: str = "gemini", **fields: Any) -> dict[str, Any]:
    """The request body that Google gets for these fields of a request."""
    request = PROVIDERS[provider].build_request(build_call(fields), build_deployment(model, provider))
    body: dict[str, Any] = json.loads(request.body)
    return body


def contents_for(
    messages: list[Any], model: str = "gemini-2.5-flash", provider: str = "gemini"
) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = body_for(model, provider, messages=messages)["contents"]
    return contents


def candidate(*parts: Mapping[str, Any], reason: str | int | None = "STOP", **members: Any) -> dict[str, Any]:
    """An answer, or an event, with one candidate."""
    finish = {"finishReason": reason} if reason else {}
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, **finish, **members}],
        "modelVersion": "gemini-2.5-flash",
        "responseId": "response-1",
    }


def answer_to(answer: Any, provider: str = "gemini", **fields: Any) -> dict[str, Any]:
    """The OpenAI answer to one of Google's."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    parsed: dict[str, Any] = json.loads(
        PROVIDERS[provider].parse_response(body, {}, build_call(fields), build_deployment(provider=provider)).body
    )
    return parsed


def stream_of(events: Iterable[Mapping[str, Any]], provider: str = "gemini") -> list[Chunk]:
    decoder = PROVIDERS[provider].open_stream(build_call({"stream": True}), build_deployment(provider=provider))
    chunks = [chunk for event in events for chunk in decoder.feed(Event(json.dumps(event).encode()))]
    return [*chunks, *decoder.finish()]


def gathered(events: Iterable[Mapping[str, Any]], provider: str = "gemini") -> dict[str, Any]:
    """The streamed answer as a client gathers it."""
    return gather(stream_of(events, provider))
