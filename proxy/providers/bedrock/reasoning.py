"""How much a model shall think: `reasoning_effort` and `thinking` in the words of each family on Bedrock.

Claude's is Anthropic's own. https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html
and https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from proxy.providers.anthropic.thinking import build_thinking, find_displaced, has_budget
from proxy.providers.bedrock.models import Model
from proxy.providers.translation.effort import BUDGETS, read_effort

_THREE_STEPS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_TWO_STEPS = {**_THREE_STEPS, "medium": "high"}
_FIVE_STEPS = {**_THREE_STEPS, "xhigh": "xhigh", "max": "max"}


# https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html: these must be unset for high effort.
_BESIDE_HIGH = ("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k")


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
    Way(
        ("openai.gpt-oss", "moonshot.kimi-k2", "deepseek.v3"), lambda effort: {"reasoning_effort": _THREE_STEPS[effort]}
    ),
    Way(("openai.",), lambda effort: {"reasoning": {"effort": _FIVE_STEPS[effort]}}),
    Way(
        ("qwen.", "zai.", "moonshotai.", "minimax."),
        lambda effort: {"reasoning_config": _TWO_STEPS[effort]},
    ),
)
_SILENCE = {
    "amazon.nova-2": {"reasoningConfig": {"type": "disabled"}},
    "openai.gpt-5": {"reasoning": {"effort": "none"}},
}


def can_reason(model: Model) -> bool:
    """Whether the family takes an effort."""
    return model.traits.thinking != "none" if model.claude else _way(model) is not None


def build_reasoning(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The additional fields for `thinking` (Anthropic's shape) or `reasoning_effort`."""
    if model.claude:
        return build_thinking(fields, model.traits, _limit(fields, model))
    effort, thinking = read_effort(fields), fields.get("thinking")
    if effort is None and isinstance(thinking, Mapping):
        effort = _effort_of(thinking)
    if effort is None:
        return {}
    if effort == "none":
        return dict(next((quiet for prefix, quiet in _SILENCE.items() if model.starts(prefix)), {}))
    way = _way(model)
    return {} if way is None else way.fields(_strongest(effort, fields, model))


def _strongest(effort: str, fields: Mapping[str, Any], model: Model) -> str:
    """The effort; Nova 2 takes its highest only where nothing else of the inference is set."""
    is_bound = any(fields.get(name) is not None for name in _BESIDE_HIGH)
    return "medium" if model.starts("amazon.nova-2") and _THREE_STEPS[effort] == "high" and is_bound else effort


def find_displaced_thinking(fields: Mapping[str, Any], model: Model) -> frozenset[str]:
    """The thinking that Claude refuses in this request: see Provider.displaced."""
    return find_displaced(fields, model.traits, _limit(fields, model)) if model.claude else frozenset()


def may_force_tools(additional: Mapping[str, Any], model: Model) -> bool:
    """False where a forced tool is refused: by most families, by some Claudes, and while Claude thinks by a budget."""
    if not model.family.forced:
        return False
    return not model.claude or (model.traits.forced_tools and not has_budget(additional.get("thinking")))


def _limit(fields: Mapping[str, Any], model: Model) -> int:
    native = fields.get("inferenceConfig")
    given = native.get("maxTokens") if isinstance(native, Mapping) else None
    limit = given or fields.get("max_completion_tokens") or fields.get("max_tokens")
    return limit if isinstance(limit, int) else model.traits.max_tokens


def _effort_of(thinking: Mapping[str, Any]) -> str:
    if thinking.get("type") == "disabled":
        return "none"
    budget = thinking.get("budget_tokens")
    tokens = budget if isinstance(budget, int) else BUDGETS["medium"]
    return next((effort for effort in ("low", "medium") if tokens <= BUDGETS[effort]), "high")


def _way(model: Model) -> Way | None:
    return next((way for way in _WAYS if model.starts(*way.prefixes)), None)
