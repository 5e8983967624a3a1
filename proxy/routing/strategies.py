"""Which of several deployments to try: pure functions over a snapshot, in a table.

A new strategy is one function and one row.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from proxy.domain.deployment import Deployment
from proxy.routing.state.values import DeploymentState

# LiteLLM's value for an unknown price: dearer than any.
UNKNOWN_PRICE = 5.0


class SelectionInput(NamedTuple):
    """What a strategy is given beside the candidates. `price`: USD per token, input and output together; None unknown.

    `buffer`: how much slower than the quickest still counts as quick (0.1 is 10 %). Samples older than `ttl` are
    forgotten. `shares` of the candidates, if already known.
    """

    stream: bool
    now: float
    rng: random.Random
    price: Callable[[Deployment], float | None]
    buffer: float = 0.0
    ttl: float = 3600.0
    shares: Sequence[float] | None = None


# The position of the chosen one. States come in the order of the candidates; there is at least one of each.
Pick = Callable[[Sequence[Deployment], Sequence[DeploymentState], SelectionInput], int]


class Strategy(NamedTuple):
    """`needs_state` False: it does not look at the states, so none are fetched."""

    pick: Pick
    needs_state: bool = True


def simple_shuffle(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:
    """A weighted random choice by the first of weight, rpm, tpm that any candidate has; else all alike."""
    ends = inputs.shares or shares(candidates)
    # The last that weighs something ends where the sum does.
    return bisect_right(ends, inputs.rng.random() * ends[-1], hi=bisect_left(ends, ends[-1]))


def shares(candidates: Sequence[Deployment]) -> Sequence[float]:
    """The upper end of each candidate's share of the draw of `simple_shuffle`."""
    for metric in _METRICS:
        weights = [metric(candidate) or 0 for candidate in candidates]
        if any(weights):
            return list(accumulate(weights))
    return range(1, len(candidates) + 1)


def least_busy(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:
    """The fewest calls in flight; a random one among equals, so that idle deployments share the load."""
    return _lowest([state.inflight for state in states], 0.0, inputs.rng)


def usage_based(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:
    """The fewest tokens in this minute; a random one among equals."""
    return _lowest([state.tokens for state in states], 0.0, inputs.rng)


def latency_based(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:
    """A random one among those within the buffer of the quickest; one without samples is tried first."""
    return _lowest([_latency(state, inputs) for state in states], inputs.buffer, inputs.rng)


def cost_based(candidates: Sequence[Deployment], states: Sequence[DeploymentState], inputs: SelectionInput) -> int:
    """The cheapest per token, input and output together; a random one among equals."""
    return _lowest([_price(candidate, inputs) for candidate in candidates], 0.0, inputs.rng)


_METRICS: tuple[Callable[[Deployment], float | None], ...] = (
    attrgetter("weight"),
    attrgetter("rpm"),
    attrgetter("tpm"),
)


def _lowest(values: Sequence[float], buffer: float, rng: random.Random) -> int:
    bar = min(values) * (1.0 + buffer)
    good = [position for position, value in enumerate(values) if value <= bar]
    return good[int(rng.random() * len(good))] if len(good) > 1 else good[0]


def _latency(state: DeploymentState, inputs: SelectionInput) -> float:
    if inputs.now - state.sampled_at > inputs.ttl:
        return 0.0
    return state.first if inputs.stream and state.first_samples else state.latency


def _price(deployment: Deployment, inputs: SelectionInput) -> float:
    own = (deployment.input_cost_per_token, deployment.output_cost_per_token)
    if own == (None, None):
        known = inputs.price(deployment)
        return 2 * UNKNOWN_PRICE if known is None else known
    return sum(UNKNOWN_PRICE if part is None else part for part in own)


STRATEGIES: Mapping[str, Strategy] = {
    "simple-shuffle": Strategy(simple_shuffle, needs_state=False),
    "least-busy": Strategy(least_busy),
    "usage-based-routing": Strategy(usage_based),
    "usage-based-routing-v2": Strategy(usage_based),
    "latency-based-routing": Strategy(latency_based),
    "cost-based-routing": Strategy(cost_based, needs_state=False),
}
