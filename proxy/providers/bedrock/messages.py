"""OpenAI's messages as Converse's system blocks and alternating turns.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from proxy.domain.json_text.codec import dumps
from proxy.providers.bedrock.media import build_media
from proxy.providers.bedrock.models import Model
from proxy.providers.bedrock.turns import NO_TEXT, arrange_turns
from proxy.providers.translation.content import bad_content, list_messages, list_objects, list_parts, read_text
from proxy.providers.translation.json_reading import parse_arguments

Block = dict[str, Any]

_TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_ID_LENGTH = 64
_ERROR: Block = {"text": "(error)"}
_TEXTS = frozenset({"text", "refusal", "input_text", "output_text"})


class Conversation(NamedTuple):
    """`tools` are the names of the tools that the history calls, in their order."""

    system: list[Block]
    turns: list[dict[str, Any]]
    tools: tuple[str, ...]


class _Reader:
    """Walks the messages once; what one message implies for later ones is kept here."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.system: list[Block] = []
        self.turns: list[dict[str, Any]] = []
        self.calls: dict[str, str] = {}
        self.documents: dict[str, int] = {}

    def add(self, role: str, blocks: list[Block]) -> None:
        """Another turn, or more of the last one: roles must alternate."""
        if not blocks:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"].extend(blocks)
        else:
            self.turns.append({"role": role, "content": blocks})


def build_conversation(fields: Mapping[str, Any], model: Model) -> Conversation:
    """System blocks, turns and called tools of the messages. Raises BadRequestError that names the place."""
    reader = _Reader(model)
    message: Mapping[str, Any] = {}
    for param, message in list_messages(fields):
        read = _ROLES.get(str(message.get("role")))
        if read is None:
            raise bad_content(f"Unknown role {message.get('role')!r}", f"{param}.role")
        read(reader, message, param)
    if not reader.turns:
        # Bedrock refuses a request without a turn; OpenAI takes one that is all instruction.
        return Conversation([], [{"role": "user", "content": reader.system or [NO_TEXT]}], ())
    ends_blank = message.get("role") == "user"
    turns = arrange_turns(reader.turns, model.family, ends_blank=ends_blank)
    return Conversation(reader.system, turns, tuple(dict.fromkeys(reader.calls.values())))


def cache_point(holder: object) -> list[Block]:
    """A cache point for a holder with `cache_control`, else nothing."""
    control = holder.get("cache_control") if isinstance(holder, Mapping) else None
    if not isinstance(control, Mapping):
        return []
    ttl = control.get("ttl")
    return [{"cachePoint": {"type": "default", **({"ttl": ttl} if isinstance(ttl, str) else {})}}]


def _system(reader: _Reader, message: Mapping[str, Any], param: str) -> None:
    for place, part in list_parts(message.get("content"), param):
        if part.get("type") == "guarded_text":
            reader.system.append({"guardContent": {"text": {"text": read_text(part, place)}}})
        elif str(part.get("type")) not in _TEXTS:
            raise bad_content(f"A system message can't hold content of type {part.get('type')!r}", place)
        elif text := _text(part, place):
            reader.system.append({"text": text})
        reader.system.extend(cache_point(part))
    reader.system.extend(cache_point(message))


def _user(reader: _Reader, message: Mapping[str, Any], param: str) -> None:
    reader.add("user", [*_blocks(reader, message, param), *cache_point(message)])


def _assistant(reader: _Reader, message: Mapping[str, Any], param: str) -> None:
    blocks = list(_thoughts(reader.model, message, param))
    blocks.extend(_blocks(reader, message, param))
    if message.get("refusal") and not message.get("content"):
        blocks.append({"text": message["refusal"]})
    for place, call in list_objects(message.get("tool_calls"), f"{param}.tool_calls"):
        blocks.append(_tool_use(reader, call, place))
        blocks.extend(cache_point(call))
    reader.add("assistant", [*blocks, *cache_point(message)])


def _tool(reader: _Reader, message: Mapping[str, Any], param: str) -> None:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or tool_id(call_id) not in reader.calls:
        raise bad_content("A tool message answers no tool call before it", f"{param}.tool_call_id")
    content: list[Block] = []
    marks = cache_point(message)
    for place, part in list_parts(message.get("content"), param):
        content.extend(_result_part(reader, part, place))
        marks = marks or cache_point(part)
    result: Block = {"toolUseId": tool_id(call_id), "content": content}
    if message.get("status") == "error" or message.get("is_error") is True:
        if reader.model.family.status or not reader.model.vendor:
            result["status"] = "error"
            # An error must have content.
            result["content"] = content or [_ERROR]
        else:
            result["content"] = [_ERROR, *content]
    reader.add("user", [{"toolResult": result}, *marks])


_ROLES: Mapping[str, Callable[[_Reader, Mapping[str, Any], str], None]] = {
    "system": _system,
    "developer": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
}


def _blocks(reader: _Reader, message: Mapping[str, Any], param: str) -> Iterator[Block]:
    for place, part in list_parts(message.get("content"), param):
        if part.get("type") in ("thinking", "redacted_thinking"):
            yield from _thought(reader.model, part, place)
        elif part.get("type") == "guarded_text":
            yield {"guardContent": {"text": {"text": read_text(part, place)}}}
        else:
            yield from _content_part(reader, part, place)
        yield from cache_point(part)


def _content_part(reader: _Reader, part: Mapping[str, Any], place: str) -> Iterator[Block]:
    if str(part.get("type")) in _TEXTS:
        # Bedrock refuses blank text, which is what clients send beside tool calls.
        if text := _text(part, place):
            yield {"text": text}
        return
    block = build_media(part, place, reader.documents)
    if block is None:
        raise bad_content(f"Bedrock takes no content of type {part.get('type')!r}", place)
    yield block


def _result_part(reader: _Reader, part: Mapping[str, Any], place: str) -> Iterator[Block]:
    if part.get("type") == "json" and "json" in part:
        # Bedrock takes objects here, and no other JSON.
        value = part["json"]
        yield {"json": value} if isinstance(value, Mapping) else {"text": dumps(value).decode()}
    else:
        yield from _content_part(reader, part, place)


def _text(part: Mapping[str, Any], place: str) -> str:
    """The part's text; nothing if it is blank."""
    text = part.get("refusal") if part.get("type") == "refusal" else read_text(part, place)
    return text if isinstance(text, str) and text.strip() else ""


def _tool_use(reader: _Reader, call: object, param: str) -> Block:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content("A tool call has no function with a name", param)
    if not isinstance(call.get("id"), str) or not call["id"]:
        raise bad_content("A tool call has no id", f"{param}.id")
    call_id = tool_id(call["id"])
    reader.calls[call_id] = function["name"]
    arguments = parse_arguments(function.get("arguments"), f"{param}.function.arguments")
    return {"toolUse": {"toolUseId": call_id, "name": function["name"], "input": arguments}}


def tool_id(call_id: str) -> str:
    """An id that Bedrock takes: another provider's may hold other characters, or be longer."""
    if _TOOL_ID.fullmatch(call_id):
        return call_id
    clean = re.sub(r"[^a-zA-Z0-9_.:-]", "_", call_id)
    digest = hashlib.sha256(call_id.encode()).hexdigest()[:16]
    return f"{clean[: _ID_LENGTH - 17]}_{digest}"


def _thoughts(model: Model, message: Mapping[str, Any], param: str) -> Iterator[Block]:
    thoughts = message.get("thinking_blocks")
    for index, thought in enumerate(thoughts if isinstance(thoughts, list) else ()):
        place = f"{param}.thinking_blocks[{index}]"
        if not isinstance(thought, Mapping):
            raise bad_content("A thinking block is not an object", place)
        yield from _thought(model, thought, place)


def _thought(model: Model, thought: Mapping[str, Any], place: str) -> Iterator[Block]:
    """A thought exactly as it came. What its model would refuse is left out: unsigned ones for Claude and DeepSeek."""
    if thought.get("type") == "redacted_thinking":
        if not isinstance(thought.get("data"), str):
            raise bad_content("A redacted thinking block has no data", place)
        yield {"reasoningContent": {"redactedContent": thought["data"]}}
        return
    text, signature = thought.get("thinking"), thought.get("signature")
    if not isinstance(text, str):
        raise bad_content("A thinking block has no thinking", place)
    if isinstance(signature, str) and signature:
        yield {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
    elif text and not model.claude and model.vendor != "deepseek":
        yield {"reasoningContent": {"reasoningText": {"text": text}}}
