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
    """`total` runs from the start; one of the other three runs at a time, and `begin` says which."""

    __slots__ = ("_limit", "_phase", "_phase_end", "_total_end", "clocks", "host", "now")

    def __init__(self, clocks: Clocks, monotonic: Callable[[], float], host: str) -> None:
        self.clocks = clocks
        self.now = monotonic
        self.host = host
        self._total_end = None if clocks.total is None else monotonic() + clocks.total
        self._phase: Phase = "connect"
        self._limit: float | None = None
        self._phase_end: float | None = None
        self.begin("connect")

    def begin(self, phase: Phase) -> None:
        """Stop the running clock and start this one."""
        limit: float | None = getattr(self.clocks, phase)
        self._phase, self._limit = phase, limit
        self._phase_end = None if limit is None else self.now() + limit

    def left(self) -> float | None:
        """Seconds until the next clock runs out, None for never; raises Timeout when one has."""
        if self._phase_end is None and self._total_end is None:
            return None
        now = self.now()
        for end in (self._total_end, self._phase_end):
            if end is not None and end <= now:
                raise self.expired()
        return min(end for end in (self._total_end, self._phase_end) if end is not None) - now

    def expired(self) -> Timeout:
        """The error for the clock that ends first."""
        total_first = self._phase_end is None or (self._total_end is not None and self._total_end <= self._phase_end)
        name, limit = ("total", self.clocks.total) if total_first else (self._phase, self._limit)
        if limit is None:
            return Timeout(f"{self.host} did not answer in time")
        # What is left of a client's time is seldom a round number.
        return Timeout(f"{self.host} " + _MISSED[name].format(limit=round(limit, 2)))
