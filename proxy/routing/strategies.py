"""Which of several deployments to try: pure functions over a snapshot, in a table.

A new strategy is one function and one row; proxy/domain/router_settings.py lists the names that a configuration may
use.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from proxy.domain.deployment import Deployment
from proxy.routing.state.values import Standing

# LiteLLM's guess for a price that nobody knows: dearer than any.
UNKNOWN_PRICE = 5.0


class Wish(NamedTuple):
    """What a strategy may know beside the candidates. `price`: USD per token, input and output together; None unknown.

    `buffer`: how much slower than the quickest still counts as quick (0.1 is 10 %). Samples older than `ttl` are
    forgotten. `shares` of the candidates, where somebody has them already.
    """

    stream: bool
    now: float
    dice: random.Random
    price: Callable[[Deployment], float | None]
    buffer: float = 0.0
    ttl: float = 3600.0
    shares: Sequence[float] | None = None


# The position of the chosen one. Standings come in the order of the candidates; there is at least one of each.
Pick = Callable[[Sequence[Deployment], Sequence[Standing], Wish], int]


class Strategy(NamedTuple):
    """`blind`: it does not look at standings, so none need be fetched."""

    pick: Pick
    blind: bool = False


def simple_shuffle(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:
    """Weighted dice by the first of weight, rpm, tpm that any candidate has; else all alike."""
    ends = wish.shares or shares(candidates)
    # The last that weighs something ends where the sum does.
    return bisect_right(ends, wish.dice.random() * ends[-1], hi=bisect_left(ends, ends[-1]))


def shares(candidates: Sequence[Deployment]) -> Sequence[float]:
    """Where each one's part of the dice of `simple_shuffle` ends."""
    for metric in _METRICS:
        weights = [metric(candidate) or 0 for candidate in candidates]
        if any(weights):
            return list(accumulate(weights))
    return range(1, len(candidates) + 1)


def least_busy(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:
    """The fewest calls in flight; the first in the list among equals."""
    return min(range(len(candidates)), key=lambda position: standings[position].inflight)


def usage_based(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:
    """The fewest tokens in this minute; dice among equals."""
    return _lowest([standing.tokens for standing in standings], 0.0, wish.dice)


def latency_based(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:
    """Dice among those within the buffer of the quickest; one without samples is tried first."""
    return _lowest([_latency(standing, wish) for standing in standings], wish.buffer, wish.dice)


def cost_based(candidates: Sequence[Deployment], standings: Sequence[Standing], wish: Wish) -> int:
    """The cheapest per token, input and output together; dice among equals."""
    return _lowest([_price(candidate, wish) for candidate in candidates], 0.0, wish.dice)


_METRICS: tuple[Callable[[Deployment], float | None], ...] = (
    attrgetter("weight"),
    attrgetter("rpm"),
    attrgetter("tpm"),
)


def _lowest(values: Sequence[float], buffer: float, dice: random.Random) -> int:
    bar = min(values) * (1.0 + buffer)
    good = [position for position, value in enumerate(values) if value <= bar]
    return good[int(dice.random() * len(good))] if len(good) > 1 else good[0]


def _latency(standing: Standing, wish: Wish) -> float:
    if wish.now - standing.sampled_at > wish.ttl:
        return 0.0
    return standing.first if wish.stream and standing.first_samples else standing.latency


def _price(deployment: Deployment, wish: Wish) -> float:
    own = (deployment.input_cost_per_token, deployment.output_cost_per_token)
    if own == (None, None):
        known = wish.price(deployment)
        return 2 * UNKNOWN_PRICE if known is None else known
    return sum(UNKNOWN_PRICE if part is None else part for part in own)


STRATEGIES: Mapping[str, Strategy] = {
    "simple-shuffle": Strategy(simple_shuffle, blind=True),
    "least-busy": Strategy(least_busy),
    "usage-based-routing": Strategy(usage_based),
    "usage-based-routing-v2": Strategy(usage_based),
    "latency-based-routing": Strategy(latency_based),
    "cost-based-routing": Strategy(cost_based, blind=True),
}
