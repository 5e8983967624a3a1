"""What the gateway did in the last hour: figures by minute and by deployment, and the last calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MINUTES = 60
# Upper bounds of the latency classes in seconds, each half as long again as the one before; what is longer is in the last.
LATENCY_BOUNDS = tuple(round(0.01 * 1.5**step, 4) for step in range(27))


class Totals(NamedTuple):
    """`cost` is USD, `seconds` the sum of all calls' durations."""

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    def plus(self, other: Sequence[float]) -> "Totals":
        return Totals._make(mine + theirs for mine, theirs in zip(self, other, strict=True))

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def mean_seconds(self) -> float | None:
        return self.seconds / self.requests if self.requests else None


@dataclass(slots=True)
class Minute:
    """`start` is Unix seconds; `latencies` counts calls by the classes of LATENCY_BOUNDS."""

    start: int
    totals: Totals = field(default_factory=Totals)
    latencies: list[int] = field(default_factory=lambda: [0] * len(LATENCY_BOUNDS))


@dataclass(frozen=True, slots=True)
class History:
    """`minutes` are the last MINUTES, the present one last; `deployments` are the hour's totals by deployment id, those
    of no deployment under ''; `calls` are the newest first.
    """

    minutes: tuple[Minute, ...]
    deployments: Mapping[str, Totals]
    calls: tuple[Mapping[str, Any], ...]

    @property
    def totals(self) -> Totals:
        total = Totals()
        for minute in self.minutes:
            total = total.plus(minute.totals)
        return total

    @property
    def latencies(self) -> list[int]:
        return [sum(counts) for counts in zip(*(minute.latencies for minute in self.minutes), strict=True)]


def quantile(latencies: Sequence[int], share: float) -> float | None:
    """The seconds that this share of the calls stays below, as exactly as the buckets allow; None without calls."""
    wanted = share * sum(latencies)
    reached, lower = 0, 0.0
    for bound, count in zip(LATENCY_BOUNDS, latencies, strict=True):
        if count and reached + count >= wanted:
            return lower + (bound - lower) * (wanted - reached) / count
        reached, lower = reached + count, bound
    return None
