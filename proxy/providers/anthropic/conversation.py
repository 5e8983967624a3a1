"""OpenAI's messages as Anthropic's system prompt and turns.

https://platform.claude.com/docs/en/api/messages: turns alternate, the results of parallel tool calls stand first in one
user turn, thinking blocks stand first in an assistant's and go back unchanged.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proxy.providers.translation.content import (
    Media,
    bad_content,
    is_web_url,
    list_messages,
    list_objects,
    list_parts,
    media_urls,
    parse_data_url,
    read_text,
    read_url,
)
from proxy.providers.translation.json_reading import parse_arguments
from proxy.providers.translation.media_type import OCTETS, guess_media_type

Block = Mapping[str, Any]


class Conversation(NamedTuple):
    """`system`: text blocks. `turns`: {role, content: blocks}, neighbours never of one role."""

    system: list[Block]
    turns: list[dict[str, Any]]


# Blocks of Anthropic's own that a client may put among its parts; they go through unchanged.
_NATIVE = ("image", "document", "search_result", "container_upload", "tool_use", "tool_result")
# Files that are text, whatever the first half of their type: Anthropic takes PDFs and text only.
_TEXTS = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript"}
)
# A turn that there must be, of a client that wrote nothing visible.
_NO_TEXT: Block = {"type": "text", "text": "(no text)"}
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


def build_conversation(fields: Mapping[str, Any]) -> Conversation:
    """Raise BadRequestError, naming the place, for what can't be said in Anthropic's form."""
    conversation = Conversation([], [])
    calls: set[str] = set()
    role: Any = None
    for index, (param, message) in enumerate(list_messages(fields)):
        role = message.get("role")
        if role in ("system", "developer"):
            conversation.system.extend(_mark_last(_system_blocks(message, param), message))
            continue
        if role == "assistant":
            blocks = _assistant_blocks(message, param, _function_id(index))
            calls.update(block["id"] for block in blocks if "id" in block)
        elif role == "tool":
            blocks = [_tool_result(message, message.get("tool_call_id"), param, calls)]
        elif role == "function":
            blocks = [_tool_result(message, _function_id(index - 1), param, calls)]
        elif role == "user":
            blocks = _user_blocks(message, param)
        else:
            raise bad_content("A message's role is system, developer, user, assistant or tool", f"{param}.role")
        _add_turn(conversation.turns, "assistant" if role == "assistant" else "user", _mark_last(blocks, message))
    if not conversation.turns:
        # Anthropic refuses a request without a turn; OpenAI takes one that is all instruction.
        return Conversation([], [{"role": "user", "content": conversation.system or [_NO_TEXT]}])
    if role == "user" and conversation.turns[-1]["role"] == "assistant":
        # Without it the assistant's turn would be the beginning of the answer.
        conversation.turns.append({"role": "user", "content": [_NO_TEXT]})
    for turn in conversation.turns:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    _strip_prefill(conversation.turns)
    return conversation


def _add_turn(turns: list[dict[str, Any]], role: str, blocks: list[Block]) -> None:
    if not blocks:
        return
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"].extend(blocks)
    else:
        turns.append({"role": role, "content": list(blocks)})


def _mark_last(blocks: list[Block], holder: Mapping[str, Any]) -> list[Block]:
    """A message's own cache_control is a mark on its last block; so is that of a part that has no block."""
    if blocks and holder.get("cache_control"):
        blocks[-1] = {**blocks[-1], "cache_control": holder["cache_control"]}
    return blocks


def _strip_prefill(turns: list[dict[str, Any]]) -> None:
    """A last assistant turn is the answer's beginning: Anthropic refuses white space at its end."""
    if turns and turns[-1]["role"] == "assistant":
        *before, last = turns[-1]["content"]
        if last["type"] == "text" and last["text"].strip():
            turns[-1]["content"] = [*before, {**last, "text": last["text"].rstrip()}]


def _system_blocks(message: Mapping[str, Any], param: str) -> list[Block]:
    blocks: list[Block] = []
    for place, part in list_parts(message.get("content"), param):
        if part.get("type") != "text":
            raise bad_content("A system message holds text only", place)
        _add_blocks(blocks, part, _text_block(part, place))
    return blocks


def _user_blocks(message: Mapping[str, Any], param: str) -> list[Block]:
    blocks: list[Block] = []
    for place, part in list_parts(message.get("content"), param):
        _add_blocks(blocks, part, _content_block(part, place))
    return blocks


def _add_blocks(blocks: list[Block], part: Mapping[str, Any], added: Iterator[Block]) -> None:
    before = len(blocks)
    blocks.extend(added)
    if len(blocks) == before:
        _mark_last(blocks, part)


def _content_block(part: Mapping[str, Any], place: str) -> Iterator[Block]:
    """The block for a part, none for blank text, which Anthropic refuses."""
    kind = part.get("type")
    if kind in ("text", "input_text"):
        yield from _text_block(part, place)
    elif kind == "image_url":
        yield _with_marks(_image_block(read_url(part, place), place), part)
    elif kind == "file":
        yield _with_marks(_document_block(part, place), part)
    elif kind in _NATIVE or str(kind).endswith(("_tool_use", "_tool_result")):
        yield _without_blank(part)
    else:
        raise bad_content(f"Anthropic takes no content part of type {kind!r}", place)


def _text_block(part: Mapping[str, Any], place: str) -> Iterator[Block]:
    text = read_text(part, place)
    if text.strip():
        yield _with_marks({"type": "text", "text": text}, part)


def _without_blank(block: Block) -> Block:
    """A block of Anthropic's own form without the blank texts in it."""
    content = block.get("content")
    if not isinstance(content, list) or not any(_is_blank(inner) for inner in content):
        return block
    return {**block, "content": [inner for inner in content if not _is_blank(inner)]}


def _is_blank(block: object) -> bool:
    if not isinstance(block, Mapping) or block.get("type") != "text":
        return False
    text = block.get("text")
    return text is None or (isinstance(text, str) and not text.strip())


def _with_marks(block: Block, part: Mapping[str, Any]) -> Block:
    """`block` with what a client may hang on a part in Anthropic's spelling."""
    marks = {name: part[name] for name in ("cache_control", "citations", "title", "context") if part.get(name)}
    return {**block, **marks} if marks else block


def _image_block(url: str, place: str) -> Block:
    if is_web_url(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    return _embedded_file(parse_data_url(url, place), place)


def _document_block(part: Mapping[str, Any], place: str) -> Block:
    file = part.get("file")
    if not isinstance(file, Mapping):
        raise bad_content("A file part has no file", place)
    reference = file.get("file_data") or file.get("file_id")
    if not isinstance(reference, str) or not reference:
        raise bad_content("A file part has neither file_data nor file_id", place)
    block = _file_block(reference, place, file.get("filename"), is_id=reference == file.get("file_id"))
    # Images have no title.
    titled = file.get("filename") and block["type"] == "document"
    return {**block, "title": file["filename"]} if titled else block


def _file_block(reference: str, place: str, filename: object, is_id: bool) -> Block:
    if is_web_url(reference):
        return {"type": "document", "source": {"type": "url", "url": reference}}
    if is_id and not reference.startswith("data:"):
        return {"type": "document", "source": {"type": "file", "file_id": reference}}
    media = parse_data_url(reference, place, "application/pdf")
    if media.media_type == OCTETS and isinstance(filename, str):
        media = media._replace(media_type=guess_media_type(filename) or OCTETS)
    return _embedded_file(media, place)


def _embedded_file(media: Media, place: str) -> Block:
    if media.media_type.startswith("image/"):
        return {"type": "image", "source": _base64_source(*media)}
    if media.media_type.startswith("text/") or media.media_type in _TEXTS:
        source = {"type": "text", "media_type": "text/plain", "data": media.text(place)}
        return {"type": "document", "source": source}
    return {"type": "document", "source": _base64_source(*media)}


def _base64_source(media_type: str, data: str) -> Block:
    return {"type": "base64", "media_type": "image/jpeg" if media_type == "image/jpg" else media_type, "data": data}


def _assistant_blocks(message: Mapping[str, Any], param: str, function_id: str) -> list[Block]:
    """Thinking, text, tool calls; or the very blocks that an earlier answer came in, where it brought them."""
    calls = list(_tool_calls(message, param, function_id))
    kept = _kept_blocks(message, calls)
    if kept is not None:
        return kept
    blocks = [*_thinking_blocks(message), *_assistant_text(message, param)]
    return [*blocks, *calls]


def _kept_blocks(message: Mapping[str, Any], calls: list[Block]) -> list[Block] | None:
    """The answer's own blocks, if they still are this message's: a client may have taken calls out."""
    specific = message.get("provider_specific_fields")
    blocks = specific.get("content_blocks") if isinstance(specific, Mapping) else None
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        return None
    ids = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    if ids != [call["id"] for call in calls]:
        return None
    return [_without_blank(block) for block in blocks if not _is_blank(block)]


def _thinking_blocks(message: Mapping[str, Any]) -> Iterator[Block]:
    """The signed thoughts of Claude's, whole; clients may send them in the pieces in which some streams bring them."""
    blocks = message.get("thinking_blocks")
    text = ""
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Mapping) or "signed_by" in block:
            # Unreadable, or signed by another maker, who says so.
            continue
        if block.get("data"):
            yield {"type": "redacted_thinking", "data": block["data"]}
            continue
        text += str(block.get("thinking") or "")
        if block.get("signature"):
            yield {"type": "thinking", "thinking": text, "signature": block["signature"]}
            text = ""


def _assistant_text(message: Mapping[str, Any], param: str) -> list[Block]:
    blocks: list[Block] = []
    for place, part in list_parts(message.get("content"), param):
        _add_blocks(blocks, part, _assistant_part(part, place))
    if not message.get("content") and isinstance(message.get("refusal"), str):
        blocks.extend(_text_block({"text": message["refusal"]}, param))
    return blocks


def _assistant_part(part: Mapping[str, Any], place: str) -> Iterator[Block]:
    kind = part.get("type")
    if kind == "refusal":
        yield from _text_block({"text": part.get("refusal")}, place)
    elif kind in ("thinking", "redacted_thinking"):
        yield part
    else:
        yield from _content_block(part, place)


def _tool_calls(message: Mapping[str, Any], param: str, function_id: str) -> Iterator[Block]:
    for place, call in list_objects(message.get("tool_calls"), f"{param}.tool_calls"):
        function = call.get("function")
        if not isinstance(function, Mapping) or not isinstance(call.get("id"), str):
            raise bad_content("A tool call has no id or no function", place)
        yield _with_marks(_tool_use(call["id"], function, place), call)
    legacy = message.get("function_call")
    if isinstance(legacy, Mapping):
        yield _tool_use(function_id, legacy, f"{param}.function_call")


def _tool_use(call_id: str, function: Mapping[str, Any], place: str) -> Block:
    arguments = parse_arguments(function.get("arguments"), f"{place}.arguments")
    return {"type": "tool_use", "id": clean_id(call_id), "name": function.get("name"), "input": arguments}


def _tool_result(message: Mapping[str, Any], call_id: object, param: str, calls: set[str]) -> Block:
    if not isinstance(call_id, str) or clean_id(call_id) not in calls:
        raise bad_content("A tool message answers no tool call before it", f"{param}.tool_call_id")
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": clean_id(call_id)}
    content = _user_blocks(message, param)
    if content:
        result["content"] = content
    if message.get("is_error"):
        result["is_error"] = True
    return result


def clean_id(call_id: str) -> str:
    """Another provider's call id in the letters that Anthropic allows; the same for a call and its result."""
    return _NOT_IN_IDS.sub("_", call_id)


def _function_id(index: int) -> str:
    """Calls of OpenAI's older form have no id; the place of their message stands in, the result follows at once."""
    return f"call_{index}"


def insecure_urls(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses of media that Anthropic doesn't fetch itself: it takes https only."""
    return tuple(url for url in media_urls(fields) if url.startswith("http://"))
