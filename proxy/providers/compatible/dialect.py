"""Answers of providers that copy OpenAI's format, where the copy differs: whole answers and chunks.

A rewrite takes a parsed answer or chunk and returns the top-level members that must change: none, nearly always.
"""

from collections.abc import Callable, Mapping
from typing import Any

Rewrite = Callable[[Mapping[str, Any]], dict[str, Any]]

# Other names for OpenAI's finish reasons.
FINISH_REASONS: Mapping[str, str] = {
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "max_length": "length",
    "max_output_tokens": "length",
    "sensitive": "content_filter",
    "safety": "content_filter",
}


def rewrite(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What many of them have in common: `reasoning` for reasoning_content, finish reasons, flat cached tokens."""
    changes: dict[str, Any] = {}
    choices = rewrite_choices(answer.get("choices"), name_reasoning)
    if choices is not None:
        changes["choices"] = choices
    usage = answer.get("usage")
    if isinstance(usage, Mapping):
        detailed = detail_cached(usage)
        if detailed is not usage:
            changes["usage"] = detailed
    return changes


def rewrite_choices(choices: object, rewrite_message: Callable[[Mapping[str, Any]], Any]) -> list[Any] | None:
    """The choices with their `message` or `delta` rewritten and their finish reasons OpenAI's; None: nothing to do."""
    if not isinstance(choices, list):
        return None
    rewritten = [_rewrite_choice(choice, rewrite_message) for choice in choices]
    changed = any(new is not old for new, old in zip(rewritten, choices, strict=True))
    return rewritten if changed else None


def _rewrite_choice(choice: Any, rewrite_message: Callable[[Mapping[str, Any]], Any]) -> Any:
    if not isinstance(choice, Mapping):
        return choice
    changes: dict[str, Any] = {}
    for place in ("delta", "message"):
        message = choice.get(place)
        if isinstance(message, Mapping):
            new = rewrite_message(message if place == "delta" else complete_calls(message))
            if new is not message:
                changes[place] = new
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason in FINISH_REASONS:
        changes["finish_reason"] = FINISH_REASONS[reason]
    return {**choice, **changes} if changes else choice


def name_reasoning(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message or delta whose `reasoning` text is also under the name that clients read."""
    reasoning = message.get("reasoning")
    if not isinstance(reasoning, str) or not reasoning or message.get("reasoning_content"):
        return message
    return {**message, "reasoning_content": reasoning}


def complete_calls(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message whose calls without arguments have empty ones: OpenRouter leaves them out, and clients parse them."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not any(_lacks_arguments(call) for call in calls):
        return message
    completed = [
        {**call, "function": {**call["function"], "arguments": "{}"}} if _lacks_arguments(call) else call
        for call in calls
    ]
    return {**message, "tool_calls": completed}


def _lacks_arguments(call: Any) -> bool:
    function = call.get("function") if isinstance(call, Mapping) else None
    return isinstance(function, Mapping) and function.get("arguments") is None


def detail_cached(usage: Mapping[str, Any]) -> Mapping[str, Any]:
    """A usage whose flat count of cached tokens (Together, Moonshot, DeepSeek) is also in OpenAI's details."""
    cached = usage.get("cached_tokens") or usage.get("prompt_cache_hit_tokens")
    if not isinstance(cached, int) or usage.get("prompt_tokens_details"):
        return usage
    return {**usage, "prompt_tokens_details": {"cached_tokens": cached}}
