"""The retry budget: what retries and fallbacks may add to the load, measured over the last minute.

A request's first try is never refused; each further one (a retry, a fallback, a try of a deployment that cools) spends.
So a provider that fails half its calls sees at most `1 + share` of its load, whatever `num_retries` says.
"""

from proxy.routing.standing import BudgetRule

BUCKETS = 10
BUCKET_SECONDS = 6.0
WINDOW_SECONDS = BUCKETS * BUCKET_SECONDS


class Spending:
    """First tries and extra ones of one group in buckets of time; only a state store changes it, under its lock."""

    __slots__ = ("extras", "firsts", "slot")

    def __init__(self) -> None:
        self.slot = 0
        self.firsts = [0] * BUCKETS
        self.extras = [0] * BUCKETS


def roll(spending: Spending, now: float) -> int:
    """Forget what is older than the window; the index of the bucket of now."""
    slot = int(now // BUCKET_SECONDS)
    if slot < spending.slot - BUCKETS:
        spending.slot, spending.firsts, spending.extras = slot, [0] * BUCKETS, [0] * BUCKETS
    if slot > spending.slot:
        for stale in range(max(spending.slot + 1, slot - BUCKETS + 1), slot + 1):
            spending.firsts[stale % BUCKETS] = spending.extras[stale % BUCKETS] = 0
        spending.slot = slot
    return spending.slot % BUCKETS


def allows(spending: Spending, rule: BudgetRule, now: float) -> bool:
    """Whether one more extra try stays within the share of the window's first tries, or within the floor."""
    roll(spending, now)
    return sum(spending.extras) + 1 <= max(rule.floor, rule.share * sum(spending.firsts))


def count(spending: Spending, extra: bool, now: float, amount: int = 1) -> None:
    bucket = roll(spending, now)
    counts = spending.extras if extra else spending.firsts
    counts[bucket] = max(0, counts[bucket] + amount)
