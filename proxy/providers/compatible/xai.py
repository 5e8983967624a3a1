"""xAI: OpenAI's format, with reasoning tokens beside the completion tokens and a bad key as a 400.

https://docs.x.ai/docs/api-reference#chat-completions
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.operations import CHAT, COMPLETIONS
from proxy.errors import AuthenticationError
from proxy.providers.compatible.dialect import rewrite
from proxy.providers.compatible.openai import Compatible, build_provider
from proxy.providers.translation.errors import WordRules

WORDS: WordRules = ((re.compile(r"incorrect api key|no api key", re.IGNORECASE), AuthenticationError),)


def answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    changes = rewrite(fields)
    usage = fields.get("usage")
    if isinstance(usage, Mapping):
        counted = count_reasoning(usage)
        if counted is not usage:
            changes["usage"] = counted
    return changes


def count_reasoning(usage: Mapping[str, Any]) -> Mapping[str, Any]:
    """A usage whose completion_tokens include the reasoning, where the total shows that they don't."""
    details = usage.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"), reasoning, usage.get("total_tokens"))
    match counts:
        case (int(prompt), int(completion), int(thought), int(total)) if (
            thought and total == prompt + completion + thought
        ):
            return {**usage, "completion_tokens": completion + thought}
    return usage


ROW = Compatible(
    "https://api.x.ai/v1",
    ("XAI_API_KEY",),
    ("XAI_API_BASE",),
    answer=answer,
    chunk=answer,
    words=WORDS,
    operations=(CHAT, COMPLETIONS),
)
PROVIDER = build_provider("xai", ROW)
