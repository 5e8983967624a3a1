"""Short ways to a request body, an answer and a stream of the Cohere provider."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS, Operation
from proxy.domain.wire import Event, WireRequest
from proxy.providers.cohere import PROVIDER

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
TIME = {"type": "function", "function": {"name": "time"}}


def build_deployment(model: str = "command-a-03-2025", **connection: Any) -> Deployment:
    return Deployment("deployment-1", "group", "cohere", model, {"api_key": "co-key", **connection})


def build_call(fields: Mapping[str, Any], operation: Operation = CHAT) -> Call:
    body = {"messages": HELLO, **fields} if operation is CHAT else dict(fields)
    stream = bool(fields.get("stream"))
    return Call("call-1", operation, "group", Document.of(body), stream=stream, started_at=1_700_000_000.5)


def request_for(operation: Operation = CHAT, model: str = "command-a-03-2025", **fields: Any) -> WireRequest:
    return PROVIDER.build_request(build_call(fields, operation), build_deployment(model))


def body_for(model: str = "command-a-03-2025", **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request_for(CHAT, model, **fields).body)
    return body


def answer_to(reply: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps({"id": "reply-1", **reply}).encode()
    parsed: dict[str, Any] = json.loads(PROVIDER.parse_response(body, {}, build_call({}), build_deployment()).body)
    return parsed


def embed_answer(reply: Any, **fields: Any) -> dict[str, Any]:
    call = build_call({"input": "a", **fields}, EMBEDDINGS)
    body = PROVIDER.parse_response(json.dumps(reply).encode(), {}, call, build_deployment("embed-v4.0")).body
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def stream_of(events: Iterable[Mapping[str, Any]]) -> list[Chunk]:
    decoder = PROVIDER.open_stream(build_call({"stream": True}), build_deployment())
    chunks = [chunk for event in events for chunk in decoder.feed(Event(json.dumps(event).encode()))]
    return [*chunks, *decoder.finish()]


def say(kind: str, **message: Any) -> dict[str, Any]:
    """An event whose delta is a piece of the message."""
    return {"type": kind, "index": 0, "delta": {"message": message}}


def end(reason: str = "COMPLETE", **delta: Any) -> dict[str, Any]:
    usage = {
        "billed_units": {"input_tokens": 1, "output_tokens": 1},
        "tokens": {"input_tokens": 9.0, "output_tokens": 2},
    }
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": usage, **delta}}
