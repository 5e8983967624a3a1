"""A recorded exchange asked in Anthropic's form: the client's body, the dispatcher's trip, the answer's facts."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.dialects.messages import MESSAGES_DIALECT
from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.answer import Answer, Chunk
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, MESSAGES
from proxy.domain.wire import ClientWatch, Clocks, WireRequest
from proxy.providers.contract import Provider
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime
from proxy.transport.framing.framing import DECODERS

Block = dict[str, Any]

FINISHES = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # fmt: skip


def to_messages(client: Mapping[str, Any]) -> dict[str, Any]:
    """An OpenAI body as a client of Anthropic's would have written it; what has no place there is left out."""
    body: dict[str, Any] = {"model": "group", "max_tokens": client.get("max_tokens", 4096), "messages": []}
    for name in ("temperature", "top_p", "stream", "thinking"):
        if name in client:
            body[name] = client[name]
    for message in client["messages"]:
        body["messages"].append(_turn(message))
    if client.get("stop"):
        body["stop_sequences"] = client["stop"] if isinstance(client["stop"], list) else [client["stop"]]
    if client.get("tools"):
        body["tools"] = [_tool(tool) for tool in client["tools"]]
        body.update(_choice(client))
    if client.get("reasoning_effort") not in (None, "none"):
        body["output_config"] = {"effort": client["reasoning_effort"]}
    if (client.get("response_format") or {}).get("type") == "json_schema":
        schema = client["response_format"]["json_schema"]["schema"]
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    return body


def _turn(message: Mapping[str, Any]) -> dict[str, Any]:
    role = message["role"]
    if role in ("system", "developer"):
        return {"role": "system", "content": _blocks(message["content"])}
    if role == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": _blocks(message["content"])}
        return {"role": "user", "content": [result]}
    if "content_blocks" in message:
        return {"role": "assistant", "content": message["content_blocks"]}
    blocks = list(message.get("thinking_blocks") or ())
    if message.get("reasoning_content") and not blocks:
        blocks.append({"type": "thinking", "thinking": message["reasoning_content"], "signature": ""})
    blocks += [block for block in _blocks(message.get("content") or "") if block.get("text") != ""]
    for call in message.get("tool_calls") or ():
        function = call["function"]
        blocks.append(
            {"type": "tool_use", "id": call["id"], "name": function["name"], "input": json.loads(function["arguments"])}
        )
    return {"role": role, "content": blocks}


def _blocks(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_block(part) for part in content]


def _block(part: Mapping[str, Any]) -> Block:
    if part["type"] != "image_url":
        return dict(part)
    url = part["image_url"]["url"]
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    head, _, data = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _tool(tool: Mapping[str, Any]) -> Block:
    function = tool["function"]
    members = {name: function[name] for name in ("name", "description", "strict") if function.get(name)}
    marks = {"cache_control": tool["cache_control"]} if "cache_control" in tool else {}
    return {**members, "input_schema": function.get("parameters") or {"type": "object"}, **marks}


def _choice(client: Mapping[str, Any]) -> dict[str, Any]:
    given, parallel = client.get("tool_choice"), client.get("parallel_tool_calls")
    choice: dict[str, Any] = {}
    if isinstance(given, str):
        choice = {"type": {"required": "any"}.get(given, given)}
    elif given is not None:
        choice = {"type": "tool", "name": given["function"]["name"]}
    if parallel is False:
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    return {"tool_choice": choice} if choice else {}


class Recorded:
    """A transport that gives one recorded answer, in blocks of `size` bytes."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, size: int) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self._body = body
        self._size = size
        self.requests: list[WireRequest] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> "Recorded":
        self.requests.append(request)
        return self

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        for at in range(0, len(self._body), self._size):
            yield self._body[at : at + self._size]

    def close(self) -> None:
        pass


class Unsigned:
    """Credentials that add nothing."""

    def apply(self, request: WireRequest, deployment: Deployment) -> WireRequest:
        return request


def call_of(body: Mapping[str, Any]) -> Call:
    native = Document.parse(json.dumps(body).encode())
    return Call(
        "call-1", CHAT, "group", BridgedDocument(MESSAGES_DIALECT.read_request, native), dialect="messages",
        native=native, asked=MESSAGES, stream=bool(body.get("stream")), include_usage=True, started_at=1_700_000_000.0,
    )  # fmt: skip


def find_bridged(name: str) -> Provider | None:
    """The provider as it is where it does not speak Anthropic's form."""
    provider = find_provider(name)
    return replace(provider, native={}) if provider is not None else None


def ask(
    body: Mapping[str, Any],
    deployment: Deployment,
    upstream: Recorded,
    find: Callable[[str], Provider | None] = find_provider,
) -> tuple[dict[str, Any], str, list[bytes]]:
    """(the message, the form in which the provider was asked, the frames of a stream). Raises the GatewayError."""
    call = call_of(body)
    auths: dict[Any, Any] = dict.fromkeys(("aws", "google", "azure", "ibm"), Unsigned())
    dispatcher = Dispatcher(upstream, Runtime(), find, DECODERS, auths)
    reply = dispatcher.send(call, deployment, Clocks(), lambda result: None)
    if isinstance(reply, Answer):
        message: dict[str, Any] = json.loads(MESSAGES_DIALECT.write_answer(call, reply, 0.1))
        return message, reply.form, []
    frames = write(call, reply.form, list(reply.chunks))
    return gather(frames), reply.form, frames


def write(call: Call, form: str, batches: Sequence[list[Chunk]]) -> list[bytes]:
    writer = MESSAGES_DIALECT.open_writer(call, form, lambda usage: None)
    return [*(writer.frames(batch) for batch in batches if batch), writer.end()]


def events_of(frames: Sequence[bytes]) -> list[dict[str, Any]]:
    """The events, whose two lines agree."""
    events = []
    for block in b"".join(frames).decode().split("\n\n"):
        if block:
            name, data = block.split("\n", 1)
            event = json.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            events.append(event)
    return events


def gather(frames: Sequence[bytes]) -> dict[str, Any]:
    """The message as Anthropic's SDKs add it up, strict about the order of events."""
    events = events_of(frames)
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
    message: dict[str, Any] = events[0]["message"]
    is_open = False
    for event in events[1:-1]:
        kind = event["type"]
        if kind == "content_block_start":
            assert not is_open and event["index"] == len(message["content"])
            message["content"].append({**event["content_block"], "deltas": 0, "json": ""})
            is_open = True
        elif kind == "content_block_delta":
            assert is_open and event["index"] == len(message["content"]) - 1
            _extend(message["content"][-1], event["delta"])
        elif kind == "content_block_stop":
            assert is_open and event["index"] == len(message["content"]) - 1
            is_open = False
        elif kind == "message_delta":
            assert not is_open
            message.update(event["delta"])
            message["usage"] = {**message["usage"], **event["usage"]}
    return message


def _extend(block: Block, delta: Mapping[str, Any]) -> None:
    block["deltas"] += 1
    kind = delta["type"]
    if kind == "input_json_delta":
        block["json"] += delta["partial_json"]
        block["input"] = _parsed(block["json"])
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
    else:
        member = kind.removesuffix("_delta")
        block[member] = block.get(member, "") + delta[member]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def facts_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as tests.providers.gathering.chat_facts reduces a completion."""
    blocks = message["content"]
    usage = message["usage"]
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    prompt, completion = usage["input_tokens"] + read + written, usage["output_tokens"]
    return {
        "content": "".join(block["text"] for block in blocks if block["type"] == "text") or None,
        "reasoning": "".join(block["thinking"] for block in blocks if block["type"] == "thinking") or None,
        "tool_calls": [
            {"id": block["id"], "name": block["name"], "args": block["input"]}
            for block in blocks
            if block["type"] == "tool_use"
        ],
        "finish": FINISHES[message["stop_reason"]],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "cached_tokens": read,
            "cache_write_tokens": written,
            "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
        },
        "n_text": sum(block.get("deltas", 1) for block in blocks if block["type"] == "text"),
        "redacted": sum(block["type"] == "redacted_thinking" for block in blocks),
        "message": message,
    }


def sent_back(message: Mapping[str, Any]) -> dict[str, Any]:
    """The assistant's turn as a client sends it back."""
    blocks = [{k: v for k, v in block.items() if k not in ("deltas", "json")} for block in message["content"]]
    return {"role": "assistant", "content_blocks": blocks}
