"""What one call used: tokens in OpenAI's counting, and amounts of other units."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Amount(NamedTuple):
    """How much was used of a unit that is no token, in the singular: image, second, character, query, page.

    `variants` name what has a price of its own, such as a size and quality of images; the most particular comes first.
    """

    unit: str
    quantity: float
    variants: tuple[str, ...] = ()


# (request body, answer) -> how much of a unit was used; None where it cannot be counted.
CountAmount = Callable[[Mapping[str, Any], Mapping[str, Any]], Amount | None]


class Usage(NamedTuple):
    """`prompt_tokens` includes cached and cache-write tokens; `completion_tokens` includes reasoning.

    `cost` is the provider's own figure in USD where it gives one. `amounts` are what is counted beside tokens.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    prompt_audio_tokens: int = 0
    completion_audio_tokens: int = 0
    prompt_image_tokens: int = 0
    completion_image_tokens: int = 0
    amounts: tuple[Amount, ...] = ()
    cost: float | None = None

    @property
    def ordinary(self) -> bool:
        """Nothing but tokens of text is counted, none of it cached, none of it reasoning: all parts but the first three are 0."""
        return not any(self[3:12])

    def plus(self, other: "Usage") -> "Usage":
        """The usage of two answers to one call together."""
        counts = [mine + theirs for mine, theirs in zip(self[:11], other[:11], strict=True)]
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        amounts = (*self.amounts, *other.amounts)
        return Usage._make([*counts, amounts, sum(costs) if costs else None])

    def to_openai(self) -> dict[str, Any]:
        """The `usage` object; the details only where one of them is not 0."""
        usage: dict[str, Any] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }
        prompt = {
            "cached_tokens": self.cached_tokens,
            "cache_creation_tokens": self.cache_write_tokens,
            "audio_tokens": self.prompt_audio_tokens,
            "image_tokens": self.prompt_image_tokens,
        }
        completion = {
            "reasoning_tokens": self.reasoning_tokens,
            "audio_tokens": self.completion_audio_tokens,
            "image_tokens": self.completion_image_tokens,
        }
        if any(prompt.values()):
            usage["prompt_tokens_details"] = {name: value for name, value in prompt.items() if value}
        if any(completion.values()):
            usage["completion_tokens_details"] = {name: value for name, value in completion.items() if value}
        return usage

    @classmethod
    def from_openai(cls, usage: object) -> "Usage | None":
        """Read a `usage` object leniently; None when there is none."""
        if not isinstance(usage, dict):
            return None
        if "input_tokens" in usage and "prompt_tokens" not in usage:
            usage = _renamed(usage)
        prompt, completion = token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens"))
        total = token_count(usage.get("total_tokens")) or prompt + completion
        cost = _cost(usage) if "cost" in usage or "cost_in_usd_ticks" in usage else None
        read, made = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
        if not read and not made:
            return cls(prompt, completion, total, cost=cost)
        read, made = _mapping(read), _mapping(made)
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
            cached_tokens=token_count(read.get("cached_tokens")),
            cache_write_tokens=token_count(read.get("cache_creation_tokens")),
            reasoning_tokens=token_count(made.get("reasoning_tokens")),
            prompt_audio_tokens=token_count(read.get("audio_tokens")),
            completion_audio_tokens=token_count(made.get("audio_tokens")),
            prompt_image_tokens=token_count(read.get("image_tokens")),
            completion_image_tokens=token_count(made.get("image_tokens")),
            cost=cost,
        )


def _renamed(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Input and output as OpenAI's images, transcriptions and responses name them, as prompt and completion."""
    return {
        **usage,
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details") or usage.get("input_token_details"),
        "completion_tokens_details": usage.get("output_tokens_details") or usage.get("output_token_details"),
    }


# The largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
MAX_TOKENS = 2**53 - 1
# USD, so that an amount in nano-dollars is within 2^53, too.
MAX_COST = 9_000_000.0
# xAI's unit: https://docs.x.ai/developers/cost-tracking
_TICKS_PER_USD = 10_000_000_000


def _cost(usage: Mapping[str, Any]) -> float | None:
    """The provider's own figure: a number (OpenRouter), a breakdown with its total (Perplexity), or ticks (xAI)."""
    cost = usage.get("cost")
    amount = _amount(cost.get("total_cost") if isinstance(cost, Mapping) else cost)
    ticks = _amount(usage.get("cost_in_usd_ticks"), MAX_COST * _TICKS_PER_USD)
    return ticks / _TICKS_PER_USD if amount is None and ticks is not None else amount


def token_count(value: object) -> int:
    """A provider's number of tokens, within 0 and `MAX_TOKENS`; 0 for anything but a number. Some write 12.0."""
    if type(value) is int and 0 <= value <= MAX_TOKENS:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, MAX_TOKENS))


def _amount(value: Any, most: float = MAX_COST) -> float | None:
    """A provider's amount of money, within 0 and `most`; None for anything but a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(min(value, most)) if value > 0 else 0.0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
