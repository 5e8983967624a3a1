"""How hard the model is to think: `thinking` (Anthropic's own) and `reasoning_effort` (OpenAI's).

https://platform.claude.com/docs/en/build-with-claude/extended-thinking and .../adaptive-thinking
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.providers.anthropic.model import Model
from proxy.providers.translation.effort import BUDGETS, read_effort

# The smallest budget that is accepted.
_FLOOR = 1024


def build_thinking(fields: Mapping[str, Any], model: Model, max_tokens: Any) -> dict[str, Any]:
    """The body's members `thinking` and `output_config` (with an effort), as far as they are needed.

    What the client says in Anthropic's form is kept, but for budgets: models that have none get adaptive thinking.
    """
    effort = read_effort(fields)
    thinking = fields.get("thinking")
    if isinstance(thinking, Mapping):
        built = {"thinking": _fitted(thinking, model)}
        return {**built, **_effort(effort, model)} if built["thinking"].get("type") == "adaptive" else built
    if effort is None or model.thinking == "none":
        return {}
    if effort == "none":
        return _rest(model)
    if model.thinking == "budget":
        return _by_budget(effort, max_tokens, fields.get("messages"))
    # Models that only think adaptively leave the text of their thoughts out unless they are asked for it.
    display = {"display": "summarized"} if model.thinking == "adaptive" else {}
    return {"thinking": {"type": "adaptive", **display}, **_effort(effort, model)}


def _rest(model: Model) -> dict[str, Any]:
    if model.rest == "unasked":
        return {}
    return _effort("minimal", model) if model.rest == "never" else {"thinking": {"type": model.rest}}


def _fitted(thinking: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
    if thinking.get("type") != "enabled" or model.thinking != "adaptive":
        return thinking
    kept = {name: value for name, value in thinking.items() if name != "budget_tokens"}
    return {**kept, "type": "adaptive"}


def _effort(effort: str | None, model: Model) -> dict[str, Any]:
    """The output_config with the strongest effort that the model knows and that is not above the one asked for."""
    if effort in (None, "none") or not model.efforts:
        return {}
    order = list(BUDGETS)
    fitting = [level for level in model.efforts if order.index(level) <= order.index(str(effort))]
    return {"output_config": {"effort": fitting[-1] if fitting else model.efforts[0]}}


def _by_budget(effort: str, max_tokens: Any, messages: object) -> dict[str, Any]:
    """A budget below `max_tokens`. Thinking can't begin amid a tool loop, so there the effort is let go."""
    if _amid_unthinking_loop(messages):
        return {}
    budget = BUDGETS[effort]
    if isinstance(max_tokens, int):
        budget = min(budget, max_tokens - 1)
    budget = max(_FLOOR, budget)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _amid_unthinking_loop(messages: object) -> bool:
    """True when tool results are being answered whose calls came without thinking blocks.

    Anthropic refuses to switch thinking on there, and most OpenAI clients don't send the blocks back.
    """
    if not isinstance(messages, Sequence):
        return False
    for message in reversed(messages):
        if not isinstance(message, Mapping) or message.get("role") == "user":
            return False
        if message.get("role") == "assistant" and message.get("tool_calls"):
            specific = message.get("provider_specific_fields")
            kept = specific.get("content_blocks") if isinstance(specific, Mapping) else None
            return not message.get("thinking_blocks") and not kept
    return False


def is_thinking(thinking: object) -> bool:
    """True when this `thinking` switches it on."""
    return isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")


def has_budget(thinking: object) -> bool:
    """True for the older way of thinking, beside which no tool can be forced."""
    return isinstance(thinking, Mapping) and thinking.get("type") == "enabled"
