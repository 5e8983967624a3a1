"""`reasoning_effort` and Anthropic's `thinking` as Gemini's `thinkingConfig`.

https://ai.google.dev/gemini-api/docs/thinking
"""

from collections.abc import Mapping
from typing import Any

from proxy.providers.gemini.models import generation, thinks_in_levels
from proxy.providers.translation.effort import BUDGETS, read_effort

# Gemini 3 and later. Pro models have no `minimal`, the first of them no `medium`.
_LEVELS: Mapping[str, str] = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
# Budgets that a model of the 2.5 generation takes, by a part of its name: the least (but for 0), the most, and what
# turns thinking off as far as it goes.
_RANGES = (("pro", 128, 32768, 128), ("flash-lite", 512, 24576, 0), ("", 1, 24576, 0))


def build_thinking(fields: Mapping[str, Any], model: str) -> dict[str, Any] | None:
    """`thinkingConfig`; None where the client sets nothing. `thinking` is more exact than an effort and goes first."""
    thinking = fields.get("thinking")
    if isinstance(thinking, Mapping):
        return _from_thinking(thinking, model)
    effort = read_effort(fields)
    return None if effort is None else _from_effort(effort, model)


def _from_thinking(thinking: Mapping[str, Any], model: str) -> dict[str, Any]:
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if kind == "disabled" or budget == 0:
        return _from_effort("none", model)
    if isinstance(budget, int):
        return {"includeThoughts": True, "thinkingBudget": budget}
    if kind == "adaptive" and not thinks_in_levels(model):
        return {"includeThoughts": True, "thinkingBudget": -1}
    return {"includeThoughts": True}


def _from_effort(effort: str, model: str) -> dict[str, Any]:
    shown = effort != "none"
    if thinks_in_levels(model):
        return {"includeThoughts": shown, "thinkingLevel": _level(effort, model)}
    least, most, off = next((least, most, off) for part, least, most, off in _RANGES if part in model)
    return {"includeThoughts": shown, "thinkingBudget": min(max(BUDGETS[effort], least), most) if shown else off}


def _level(effort: str, model: str) -> str:
    level = _LEVELS[effort]
    if "pro" not in model:
        return level
    if level == "medium" and generation(model) == 3.0:
        return "high"
    return "low" if level == "minimal" else level
