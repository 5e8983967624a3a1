"""A chat completion as a message of Anthropic's."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.dialects.messages.block import MAKER_MARK
from proxy.dialects.messages.usage import build_usage
from proxy.domain.answer import Answer
from proxy.domain.json_text.codec import dumps, loads

Block = dict[str, Any]

STOP_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def build_message(answer: Answer, message_id: str) -> bytes:
    """The message; `message_id` is for an answer without an id of its own."""
    completion = loads(answer.body)
    choices = completion.get("choices") or [{}]
    message = mapping(choices[0].get("message"))
    content = build_content(message)
    specific = mapping(message.get("provider_specific_fields"))
    has_calls = any(block["type"] == "tool_use" for block in content)
    built = {
        "id": str(completion.get("id") or message_id),
        "type": "message",
        "role": "assistant",
        "model": completion.get("model") or answer.model or "",
        "content": content,
        "stop_reason": stop_reason(choices[0].get("finish_reason"), specific, has_calls),
        "stop_sequence": specific.get("stop_sequence"),
        "usage": build_usage(answer.usage),
    }
    return dumps(built)


def build_content(message: Mapping[str, Any]) -> list[Block]:
    """The blocks: the very ones of a Claude's answer where it brings them, else thoughts, text, calls."""
    kept = mapping(message.get("provider_specific_fields")).get("content_blocks")
    if isinstance(kept, list) and kept:
        return list(kept)
    return [*_thoughts(message), *_text(message), *_calls(message)]


def stop_reason(finish: object, specific: Mapping[str, Any], has_calls: bool) -> str:
    """Anthropic's word. Some providers say `stop` of an answer that calls tools."""
    said = specific.get("stop_reason")
    if isinstance(said, str):
        return said
    found = STOP_REASONS.get(finish, "end_turn") if isinstance(finish, str) else "end_turn"
    return "tool_use" if has_calls and found == "end_turn" else found


def sign(block: Mapping[str, Any]) -> Block:
    """A thought as a client keeps it: another maker's signature bears the maker's name."""
    plain = {name: value for name, value in block.items() if name not in ("signed_by", "index")}
    if "signed_by" in block:
        plain["signature"] = f"{block['signed_by']}{MAKER_MARK}{block.get('signature') or ''}"
    elif block.get("type") == "thinking":
        plain["signature"] = str(block.get("signature") or "")
    return plain


def _thoughts(message: Mapping[str, Any]) -> Iterator[Block]:
    blocks = message.get("thinking_blocks")
    if isinstance(blocks, list) and blocks:
        yield from (sign(block) for block in blocks if isinstance(block, Mapping))
    elif isinstance(text := message.get("reasoning_content"), str) and text:
        yield {"type": "thinking", "thinking": text, "signature": ""}


def _text(message: Mapping[str, Any]) -> Iterator[Block]:
    text = message.get("content") or message.get("refusal")
    if isinstance(text, list):
        text = "".join(str(part.get("text") or "") for part in text if isinstance(part, Mapping))
    if isinstance(text, str) and text:
        block: Block = {"type": "text", "text": text}
        citations = [*build_citations(message.get("annotations"))]
        yield {**block, "citations": citations} if citations else block


def build_citations(annotations: object) -> Iterator[Block]:
    """OpenAI's citations of web pages."""
    for annotation in annotations if isinstance(annotations, list) else ():
        cited = mapping(mapping(annotation).get("url_citation"))
        if isinstance(cited.get("url"), str):
            yield {
                "type": "web_search_result_location",
                "url": cited["url"],
                "title": cited.get("title"),
                "encrypted_index": "",
                "cited_text": str(cited.get("content") or ""),
            }


def _calls(message: Mapping[str, Any]) -> Iterator[Block]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = mapping(call.get("function"))
        yield build_call(call.get("id"), function.get("name"), function.get("arguments"))
    legacy = mapping(message.get("function_call"))
    if legacy:
        yield build_call("call_0", legacy.get("name"), legacy.get("arguments"))


def build_call(call_id: object, name: object, arguments: object) -> Block:
    """A tool_use block. Arguments that are not an object are kept under a name of their own."""
    return {"type": "tool_use", "id": str(call_id), "name": name, "input": parse_arguments(arguments)}


def parse_arguments(arguments: object) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = loads(arguments) if arguments.strip() else {}
        except ValueError:
            return {"arguments": arguments}
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, Mapping) else {"arguments": arguments}


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
