"""A chat exchange asked through the Responses API: the client's body, the dispatcher's trip, the answer's facts."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from proxy.dialects.responses.dialect import RESPONSES as DIALECT
from proxy.dialects.responses.items import SEALED_MEMBERS
from proxy.dialects.responses.request import read_request
from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.answer import Answer, Chunk
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import Call
from proxy.domain.conversation import REASONING_PREFIX, Conversation
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, RESPONSES
from proxy.domain.sealing import Sealer, derive_key
from proxy.domain.wire import Clocks
from proxy.providers.contract import Provider
from proxy.providers.registry import find_provider
from proxy.runtime import Runtime
from proxy.transport.framing.framing import DECODERS
from tests.dialects.messages.asking import Recorded, Unsigned
from tests.dialects.responses.events import check_order, events_of

SEALER = Sealer(derive_key("sk-test", "responses"))
# Chat's parameters that are called the same here.
_SAME = ("temperature", "top_p", "stream", "user", "parallel_tool_calls", "seed", "stop", "thinking", "n")


def to_responses(client: Mapping[str, Any]) -> dict[str, Any]:
    """A chat body as a client of the Responses API would have written it."""
    body: dict[str, Any] = {"model": "group", "store": False, "input": []}
    body |= {name: client[name] for name in _SAME if name in client}
    for message in client["messages"]:
        body["input"] += message["items"] if "items" in message else _items(message)
    limit = client.get("max_completion_tokens", client.get("max_tokens"))
    if limit is not None:
        body["max_output_tokens"] = limit
    if client.get("tools"):
        body["tools"] = [{"type": "function", **tool["function"]} for tool in client["tools"]]
    choice = client.get("tool_choice")
    if choice is not None:
        body["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", **choice["function"]}
    if client.get("reasoning_effort") is not None:
        body["reasoning"] = {"effort": client["reasoning_effort"]}
    form = client.get("response_format")
    if form is not None:
        body["text"] = {"format": {"type": form["type"], **form.get("json_schema", {})}}
    return body


def _items(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    role, content = message["role"], message.get("content")
    if role == "tool":
        return [
            {"type": "function_call_output", "call_id": message["tool_call_id"], "output": _parts(content, "input")}
        ]
    items: list[dict[str, Any]] = []
    sealed = {name: message[name] for name in SEALED_MEMBERS if message.get(name)}
    if sealed:
        items.append({"type": "reasoning", "summary": [], "encrypted_content": SEALER.seal(REASONING_PREFIX, sealed)})
    if content:
        kind = "output" if role == "assistant" else "input"
        items.append({"type": "message", "role": role, "content": _parts(content, kind)})
    for call in message.get("tool_calls") or ():
        items.append({"type": "function_call", "call_id": call["id"], **call["function"]})
    return items


def _parts(content: Any, kind: str) -> Any:
    if isinstance(content, str) or content is None:
        return content or ""
    found = []
    for part in content:
        if part["type"] == "text":
            found.append({"type": f"{kind}_text", "text": part["text"]})
        elif part["type"] == "image_url":
            image = part["image_url"]
            found.append({"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")})
        elif part["type"] == "file":
            found.append({"type": "input_file", **part["file"]})
        else:
            found.append(dict(part))
    return found


def call_of(body: Mapping[str, Any], **members: Any) -> Call:
    native = Document.parse(json.dumps(body).encode())
    return Call(
        "call-1", CHAT, "group", BridgedDocument(partial(read_request, sealer=SEALER), native), dialect="responses",
        native=native, asked=RESPONSES, stream=bool(body.get("stream")), include_usage=True, started_at=1_700_000_000.0,
        conversation=Conversation(SEALER), **members,
    )  # fmt: skip


def find_bridged(name: str) -> Provider | None:
    """The provider as it is where it does not speak the Responses API."""
    provider = find_provider(name)
    return replace(provider, native={}) if provider is not None else None


def ask(
    body: Mapping[str, Any],
    deployment: Deployment,
    upstream: Recorded,
    find: Callable[[str], Provider | None] = find_bridged,
) -> tuple[dict[str, Any], list[bytes]]:
    """(the response, the frames of a stream). Raises the GatewayError."""
    call = call_of(body)
    auths: dict[Any, Any] = dict.fromkeys(("aws", "google", "azure", "ibm"), Unsigned())
    reply = Dispatcher(upstream, Runtime(), find, DECODERS, auths).send(call, deployment, Clocks(), lambda result: None)
    if isinstance(reply, Answer):
        response: dict[str, Any] = json.loads(DIALECT.write_answer(call, reply, 0.1))
        return response, []
    frames = write(call, reply.form, list(reply.chunks))
    events = events_of(b"".join(frames).decode())
    pieces = sum(event["type"] == "response.output_text.delta" for event in events)
    return {**check_order(events), "pieces": pieces}, frames


def write(call: Call, form: str, batches: Sequence[list[Chunk]]) -> list[bytes]:
    writer = DIALECT.open_writer(call, form, lambda usage: None)
    return [*(writer.frames(batch) for batch in batches if batch), writer.end()]


def facts_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """The response as tests.providers.gathering.chat_facts reduces a completion."""
    items = response["output"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    thoughts = [part["text"] for item in items if item["type"] == "reasoning" for part in item["summary"]]
    reason = (response["incomplete_details"] or {}).get("reason")
    finish = {"max_output_tokens": "length", None: "tool_calls" if calls else "stop"}.get(reason, reason)
    sealed = [SEALER.open(REASONING_PREFIX, item["encrypted_content"]) for item in items if item["type"] == "reasoning"]
    blocks = [block for one in sealed for block in one.get("thinking_blocks", ())]
    usage = response["usage"] or {}
    return {
        "content": "".join(part.get("text", "") for part in parts) or None,
        "reasoning": "".join(thoughts) or None,
        "refusal": "".join(part.get("refusal", "") for part in parts) or None,
        "tool_calls": [
            {"id": item["call_id"], "name": item["name"], "args": json.loads(item["arguments"] or "{}")} for item in calls
        ],
        "finish": finish,
        "usage": {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "total_tokens": usage.get("total_tokens"),
            "cached_tokens": usage.get("input_tokens_details", {}).get("cached_tokens"),
            "cache_write_tokens": usage.get("input_tokens_details", {}).get("cache_write_tokens"),
            "reasoning_tokens": usage.get("output_tokens_details", {}).get("reasoning_tokens"),
        },
        "n_choices": 1,
        "n_text": response.get("pieces", 1),
        "redacted": sum(block.get("type") == "redacted_thinking" for block in blocks),
        "message": {"output": items, "sealed": sealed},
    }  # fmt: skip
