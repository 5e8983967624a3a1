"""Anthropic's token counts in OpenAI's counting."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.usage import Usage

# Counts that LiteLLM shows beside OpenAI's, and clients read.
_SHOWN = ("cache_creation_input_tokens", "cache_read_input_tokens", "server_tool_use")


def parse_usage(usage: Mapping[str, Any]) -> Usage:
    """`input_tokens` leaves out what was read from and written to the cache; OpenAI's prompt_tokens has it in."""
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    prompt = _count(usage, "input_tokens") + read + written
    completion = _count(usage, "output_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=_count(usage.get("cache_creation"), "ephemeral_1h_input_tokens"),
        reasoning_tokens=_count(usage.get("output_tokens_details"), "thinking_tokens"),
    )


def shown_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The further members of a usage object."""
    return {name: usage[name] for name in _SHOWN if usage.get(name)}


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if isinstance(value, int) and value > 0 else 0
