"""`usageMetadata` as OpenAI's usage. https://ai.google.dev/api/generate-content#UsageMetadata"""

from collections.abc import Mapping

from proxy.domain.usage import Usage, token_count


def parse_usage(metadata: object) -> Usage | None:
    """None without counts. `candidatesTokenCount` leaves thoughts out, `promptTokenCount` has the cached ones in it."""
    if not isinstance(metadata, Mapping) or not any(name.endswith("TokenCount") for name in metadata):
        return None
    thoughts = token_count(metadata.get("thoughtsTokenCount"))
    prompt = token_count(metadata.get("promptTokenCount")) + token_count(metadata.get("toolUsePromptTokenCount"))
    completion = token_count(metadata.get("candidatesTokenCount")) + thoughts
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=token_count(metadata.get("totalTokenCount")) or prompt + completion,
        cached_tokens=token_count(metadata.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
        prompt_audio_tokens=_audio(metadata.get("promptTokensDetails")),
        completion_audio_tokens=_audio(metadata.get("candidatesTokensDetails")),
    )


def _audio(details: object) -> int:
    rows = [row for row in details if isinstance(row, Mapping)] if isinstance(details, list) else []
    return sum(token_count(row.get("tokenCount")) for row in rows if row.get("modality") == "AUDIO")
