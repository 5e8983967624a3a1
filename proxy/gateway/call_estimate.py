"""What a call will take of limits and budgets, before anything is counted: tokens, and what they cost at most."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from proxy.accounting.book import PriceBook
from proxy.accounting.cost import cost_of
from proxy.domain.account import nanodollars
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, COMPLETIONS
from proxy.domain.usage import Usage
from proxy.routing.estimate import asked_tokens, prompt_tokens
from proxy.routing.router import Router

# The answer's tokens of a call that asks for no maximum: for limits, and for budgets. LiteLLM's figures.
ANSWER_TOKENS = 1_000
LONGEST_ANSWER = 16_384
_MOST_REMEMBERED = 4096
_GENERATING = (CHAT, COMPLETIONS)


class GroupPrices(NamedTuple):
    """USD per token: the highest of all deployments of a group. `longest`: the tokens of the longest answer.

    `is_known` is false where no deployment has a price, `is_free` true where all prices are known to be 0.
    """

    input: float = 0.0
    output: float = 0.0
    longest: int = LONGEST_ANSWER
    is_known: bool = False
    is_free: bool = False


class CallEstimate(NamedTuple):
    """`nanodollars` is None for a model without a price."""

    tokens: int
    nanodollars: int | None


class Estimator:
    """One per application; safe for threads."""

    def __init__(self, router: Router, prices: PriceBook) -> None:
        self._router = router
        self._prices = prices
        self._known: dict[str, GroupPrices] = {}

    def prices(self, model: str) -> GroupPrices:
        """The values of the model group of this name; unknown without a group or a price."""
        group = self._router.catalogue.find(model)
        if group is None:
            return GroupPrices()
        # All names of a wildcard have one key, and prices of their own.
        found = self._known.get(group.name)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = self._known[group.name] = self._read(group.deployments)
        return found

    def _read(self, deployments: Sequence[Deployment]) -> GroupPrices:
        found = [self._prices.find(deployment, None) for deployment in deployments]
        sheets = [(priced.row.prices(0), priced.row) for priced in found if priced is not None]
        known = [(sheet, row) for sheet, row in sheets if sheet.input is not None or sheet.output is not None]
        if not known:
            return GroupPrices()
        highest = max(sheet.input or 0.0 for sheet, _ in known)
        answer = max(max(sheet.output or 0.0, sheet.reasoning or 0.0) for sheet, _ in known)
        longest = max(min(row.max_output_tokens or LONGEST_ANSWER, LONGEST_ANSWER) for _, row in known)
        is_free = highest == answer == 0.0 and len(known) == len(found)
        return GroupPrices(highest, answer, longest, is_known=True, is_free=is_free)

    def cost(self, model: str, usage: Any, messages: Any) -> float | None:
        """USD of a finished answer's usage, or of a prompt alone; None for a model without a price."""
        group = self._router.catalogue.find(model)
        if group is None:
            return None
        priced = next((found for one in group.deployments if (found := self._prices.find(one, None))), None)
        tokens = prompt_tokens({"messages": messages}) if messages else 0
        cost = cost_of(Usage.from_openai(usage) or Usage(tokens, 0, tokens), priced)
        return None if cost is None else cost.total

    def estimate(self, call: Call, prices: GroupPrices) -> CallEstimate:
        """About the prompt, and the longest answer that was asked for, `n` times."""
        fields = call.observed_fields
        prompt, asked = prompt_tokens(fields), asked_tokens(fields)
        if call.operation not in _GENERATING:
            answer = longest = 0
        elif asked is None:
            answer, longest = ANSWER_TOKENS, prices.longest
        else:
            answer = longest = asked
        times = fields.get("n") or 1
        times = times if isinstance(times, int) and times > 0 else 1
        cost = nanodollars(prompt * prices.input + times * longest * prices.output) if prices.is_known else None
        return CallEstimate(prompt + times * answer, cost)
