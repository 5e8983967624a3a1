"""Anthropic's turns and their blocks as OpenAI's messages.

A user's turn may become several messages: each tool result is one, and what else is in the turn follows them. Pictures in
a result follow it in a user's message, for OpenAI's results hold text only.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.dialects.messages.tool import TOOL_ADDITION, TOOL_REMOVAL
from proxy.domain.json_text.codec import dumps
from proxy.errors import BadRequestError

Block = Mapping[str, Any]
Message = dict[str, Any]

# Claude Code's first system block. Its hash differs from one conversation to the next, so no two would share a cache.
BILLING_HEADER = "x-anthropic-billing-header:"
# Between the maker of a signature and the signature, where it is not Anthropic's.
MAKER_MARK = "#"
_THOUGHTS = ("thinking", "redacted_thinking")
# Blocks that OpenAI's message holds as they are, one after the other: thoughts, texts, calls.
_PLAIN_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}


def build_messages(fields: Mapping[str, Any]) -> list[Message]:
    """Raise BadRequestError, naming the place, for a block that has no form elsewhere."""
    messages: list[Message] = []
    system = list(_system_parts(fields.get("system")))
    if system:
        messages.append({"role": "system", "content": _compact(system)})
    for index, turn in enumerate(fields["messages"]):
        blocks, place = _blocks(turn["content"]), f"messages[{index}].content"
        if turn["role"] == "assistant":
            messages.append(_assistant(blocks, place))
        elif turn["role"] == "system":
            parts = [part for at, block in blocks for part in _parts(block, f"{place}[{at}]")]
            messages.extend([{"role": "system", "content": _compact(parts)}] if parts else [])
        else:
            messages.extend(_user(blocks, place))
    return messages


def _blocks(content: object) -> list[tuple[int, Block]]:
    if isinstance(content, str):
        return [(0, {"type": "text", "text": content})]
    return list(enumerate(content)) if isinstance(content, Sequence) else []


def _system_parts(system: object) -> Iterator[Message]:
    for at, block in _blocks(system):
        if at == 0 and str(block.get("text", "")).startswith(BILLING_HEADER):
            continue
        yield from _parts(block, f"system[{at}]")


def _compact(parts: list[Message]) -> str | list[Message]:
    """A text where there is nothing but one text without marks."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"} and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return parts


def _user(blocks: list[tuple[int, Block]], place: str) -> Iterator[Message]:
    """Results first, as OpenAI has them directly after their calls."""
    parts: list[Message] = []
    for at, block in blocks:
        if block.get("type") == "tool_result":
            result, media = _result(block, f"{place}[{at}]")
            yield result
            parts.extend(media)
    for at, block in blocks:
        if block.get("type") != "tool_result":
            parts.extend(_parts(block, f"{place}[{at}]"))
    if parts:
        yield {"role": "user", "content": _compact(parts)}


def _result(block: Block, place: str) -> tuple[Message, list[Message]]:
    """A tool's result, and the media that it holds."""
    found = [part for at, inner in _blocks(block.get("content")) for part in _parts(inner, f"{place}.content[{at}]")]
    texts = [part for part in found if part["type"] == "text"]
    media = [part for part in found if part["type"] != "text"]
    if media and not texts:
        texts = [{"type": "text", "text": "(The result follows in the next message.)"}]
    if media:
        media = [{"type": "text", "text": f"The result of tool call {block['tool_use_id']}:"}, *media]
    if block.get("is_error"):
        texts = [{"type": "text", "text": "The tool failed:"}, *texts]
    text = "\n".join(part["text"] for part in texts)
    message: Message = {"role": "tool", "tool_call_id": block["tool_use_id"], "content": text}
    if block.get("is_error"):
        message["is_error"] = True
    if block.get("cache_control"):
        message["cache_control"] = block["cache_control"]
    return message, media


def _parts(block: Block, place: str) -> Iterator[Message]:
    """A block of a user's or a system's turn as parts; none for an empty text."""
    kind = block.get("type")
    if kind == "text":
        if block["text"]:
            yield _marked({"type": "text", "text": block["text"]}, block)
    elif kind == "image":
        yield _marked({"type": "image_url", "image_url": {"url": _url_of(block["source"], place)}}, block)
    elif kind == "document":
        yield from _document(block, place)
    elif kind == "search_result":
        yield _text(_titled(block, [str(inner.get("text") or "") for _, inner in _blocks(block.get("content"))]))
    elif kind == "tool_reference":
        yield _text(f"The tool {block.get('tool_name')} is available now.")
    elif kind == TOOL_ADDITION:
        return
    elif kind == TOOL_REMOVAL:
        tool = block.get("tool")
        name = tool.get("tool_name") or tool.get("name") if isinstance(tool, Mapping) else tool
        yield _text(f"The tool {name} is no longer available: do not call it.")
    elif isinstance(kind, str) and kind.endswith("_tool_result"):
        yield _text(_server_result(block))
    else:
        raise BadRequestError(f"Only Anthropic's models take a block of type '{kind}' ({place}).", param=place)


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


def _marked(part: Message, block: Block) -> Message:
    mark = block.get("cache_control")
    return {**part, "cache_control": mark} if mark else part


def _url_of(source: Block, place: str) -> str:
    """A picture's or a document's address, or its data as one."""
    kind = source.get("type")
    if kind == "base64" and isinstance(source.get("data"), str) and isinstance(source.get("media_type"), str):
        return f"data:{source['media_type']};base64,{source['data']}"
    if kind == "url" and isinstance(source.get("url"), str):
        return str(source["url"])
    if kind == "file":
        raise BadRequestError(
            f"A file of Anthropic's can't be read by another provider's model ({place}.source).",
            param=f"{place}.source",
        )
    raise BadRequestError(
        f"A source is base64 with data and media_type, or a url ({place}.source).", param=f"{place}.source"
    )


def _document(block: Block, place: str) -> Iterator[Message]:
    source = block["source"]
    kind = source.get("type")
    if kind == "text":
        yield _marked(_text(_titled(block, [str(source.get("data") or "")])), block)
    elif kind == "content":
        inner = [part for at, each in _blocks(source.get("content")) for part in _parts(each, f"{place}.source[{at}]")]
        yield from [_text(heading)] if (heading := _titled(block, [])) else []
        yield from inner
    else:
        file = {"file_data": _url_of(source, place), "filename": str(block.get("title") or "document.pdf")}
        yield _marked({"type": "file", "file": file}, block)


def _titled(block: Block, texts: list[str]) -> str:
    """The texts below what the block says of itself."""
    heads = [str(block[name]) for name in ("title", "source", "context") if isinstance(block.get(name), str)]
    return "\n".join([*heads, *texts])


def _server_result(block: Block) -> str:
    """What a tool of Anthropic's found in an earlier turn."""
    content = block.get("content")
    found = [inner for _, inner in _blocks(content) if isinstance(inner, Mapping)]
    lines = [" ".join(str(inner[name]) for name in ("title", "url") if inner.get(name)) for inner in found]
    lines = [line for line in lines if line]
    return "\n".join(lines) if lines else dumps(content).decode()


def _assistant(blocks: list[tuple[int, Block]], place: str) -> Message:
    """The message. `content_blocks` keep the order of the blocks, for Claude's models, where OpenAI's form would lose it."""
    texts: list[Message] = []
    calls: list[Message] = []
    for at, block in blocks:
        kind = block.get("type")
        if kind == "tool_use":
            calls.append(_call(block))
        elif kind not in _THOUGHTS and kind != "server_tool_use":
            texts.extend(_parts(block, f"{place}[{at}]"))
    message: Message = {"role": "assistant", "content": _compact(texts) if texts else (None if calls else "")}
    message.update(_thoughts([block for _, block in blocks if block.get("type") in _THOUGHTS]))
    if calls:
        message["tool_calls"] = calls
    plain = [block for _, block in blocks if block.get("type") not in _THOUGHTS or is_anthropics(block)]
    order = [_PLAIN_ORDER.get(str(block.get("type")), -1) for block in plain]
    if -1 in order or order != sorted(order):
        message["provider_specific_fields"] = {"content_blocks": plain}
    return message


def _call(block: Block) -> Message:
    function = {"name": block["name"], "arguments": dumps(block["input"]).decode()}
    call: Message = {"id": block["id"], "type": "function", "function": function}
    return _marked(call, block)


def is_anthropics(block: Block) -> bool:
    """Whether a thought is signed by Anthropic, so that its models take it back."""
    signature = block.get("signature")
    return bool(block.get("data")) or (isinstance(signature, str) and bool(signature) and MAKER_MARK not in signature)


def _thoughts(blocks: list[Block]) -> Message:
    """The text of the thoughts, and those that are signed with whose signature it is."""
    text = "".join(str(block.get("thinking") or "") for block in blocks)
    signed = [_signed(block) for block in blocks if block.get("signature") or block.get("data")]
    found: Message = {"reasoning_content": text} if text else {}
    return {**found, "thinking_blocks": signed} if signed else found


def _signed(block: Block) -> Message:
    plain = {name: value for name, value in block.items() if name != "cache_control"}
    maker, mark, signature = str(block.get("signature") or "").partition(MAKER_MARK)
    return {**plain, "signature": signature, "signed_by": maker} if mark else plain
