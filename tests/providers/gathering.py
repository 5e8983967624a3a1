"""What a client gets out of an answer: chunks gathered as the OpenAI SDK gathers them, then reduced to facts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.domain.answer import Chunk


def gather(chunks: Iterable[Chunk]) -> dict[str, Any]:
    """One `chat.completion` out of chunks: texts concatenated, list items with an index merged by it."""
    answer: dict[str, Any] = {"choices": [], "usage": None}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        fields = json.loads(chunk.data)
        answer["model"] = fields.get("model") or answer.get("model")
        answer["usage"] = fields.get("usage") or answer["usage"]
        for choice in fields["choices"]:
            gathered = choices.setdefault(choice["index"], {"message": {}, "finish_reason": None, "texts": 0})
            delta = choice.get("delta") or {}
            gathered["texts"] += bool(delta.get("content"))
            merge(gathered["message"], delta)
            gathered["finish_reason"] = choice.get("finish_reason") or gathered["finish_reason"]
    answer["choices"] = [choices[index] for index in sorted(choices)]
    return answer


def merge(into: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Add a delta to a message: strings grow (but for names), lists merge by `index`, the rest is replaced."""
    for name, value in delta.items():
        if value is None:
            into.setdefault(name, None)
        elif (
            isinstance(value, str)
            and isinstance(into.get(name), str)
            and name not in ("role", "type", "id", "name", "format")
        ):
            into[name] += value
        elif isinstance(value, list):
            into[name] = into.get(name) or []
            for item in value:
                _merge_item(into[name], item)
        elif isinstance(value, Mapping):
            into[name] = into.get(name) or {}
            merge(into[name], value)
        else:
            into[name] = value


def _merge_item(items: list[Any], item: Any) -> None:
    index = item.get("index") if isinstance(item, Mapping) else None
    known = next((other for other in items if index is not None and other.get("index") == index), None)
    if known is None:
        known = {} if isinstance(item, Mapping) else item
        items.append(known)
    if isinstance(item, Mapping):
        merge(known, item)


def echo(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The assistant message as a client sends it back: what it got, streamed indexes of tool calls left out."""
    message = {name: value for name, value in answer["choices"][0]["message"].items() if value is not None}
    if message.get("tool_calls"):
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in message["tool_calls"]
        ]
    return {"role": "assistant", "content": None, **message}


def chat_facts(answer: Mapping[str, Any]) -> dict[str, Any]:
    """{content, reasoning, tool_calls, finish, usage, n_choices, refusal, signatures, redacted} of an answer."""
    choices = answer["choices"]
    message = choices[0]["message"] if choices else {}
    blocks = message.get("thinking_blocks") or []
    return {
        "content": message.get("content") or None,
        "reasoning": message.get("reasoning_content") or None,
        "refusal": message.get("refusal") or None,
        "tool_calls": [_call(call) for call in message.get("tool_calls") or []],
        "finish": choices[0]["finish_reason"] if choices else None,
        "usage": _usage(answer.get("usage") or {}),
        "n_choices": len(choices),
        "n_text": choices[0].get("texts", 0) if choices else 0,
        "redacted": sum(block.get("type") == "redacted_thinking" for block in blocks),
        "message": message,
    }


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {"id": call["id"], "name": function["name"], "args": json.loads(function["arguments"] or "{}")}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return {
        **{name: usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
        "cached_tokens": prompt.get("cached_tokens"),
        "cache_write_tokens": prompt.get("cache_creation_tokens"),
        "reasoning_tokens": completion.get("reasoning_tokens"),
    }
