"""The values of the counters: what is limited, what a call reserves, and why it is refused. Pure.

Tokens and requests are plain integers, money is integer nano-dollars. All times are Unix seconds.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Measure = Literal["requests", "tokens", "parallel", "spend"]


class Window(Protocol):
    """How long a counter counts before it begins anew. `name` is part of the counter's identity ("1m", "30d")."""

    @property
    def name(self) -> str: ...

    def bounds(self, now: float) -> tuple[int, int]:
        """(start, end) of the window that contains `now`. Pure; the bounds of calendar windows are the caller's rules."""


class FixedWindow(NamedTuple):
    """Windows of `seconds`, aligned to the epoch: minutes, hours, days in UTC."""

    name: str
    seconds: int

    def bounds(self, now: float) -> tuple[int, int]:
        start = int(now // self.seconds) * self.seconds
        return start, start + self.seconds


class Lifetime(NamedTuple):
    """One window without an end."""

    name: str = "total"

    def bounds(self, now: float) -> tuple[int, int]:
        return 0, 0


MINUTE = FixedWindow("1m", 60)
DAY = FixedWindow("1d", 86400)
LIFETIME = Lifetime()


class Counter(NamedTuple):
    """What is counted for one subject. Kinds are the caller's: key, team, user, member, end_user, tag, organization ..."""

    kind: str
    id: str
    measure: Measure
    window: str


class Limit(NamedTuple):
    """A counter with its maximum; None counts and never refuses.

    `partial`, for spend: a call passes as long as anything is left, and reserves its whole estimate. A smaller reservation
    would let a further call pass beside it, for which nothing is left when both have ended.
    """

    counter: Counter
    maximum: int | None
    window: Window
    partial: bool = False


def build_limit(
    subject: tuple[str, str], measure: Measure, maximum: int | None, window: Window, partial: bool = False
) -> Limit:
    """The limit of one subject `(kind, id)`. Calls in flight have the window LIFETIME."""
    return Limit(Counter(*subject, measure, window.name), maximum, window, partial)


class Amounts(NamedTuple):
    """What one call uses: an estimate when it is reserved, the actual amounts when it is settled (None: the estimate counts)."""

    tokens: int | None = None
    nanodollars: int | None = None


class Refused(NamedTuple):
    """The first limit that the call would exceed. Nothing of the call is counted, for any subject.

    `seconds`: until the window ends; 0 for calls in flight (any moment) and None for a budget without a window.
    """

    limit: Limit
    used: int
    seconds: float | None


class Share(NamedTuple):
    """A reservation's part of one counter. `start` is the start of the window that it is counted in.

    `used`: what is used of the counter then, this call included; what remains is in the `x-ratelimit-*` headers.
    """

    limit: Limit
    amount: int
    start: int
    used: int


class Reservation:
    """A counted call. It ends exactly once: later calls of `settle` and `release` change nothing."""

    __slots__ = ("hold", "is_open", "shares", "worker")

    def __init__(self, shares: Sequence[Share], hold: tuple[int, ...] = (), worker: str = "") -> None:
        self.shares = shares
        # Where a host's file keeps the parts that come back when the process dies.
        self.hold = hold
        # The name under which Redis keeps them; empty if the call was not counted there.
        self.worker = worker
        self.is_open = True


class Usage(NamedTuple):
    """What a counter has: `spent` for certain, `reserved` for calls in flight. Limits hold for the sum."""

    spent: int = 0
    reserved: int = 0
