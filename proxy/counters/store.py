"""The contract of the counters, the steps that stores of one host share, and the store of one process."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from proxy.counters import rules
from proxy.counters.rules import EMPTY, Row
from proxy.counters.values import Amounts, Limit, Refused, Reservation, Share, Usage

# Above this many rows of one process, those at rest are forgotten.
MOST_ROWS = 100_000


class CounterStore(Protocol):
    """Safe for threads, greenlets and, where the store is shared, processes. `now` is Unix seconds.

    Each counter may be in a list of limits once only.
    """

    def reserve(self, limits: Sequence[Limit], estimate: Amounts, now: float) -> Reservation | Refused:
        """Count a call for all its subjects, or for none: one atomic step. End it with `settle` or `release`."""

    def settle(self, reservation: Reservation, actual: Amounts, now: float) -> bool:
        """The call has ended and used so much; None: the estimate counts. False if it had ended before."""

    def release(self, reservation: Reservation, now: float) -> bool:
        """The call was never sent. False if it had ended before."""

    def read(self, limits: Sequence[Limit], now: float) -> list[Usage]:
        """What each has in the window of now, for headers, pages and metrics."""

    def restore(self, limit: Limit, spent: int, now: float) -> None:
        """A stored spend of the present window, after a start: the larger of the two counts."""

    def reset(self, limit: Limit, now: float) -> None:
        """Nothing is spent. What is reserved stays reserved."""

    def facts(self) -> dict[str, Any]:
        """The kind of store and its condition; nothing secret."""

    def close(self) -> None:
        """Close what the store holds open."""


class LocalCounters:
    """The steps of a store whose rows one lock guards; where the rows are is the subclass's."""

    _lock: AbstractContextManager[Any]

    def reserve(self, limits: Sequence[Limit], estimate: Amounts, now: float) -> Reservation | Refused:
        with self._lock:
            self._prepare(now)
            return self._reserve(limits, estimate, now)

    def _reserve(self, limits: Sequence[Limit], estimate: Amounts, now: float) -> Reservation | Refused:
        """Inside the lock."""
        rows, shares = [], []
        for limit in limits:
            taken = rules.take(rules.roll(self._find(limit), limit, now), limit, estimate, now)
            if isinstance(taken, Refused):
                return taken
            rows.append(taken[0])
            shares.append(taken[1])
        # First, so that a process that is killed in the middle leaves a trace of all that it may have reserved.
        hold = self._hold(shares, now)
        for limit, row in zip(limits, rows, strict=True):
            self._store(limit, row, now)
        return Reservation(shares, hold)

    def settle(self, reservation: Reservation, actual: Amounts, now: float) -> bool:
        with self._lock:
            self._prepare(now)
            if not reservation.is_open:
                return False
            reservation.is_open = False
            self._settle(reservation.shares, actual, now)
            self._let_go(reservation.hold)
        return True

    def _settle(self, shares: Sequence[Share], actual: Amounts, now: float) -> None:
        """Inside the lock. A request has been counted when it was reserved."""
        for share in shares:
            if share.limit.counter.measure != "requests":
                self._change_share(share, lambda row, share: rules.settle(row, share, actual), now)

    def _change_share(self, share: Share, change: Callable[[Row, Share], Row], now: float) -> None:
        row = rules.roll(self._find(share.limit), share.limit, now)
        changed = change(row, share)
        if changed is not row:
            self._store(share.limit, changed, now)

    def release(self, reservation: Reservation, now: float) -> bool:
        with self._lock:
            self._prepare(now)
            if not reservation.is_open:
                return False
            reservation.is_open = False
            for share in reservation.shares:
                self._change_share(share, rules.release, now)
            self._let_go(reservation.hold)
        return True

    def count(self, shares: Sequence[Share], spent: Sequence[int], now: float) -> Reservation:
        """Count what another store has granted, which also has what was spent before."""
        with self._lock:
            self._prepare(now)
            hold = self._hold(shares, now)
            for share, before in zip(shares, spent, strict=True):
                row = rules.roll(self._find(share.limit), share.limit, now)._replace(spent=before)
                self._store(share.limit, rules.add(row, share), now)
        return Reservation(shares, hold)

    def read(self, limits: Sequence[Limit], now: float) -> list[Usage]:
        with self._lock:
            self._prepare(now)
            rows = [rules.roll(self._find(limit), limit, now) for limit in limits]
        return [Usage(row.spent, row.reserved) for row in rows]

    def restore(self, limit: Limit, spent: int, now: float) -> None:
        self._change(limit, now, lambda row: row._replace(spent=max(row.spent, spent)))

    def reset(self, limit: Limit, now: float) -> None:
        self._change(limit, now, lambda row: row._replace(spent=0))

    def _change(self, limit: Limit, now: float, change: Callable[[Row], Row]) -> None:
        with self._lock:
            self._prepare(now)
            self._store(limit, change(rules.roll(self._find(limit), limit, now)), now)

    def facts(self) -> dict[str, Any]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _prepare(self, now: float) -> None:
        """Before each step."""

    def _find(self, limit: Limit) -> Row:
        """The counter's row; EMPTY, and none is made, if there is none."""
        raise NotImplementedError

    def _store(self, limit: Limit, row: Row, now: float) -> None:
        raise NotImplementedError

    def _hold(self, shares: Sequence[Share], now: float) -> tuple[int, ...]:
        """Keep what comes back when this process dies."""
        return ()

    def _let_go(self, hold: tuple[int, ...]) -> None:
        """The reservation has ended."""


class MemoryCounters(LocalCounters):
    """The counters of one process: they begin at what `restore` gives them."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Any, Row] = {}
        self._most_rows = self._sweep_at = most_rows

    def facts(self) -> dict[str, Any]:
        return {"store": "memory", "rows": len(self._rows)}

    def close(self) -> None:
        """Nothing is held open."""

    def _find(self, limit: Limit) -> Row:
        return self._rows.get(limit.counter, EMPTY)

    def _store(self, limit: Limit, row: Row, now: float) -> None:
        if len(self._rows) >= self._sweep_at:
            self._sweep(now)
        self._rows[limit.counter] = row

    def _sweep(self, now: float) -> None:
        """Forget rows at rest. Rows with spend stay, beyond the bound too, and the next sweep comes later."""
        at_rest = [key for key, row in self._rows.items() if rules.is_at_rest(row.spent, row.reserved, row.end, now)]
        for key in at_rest:
            del self._rows[key]
        self._sweep_at = max(self._most_rows, 2 * len(self._rows))
