"""Tokens in Anthropic's counting: what was read from and written to a cache stands beside `input_tokens`."""

from typing import Any

from proxy.domain.usage import Usage


def build_usage(usage: Usage | None) -> dict[str, Any]:
    """The usage object; zeros where nothing was counted."""
    usage = usage or Usage()
    # Some providers count more tokens in their cache than in the prompt; clients add the three up.
    read = min(usage.cached_tokens, usage.prompt_tokens)
    written = min(usage.cache_write_tokens, usage.prompt_tokens - read)
    shown: dict[str, Any] = {
        "input_tokens": usage.prompt_tokens - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.completion_tokens,
    }
    if usage.reasoning_tokens:
        shown["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return shown
