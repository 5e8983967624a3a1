"""Tokens in Google's counting: thoughts are counted apart from the candidates."""

from typing import Any

from proxy.domain.usage import Usage


def build_usage(usage: Usage | None) -> dict[str, Any]:
    """The members of an answer: `usageMetadata`, or none where nothing was counted."""
    if usage is None:
        return {}
    shown = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": max(0, usage.completion_tokens - usage.reasoning_tokens),
        "totalTokenCount": usage.total_tokens or usage.prompt_tokens + usage.completion_tokens,
    }
    if usage.cached_tokens:
        shown["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        shown["thoughtsTokenCount"] = usage.reasoning_tokens
    return {"usageMetadata": shown}
