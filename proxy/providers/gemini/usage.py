"""`usageMetadata` as OpenAI's usage. https://ai.google.dev/api/generate-content#UsageMetadata"""

from collections.abc import Mapping

from proxy.domain.usage import Usage


def parse_usage(metadata: object) -> Usage | None:
    """None without counts. `candidatesTokenCount` leaves thoughts out, `promptTokenCount` has the cached ones in it."""
    if not isinstance(metadata, Mapping) or not any(name.endswith("TokenCount") for name in metadata):
        return None
    thoughts = _count(metadata.get("thoughtsTokenCount"))
    prompt = _count(metadata.get("promptTokenCount")) + _count(metadata.get("toolUsePromptTokenCount"))
    completion = _count(metadata.get("candidatesTokenCount")) + thoughts
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_count(metadata.get("totalTokenCount")) or prompt + completion,
        cached_tokens=_count(metadata.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
        prompt_audio_tokens=_audio(metadata.get("promptTokensDetails")),
        completion_audio_tokens=_audio(metadata.get("candidatesTokensDetails")),
    )


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _audio(details: object) -> int:
    rows = [row for row in details if isinstance(row, Mapping)] if isinstance(details, list) else []
    return sum(_count(row.get("tokenCount")) for row in rows if row.get("modality") == "AUDIO")
