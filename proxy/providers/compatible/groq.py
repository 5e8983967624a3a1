"""Groq: OpenAI's format; usage may be in `x_groq` only, and unknown members of a message are an error.

https://console.groq.com/docs/openai and https://console.groq.com/docs/reasoning
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.operations import CHAT
from proxy.providers.compatible.dialect import rewrite
from proxy.providers.compatible.openai import Compatible, build_provider


def answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    changes = rewrite(fields)
    own = fields.get("x_groq")
    usage = own.get("usage") if isinstance(own, Mapping) else None
    if isinstance(usage, Mapping) and not fields.get("usage"):
        changes["usage"] = usage
    return changes


PROVIDER = build_provider(
    "groq",
    Compatible(
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        ("GROQ_API_BASE",),
        members={
            "reasoning_content": "reasoning",
            "thinking_blocks": None,
            "provider_specific_fields": None,
            "reasoning_details": None,
            "refusal": None,
            "annotations": None,
            "audio": None,
        },
        unsupported=frozenset({"logprobs", "logit_bias", "top_logprobs", "audio", "modalities", "prediction"}),
        answer=answer,
        chunk=answer,
        operations=(CHAT,),
    ),
)
