"""How hard the model is to think: `thinking` (Anthropic's own) and `reasoning_effort` (OpenAI's).

https://platform.claude.com/docs/en/build-with-claude/extended-thinking and .../adaptive-thinking
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.providers.anthropic.model import Model
from proxy.providers.translation.effort import BUDGETS, read_effort
from proxy.providers.translation.tool_choice import read_tool_choice

# The smallest budget that is accepted.
_FLOOR = 1024


def build_thinking(fields: Mapping[str, Any], model: Model, max_tokens: Any) -> dict[str, Any]:
    """The body's members `thinking` and `output_config` (with an effort), as far as they are needed.

    What the client says in Anthropic's form is kept, but for budgets: models that have none get adaptive thinking, and
    a budget is at least the least that is accepted and below `max_tokens`. See `find_displaced`.
    """
    displaced = find_displaced(fields, model, max_tokens)
    effort = None if "reasoning_effort" in displaced else read_effort(fields)
    thinking = None if "thinking" in displaced else fields.get("thinking")
    if isinstance(thinking, Mapping):
        built = {"thinking": _fitted(thinking, model, max_tokens)}
        return {**built, **_effort(effort, model)} if built["thinking"].get("type") == "adaptive" else built
    if effort is None or model.thinking == "none":
        return {}
    if effort == "none":
        return _rest(model)
    if model.thinking == "budget":
        return {"thinking": {"type": "enabled", "budget_tokens": _fitted_budget(BUDGETS[effort], max_tokens)}}
    # Models that only think adaptively leave the text of their thoughts out unless they are asked for it.
    display = {"display": "summarized"} if model.thinking == "adaptive" else {}
    return {"thinking": {"type": "adaptive", **display}, **_effort(effort, model)}


def find_displaced(fields: Mapping[str, Any], model: Model, max_tokens: Any) -> frozenset[str]:
    """What asks for thinking by a budget that Anthropic refuses in this request: `thinking`, `reasoning_effort`.

    Beside a forced tool, with `max_tokens` that leave no room for the least budget, and amid a tool loop that began
    without thinking.
    """
    asking = [name for name in ("thinking", "reasoning_effort") if _asks_for_budget(name, fields, model)]
    if not asking:
        return frozenset()
    no_room = isinstance(max_tokens, int) and max_tokens <= _FLOOR
    if no_room or read_tool_choice(fields).is_forced or _amid_unthinking_loop(fields.get("messages")):
        return frozenset(asking)
    return frozenset()


def _asks_for_budget(name: str, fields: Mapping[str, Any], model: Model) -> bool:
    if name == "thinking":
        return has_budget(fields.get(name)) and model.thinking != "adaptive"
    if isinstance(fields.get("thinking"), Mapping) and not has_budget(fields["thinking"]):
        return False
    return read_effort(fields) not in (None, "none") and (
        model.thinking == "budget" or has_budget(fields.get("thinking"))
    )


def _rest(model: Model) -> dict[str, Any]:
    if model.rest == "unasked":
        return {}
    return _effort("minimal", model) if model.rest == "never" else {"thinking": {"type": model.rest}}


def _fitted(thinking: Mapping[str, Any], model: Model, max_tokens: Any) -> Mapping[str, Any]:
    if thinking.get("type") != "enabled":
        return thinking
    budget = thinking.get("budget_tokens")
    if model.thinking != "adaptive":
        fitted = _fitted_budget(budget, max_tokens) if isinstance(budget, int) else budget
        return thinking if fitted == budget else {**thinking, "budget_tokens": fitted}
    kept = {name: value for name, value in thinking.items() if name != "budget_tokens"}
    return {**kept, "type": "adaptive"}


def _fitted_budget(budget: int, max_tokens: Any) -> int:
    """Below `max_tokens`, and not below the least that is accepted."""
    most = max_tokens - 1 if isinstance(max_tokens, int) else budget
    return max(_FLOOR, min(budget, most))


def _effort(effort: str | None, model: Model) -> dict[str, Any]:
    """The output_config with the strongest effort that the model knows and that is not above the one asked for."""
    if effort in (None, "none") or not model.efforts:
        return {}
    order = list(BUDGETS)
    fitting = [level for level in model.efforts if order.index(level) <= order.index(str(effort))]
    return {"output_config": {"effort": fitting[-1] if fitting else model.efforts[0]}}


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
            return not _has_thoughts(message)
    return False


def _has_thoughts(message: Mapping[str, Any]) -> bool:
    """True for an assistant message with thoughts that Claude signed, or with the blocks of Claude's own answer."""
    specific = message.get("provider_specific_fields")
    kept = specific.get("content_blocks") if isinstance(specific, Mapping) else None
    blocks, content = message.get("thinking_blocks"), message.get("content")
    if kept:
        return True
    if isinstance(content, list) and any(isinstance(part, Mapping) and _is_thought(part) for part in content):
        return True
    return isinstance(blocks, list) and any(
        isinstance(block, Mapping) and "signed_by" not in block and bool(block.get("signature") or block.get("data"))
        for block in blocks
    )


def _is_thought(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("thinking", "redacted_thinking")


def is_thinking(thinking: object) -> bool:
    """True when this `thinking` switches it on."""
    return isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")


def has_budget(thinking: object) -> bool:
    """True for the older way of thinking, beside which no tool can be forced."""
    return isinstance(thinking, Mapping) and thinking.get("type") == "enabled"
