"""The clocks of one try, running: how long may be waited now, and the error when one has run out."""

from collections.abc import Callable
from typing import Literal

from proxy.domain.wire import Clocks
from proxy.errors import Timeout

Phase = Literal["connect", "first", "idle"]

_MISSED = {
    "connect": "did not accept a connection within {limit:.4g} s",
    "first": "did not begin its answer within {limit:.4g} s",
    "idle": "was silent for {limit:.4g} s in the middle of its answer",
    "total": "did not finish its answer within {limit:.4g} s",
}


class Stopwatch:
    """`total` runs from the start; one of the other three runs at a time, and `begin` selects it."""

    __slots__ = ("_end", "_phase", "_total_end", "clocks", "host", "now")

    def __init__(self, clocks: Clocks, monotonic: Callable[[], float], host: str) -> None:
        self.clocks = clocks
        self.now = monotonic
        self.host = host
        self._total_end = None if clocks.total is None else monotonic() + clocks.total
        self.begin("connect")

    def begin(self, phase: Phase) -> None:
        """Stop the running clock and start this one."""
        limit: float | None = getattr(self.clocks, phase)
        self._phase = phase
        self._end = self._total_end
        if limit is not None:
            end = self.now() + limit
            if self._total_end is None or end < self._total_end:
                self._end = end

    def left(self) -> float | None:
        """Seconds until the next clock runs out, None for never; raises Timeout when one has."""
        if self._end is None:
            return None
        left = self._end - self.now()
        if left <= 0:
            raise self.expired()
        return left

    def expired(self) -> Timeout:
        """The error for the clock that ends first."""
        name = self._phase if self._end is not self._total_end else "total"
        limit: float | None = getattr(self.clocks, name)
        if limit is None:
            return Timeout(f"{self.host} did not answer in time")
        # What is left of a client's time is seldom a round number.
        return Timeout(f"{self.host} " + _MISSED[name].format(limit=round(limit, 2)))
