"""OpenRouter: OpenAI's format, with reasoning in details that go back as they came.

https://openrouter.ai/docs/use-cases/reasoning-tokens
"""

from collections.abc import Collection, Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS
from proxy.providers.compatible.openai import Compatible, build_provider

# Members of a message that repeat its details.
_SAID_TWICE = frozenset({"reasoning", "reasoning_content", "thinking_blocks"})


def ask(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """Details alone, where there are any; the thoughts of another provider's Claude become details."""
    messages = fields.get("messages")
    if not isinstance(messages, list):
        return {}, ()
    adapted = [_adapt(message) for message in messages]
    changed = any(new is not old for new, old in zip(adapted, messages, strict=True))
    return ({"messages": adapted} if changed else {}), ()


def _adapt(message: Any) -> Any:
    if not isinstance(message, Mapping) or _SAID_TWICE.isdisjoint(message):
        return message
    details = message.get("reasoning_details") or build_details(message.get("thinking_blocks"))
    dropped = _SAID_TWICE if details else {"thinking_blocks"}
    kept = {name: value for name, value in message.items() if name not in dropped}
    return {**kept, "reasoning_details": details} if details else kept


def build_details(blocks: Any) -> list[dict[str, Any]]:
    """Anthropic's thinking blocks as details; those without a signature prove nothing and are left out."""
    details: list[dict[str, Any]] = []
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Mapping):
            continue
        common = {"format": "anthropic-claude-v1", "index": len(details)}
        if block.get("type") == "redacted_thinking":
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), **common})
        elif block.get("signature"):
            text = {"text": block.get("thinking"), "signature": block["signature"]}
            details.append({"type": "reasoning.text", **text, **common})
    return details


ROW = Compatible(
    "https://openrouter.ai/api/v1",
    ("OPENROUTER_API_KEY", "OR_API_KEY"),
    ("OPENROUTER_API_BASE",),
    roles={},
    members={"provider_specific_fields": None},
    ask=ask,
    operations=(CHAT, COMPLETIONS, EMBEDDINGS),
)
PROVIDER = build_provider("openrouter", ROW)
