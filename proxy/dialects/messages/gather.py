"""The events of a stream as the message that they add up to, for the log of an operator who wants to see answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.dialects.messages.answer import mapping, parse_arguments
from proxy.domain.json_text.codec import loads

# The kinds of delta that lengthen a text, and the member of the block that it belongs to.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
}


def gather_message(events: Iterable[bytes]) -> dict[str, Any]:
    """Each item holds one event or more, with their `event:` lines."""
    message: dict[str, Any] = {"type": "message", "content": []}
    inputs: dict[int, str] = {}
    for text in events:
        for block in text.split(b"\n\n"):
            data = b"\n".join(line[6:] for line in block.split(b"\n") if line.startswith(b"data: "))
            if data:
                _add(message, inputs, loads(data))
    for index, arguments in inputs.items():
        message["content"][index]["input"] = parse_arguments(arguments)
    return message


def _add(message: dict[str, Any], inputs: dict[int, str], event: Mapping[str, Any]) -> None:
    kind, content = event.get("type"), message["content"]
    if kind == "message_start":
        message.update(event["message"])
        message["content"] = []
    elif kind == "content_block_start":
        content.append(dict(event["content_block"]))
    elif kind == "content_block_delta" and content:
        _lengthen(content[-1], inputs, len(content) - 1, mapping(event.get("delta")))
    elif kind == "message_delta":
        message.update(mapping(event.get("delta")))
        message["usage"] = {**mapping(message.get("usage")), **mapping(event.get("usage"))}


def _lengthen(block: dict[str, Any], inputs: dict[int, str], index: int, delta: Mapping[str, Any]) -> None:
    kind = str(delta.get("type"))
    if kind == "input_json_delta":
        inputs[index] = inputs.get(index, "") + str(delta.get("partial_json") or "")
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta.get("citation"))
    elif kind in _TEXTS:
        name, member = _TEXTS[kind]
        block[member] = str(block.get(member) or "") + str(delta.get(name) or "")
