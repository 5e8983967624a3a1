"""The retry budget: what retries may add to the load of one provider in one group, measured over ten seconds.

A request's first try of a provider in a group is never refused; each further one after a failure that may pass, and
each try of a deployment that cools, spends. So a provider that fails half its calls sees at most `1 + share` of its
load, whatever `num_retries` is, except for the floor. Window and floor are those of Finagle's RetryBudget and Linkerd:
https://twitter.github.io/finagle/guide/Clients.html#retry-budget
"""

from ctypes import Array, Structure, c_int64

from proxy.routing.state.values import BudgetRule

BUCKETS = 10
BUCKET_SECONDS = 1.0
WINDOW_SECONDS = BUCKETS * BUCKET_SECONDS


class Spending(Structure):
    """First tries and extra ones of one group in buckets of time: a row as DeploymentState is one.

    `slot` is the number of the newest bucket since the epoch.
    """

    slot: int
    firsts: Array[c_int64]
    extras: Array[c_int64]
    _fields_ = (("slot", c_int64), ("firsts", c_int64 * BUCKETS), ("extras", c_int64 * BUCKETS))


def roll(spending: Spending, now: float) -> int:
    """Forget what is older than the window; the index of the bucket of now."""
    slot = int(now // BUCKET_SECONDS)
    if slot != spending.slot:
        _move(spending, slot)
    return spending.slot % BUCKETS


def _move(spending: Spending, slot: int) -> None:
    """A clock that steps back a little keeps its bucket; one that steps back far begins anew."""
    if spending.slot - BUCKETS <= slot < spending.slot:
        return
    fresh = min(BUCKETS, slot - spending.slot) if slot > spending.slot else BUCKETS
    for number in range(slot - fresh + 1, slot + 1):
        spending.firsts[number % BUCKETS] = spending.extras[number % BUCKETS] = 0
    spending.slot = slot


def allows(spending: Spending, rule: BudgetRule, now: float) -> bool:
    """Whether one more extra try stays within the share of the window's first tries, or within the floor."""
    roll(spending, now)
    return sum(spending.extras) + 1 <= max(rule.floor, rule.share * sum(spending.firsts))


def count(spending: Spending, extra: bool, now: float, amount: int = 1) -> None:
    bucket = roll(spending, now)
    counts = spending.extras if extra else spending.firsts
    counts[bucket] = max(0, counts[bucket] + amount)
