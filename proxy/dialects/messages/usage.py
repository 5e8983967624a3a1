"""Tokens in Anthropic's counting: what was read from and written to a cache stands beside `input_tokens`."""

from typing import Any

from proxy.domain.usage import Usage


def build_usage(usage: Usage | None) -> dict[str, Any]:
    """The usage object; zeros where nothing was counted."""
    usage = usage or Usage()
    shown: dict[str, Any] = {
        "input_tokens": max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }
    if usage.reasoning_tokens:
        shown["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return shown
