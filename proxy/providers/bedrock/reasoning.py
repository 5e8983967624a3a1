"""How much a model shall think: `reasoning_effort` and `thinking` in the words of each family on Bedrock.

https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
.../claude-messages-adaptive-thinking.html and https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from proxy.providers.bedrock.models import Model
from proxy.providers.effort import BUDGETS, read_effort

# Claude thinks in no fewer tokens.
_FLOOR = 1024
_THREE_STEPS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_ADAPTIVE = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}


class Way(NamedTuple):
    """One family's way: the prefixes of its models' names, and the fields for an effort."""

    prefixes: tuple[str, ...]
    fields: Callable[[str], dict[str, Any]]


# The first whose prefix fits. What is not here can't be asked to think more or less.
_WAYS = (
    Way(
        ("amazon.nova-2",),
        lambda effort: {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": _THREE_STEPS[effort]}},
    ),
    Way(("openai.gpt-oss", "moonshot.kimi-k2"), lambda effort: {"reasoning_effort": _THREE_STEPS[effort]}),
    Way(("openai.",), lambda effort: {"reasoning": {"effort": _ADAPTIVE[effort]}}),
    Way(
        ("qwen.", "zai.", "moonshotai.", "deepseek.v3", "minimax."),
        lambda effort: {"reasoning_config": _THREE_STEPS[effort]},
    ),
)
_SILENCE = {
    "amazon.nova-2": {"reasoningConfig": {"type": "disabled"}},
    "openai.gpt-5": {"reasoning": {"effort": "none"}},
}


def can_reason(model: Model) -> bool:
    """Whether the family takes an effort."""
    return model.version >= (3, 7) if model.claude else _way(model) is not None


def build_reasoning(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The additional fields for `thinking` (Anthropic's shape, passed on to Claude as it is) or `reasoning_effort`."""
    thinking, effort = fields.get("thinking"), read_effort(fields)
    if model.claude:
        if isinstance(thinking, Mapping):
            return {"thinking": thinking}
        return {} if effort is None or effort == "none" else _claude(effort, model, _limit(fields))
    if effort is None and isinstance(thinking, Mapping):
        effort = _effort_of(thinking)
    if effort is None:
        return {}
    if effort == "none":
        return dict(next((quiet for prefix, quiet in _SILENCE.items() if model.starts(prefix)), {}))
    way = _way(model)
    return {} if way is None else way.fields(effort)


def thinks(additional: Mapping[str, Any]) -> bool:
    """Whether the fields switch Claude's thinking on: it then refuses a forced tool."""
    thinking = additional.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")


def _claude(effort: str, model: Model, max_tokens: int | None) -> dict[str, Any]:
    if model.version >= (4, 6):
        word = _ADAPTIVE[effort]
        if model.version == (4, 6) and word == "xhigh":
            word = "max"
        # From 4.7 on the text of the thoughts comes only when it is asked for.
        display = {} if model.version == (4, 6) else {"display": "summarized"}
        return {"thinking": {"type": "adaptive", **display}, "output_config": {"effort": word}}
    budget = max(BUDGETS[effort], _FLOOR)
    if max_tokens is not None and max_tokens > _FLOOR:
        budget = min(budget, max_tokens - 1)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _limit(fields: Mapping[str, Any]) -> int | None:
    limit = fields.get("max_completion_tokens") or fields.get("max_tokens")
    return limit if isinstance(limit, int) else None


def _effort_of(thinking: Mapping[str, Any]) -> str:
    if thinking.get("type") == "disabled":
        return "none"
    budget = thinking.get("budget_tokens")
    tokens = budget if isinstance(budget, int) else BUDGETS["medium"]
    return next((effort for effort in ("low", "medium") if tokens <= BUDGETS[effort]), "high")


def _way(model: Model) -> Way | None:
    return next((way for way in _WAYS if model.starts(*way.prefixes)), None)
