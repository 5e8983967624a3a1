"""A stream's chunks put together again, for logs with content."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from proxy.dialects.gemini.gather import gather_answers
from proxy.dialects.messages.gather import gather_message
from proxy.dialects.responses.gather import gather_response
from proxy.domain.json_text.codec import loads

# Pieces of text that follow each other.
_TEXTS = ("content", "reasoning_content", "refusal")


def gather(chunks: Iterable[bytes], form: str = "openai") -> dict[str, Any]:
    """The whole answer in the form in which it came."""
    return _GATHERERS.get(form, gather_chunks)(chunks)


def gather_chunks(chunks: Iterable[bytes]) -> dict[str, Any]:
    """The `chat.completion` that the chunks of a stream add up to; text completions are gathered as messages."""
    whole: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, dict[str, Any]] = {}
    for data in chunks:
        chunk = loads(data)
        for name in ("id", "created", "model", "usage"):
            if chunk.get(name) is not None:
                whole[name] = chunk[name]
        for choice in chunk.get("choices") or ():
            _add(choices.setdefault(choice.get("index") or 0, {"message": {"role": "assistant"}}), choice)
    return {**whole, "choices": [{"index": index, **choices[index]} for index in sorted(choices)]}


def _add(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    message, delta = choice["message"], piece.get("delta") or {"content": piece.get("text")}
    for name in _TEXTS:
        if isinstance(delta.get(name), str):
            message[name] = message.get(name, "") + delta[name]
    for call in delta.get("tool_calls") or ():
        _add_call(message.setdefault("tool_calls", []), call)
    if piece.get("finish_reason"):
        choice["finish_reason"] = piece["finish_reason"]


def _add_call(calls: list[dict[str, Any]], piece: Mapping[str, Any]) -> None:
    """A call begins with its id and name; its arguments follow under the same index."""
    index = piece.get("index") or 0
    known = next((call for call in calls if call["index"] == index), None)
    if known is None:
        known = {"index": index, "id": piece.get("id"), "type": "function", "function": {"name": "", "arguments": ""}}
        calls.append(known)
    function = piece.get("function") or {}
    for name in ("name", "arguments"):
        known["function"][name] += function.get(name) or ""


_GATHERERS: Mapping[str, Callable[[Iterable[bytes]], dict[str, Any]]] = {
    "openai": gather_chunks,
    "messages": gather_message,
    "responses": gather_response,
    "gemini": gather_answers,
}
