"""Short ways to a call, a request body, an answer and a stream of the Anthropic provider."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import Event
from proxy.providers.anthropic import PROVIDER

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def build_deployment(model: str = "claude-haiku-4-5", **connection: Any) -> Deployment:
    return Deployment("deployment-1", "group", "anthropic", model, {"api_key": "sk-ant", **connection})


def build_call(fields: Mapping[str, Any]) -> Call:
    body = {"messages": HELLO, **fields}
    stream = bool(fields.get("stream"))
    return Call("call-1", CHAT, "group", Document.of(body), stream=stream, started_at=1_700_000_000.5)


def body_for(model: str = "claude-haiku-4-5", **fields: Any) -> dict[str, Any]:
    """The request body that Anthropic gets for these fields of a chat request."""
    request = PROVIDER.build_request(build_call(fields), build_deployment(model))
    body: dict[str, Any] = json.loads(request.body)
    return body


def answer_to(message: Mapping[str, Any], model: str = "claude-haiku-4-5", **fields: Any) -> dict[str, Any]:
    """The chat completion for a message of Anthropic's."""
    body = json.dumps({"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", **message}).encode()
    answer = PROVIDER.parse_response(body, {}, build_call(fields), build_deployment(model))
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


def stream_of(events: Iterable[Mapping[str, Any]], model: str = "claude-haiku-4-5", **fields: Any) -> list[Chunk]:
    """The chunks for a stream of Anthropic's events."""
    decoder = PROVIDER.open_stream(build_call({**fields, "stream": True}), build_deployment(model))
    chunks = [chunk for event in events for chunk in decoder.feed(Event(json.dumps(event).encode(), event["type"]))]
    return [*chunks, *decoder.finish()]


def events_of(blocks: list[dict[str, Any]], stop_reason: str = "end_turn", **usage: Any) -> list[dict[str, Any]]:
    """The events in which Anthropic streams these whole blocks, each text cut into single letters."""
    start = {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "usage": {"input_tokens": 3, **usage}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        opening, deltas = _opened(block)
        events.append({"type": "content_block_start", "index": index, "content_block": opening})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})
    return [*events, {"type": "message_stop"}]


def _opened(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block["type"]
    if kind == "text":
        opening = {**block, "text": "", **({"citations": []} if "citations" in block else {})}
        deltas = [{"type": "text_delta", "text": letter} for letter in block["text"]]
        cited = block.get("citations", [])
        return opening, [*deltas, *({"type": "citations_delta", "citation": citation} for citation in cited)]
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": letter} for letter in block["thinking"]]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signature]
    if kind in ("tool_use", "server_tool_use") and block["input"]:
        pieces = [{"type": "input_json_delta", "partial_json": letter} for letter in json.dumps(block["input"])]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": ""}, *pieces]
    return block, []
