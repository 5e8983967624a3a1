"""Anthropic's token counts in OpenAI's counting."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.usage import Usage, token_count
from proxy.providers.translation.json_reading import mapping

# Counts that LiteLLM shows beside OpenAI's, and clients read.
_SHOWN = ("cache_creation_input_tokens", "cache_read_input_tokens", "server_tool_use")


def parse_usage(usage: Mapping[str, Any]) -> Usage:
    """`input_tokens` leaves out what was read from and written to the cache; OpenAI's prompt_tokens has it in."""
    read = token_count(usage.get("cache_read_input_tokens"))
    written = token_count(usage.get("cache_creation_input_tokens"))
    prompt = token_count(usage.get("input_tokens")) + read + written
    completion = token_count(usage.get("output_tokens"))
    lasting = mapping(usage.get("cache_creation")).get("ephemeral_1h_input_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=token_count(lasting),
        reasoning_tokens=token_count(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def merge_usage(known: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a stream, which are running totals: a later 0 or null of an imitating server replaces none."""
    merged = dict(known)
    for name, value in news.items():
        before = merged.get(name)
        if isinstance(value, Mapping):
            merged[name] = merge_usage(before if isinstance(before, Mapping) else {}, value)
        elif value or before is None:
            merged[name] = value
    return merged


def shown_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The further members of a usage object."""
    return {name: usage[name] for name in _SHOWN if usage.get(name)}
