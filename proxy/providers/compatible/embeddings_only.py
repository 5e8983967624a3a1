"""The differences of providers that only embed: Voyage and Jina.

https://docs.voyageai.com/reference/embeddings-api and https://api.jina.ai/redoc
"""

from collections.abc import Collection, Mapping
from typing import Any

from proxy.domain.deployment import Deployment


def ask_voyage(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """Voyage needs base64 by name; without one it answers numbers."""
    return {}, ("encoding_format",) if fields.get("encoding_format") == "float" else ()


def count_prompt(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Both may count no more than the total, which is the prompt's."""
    usage = answer.get("usage")
    if not isinstance(usage, Mapping) or "prompt_tokens" in usage or "total_tokens" not in usage:
        return {}
    return {"usage": {"prompt_tokens": usage["total_tokens"], **usage}}
