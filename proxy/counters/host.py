"""Counters shared by all workers of a host through a memory-mapped file: no server is needed.

One lock on the file guards a step, so limits are exact; the system releases it when a worker dies, and the other workers
give back what it had reserved. Rows are made on demand, forgotten at rest, and never while their window has spend: then
the file grows. What is beyond its largest size, or its file system, is counted by each process for itself.
"""

import logging
import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from proxy.counters import segments
from proxy.counters.rules import EMPTY, HELD, Row, seconds_left
from proxy.counters.segments import CHUNK, ENTRIES, NUMBERS, ROW, Place, SegmentFile, read_row, write_row
from proxy.counters.store import LocalCounters
from proxy.counters.values import LIFETIME, Amounts, Counter, Limit, Refused, Reservation, Share
from proxy.host.shared_file import SharedFileError

_log = logging.getLogger("patchbay.counters")

_NOWHERE: tuple[None, bytes] = (None, b"")

REAP_SECONDS = 1.0
# Places that a process remembers; they are forgotten together.
_MOST_REMEMBERED = 100_000


class HostCounters(LocalCounters):
    """`path` is created if it is missing. Raise SharedFileError for a file that can't be used."""

    def __init__(self, path: str | Path, rows: int = segments.ROWS, chunks: int = segments.CHUNKS) -> None:
        self._file = SegmentFile(Path(path), rows, chunks)
        self._lock = self._file.lock
        self._places: dict[Counter, tuple[Place | None, bytes]] = {}
        # Rows of this process alone, for which the file has no room.
        self._beyond: dict[Counter, Row] = {}
        self._pinned: frozenset[int] = frozenset()
        # Whether this step has replaced rows, so that places found in it must be looked at again.
        self._has_replaced = False
        self._free: list[int] = []
        self._chunks: set[int] = set()
        self._process = -1
        self._pid = 0
        self._reaped_at = 0.0
        self._warned = False

    def facts(self) -> dict[str, Any]:
        return {
            "store": "host",
            "path": str(self._file.path),
            "segments": len(self._file.segments),
            "rows_beyond": len(self._beyond),
        }

    def close(self) -> None:
        self._file.close()

    def _prepare(self, now: float) -> None:
        self._file.refresh()
        self._pinned, self._has_replaced = frozenset(), False
        if self._pid != os.getpid():
            self._join()
        if not 0.0 <= now - self._reaped_at < REAP_SECONDS:
            self._reaped_at = now
            self._file.processes.reap(self._file.take_back)

    def _join(self) -> None:
        """Take a place in the table of processes: at the first step, and again in the child of a fork."""
        self._file.processes.reap(self._file.take_back)
        process = self._file.processes.join()
        if process is None:
            raise SharedFileError(
                f"{self._file.path} has room for {segments.PROCESSES} processes, and all of them live"
            )
        self._process, self._pid = process, os.getpid()
        self._free, self._chunks, self._beyond = [], set(), {}

    def _reserve(self, limits: Sequence[Limit], estimate: Amounts, now: float) -> Reservation | Refused:
        """The steps of rules.take, in one loop, where all rows are there and their windows go on: nearly always."""
        tokens, money = max(0, estimate.tokens or 0), max(0, estimate.nanodollars or 0)
        shares: list[Share] = []
        entries: list[int] = []
        changed: list[tuple[Place, int, int, int, int]] = []
        for limit in limits:
            counter, maximum, window, partial = limit
            place, digest = self._places.get(counter, _NOWHERE)
            if place is None:
                return super()._reserve(limits, estimate, now)
            spent, reserved, start, end, found = ROW.unpack_from(place.map, place.at)
            if found != digest or not (start <= now < end or window is LIFETIME):
                return super()._reserve(limits, estimate, now)
            measure = counter.measure
            amount = 1
            if measure == "tokens":
                amount = tokens if maximum is None else min(tokens, maximum or 1)
            elif measure == "spend":
                amount = money
            used = spent + reserved
            if maximum is not None and used + amount >= maximum:
                is_full = used >= maximum
                if (is_full and measure == "spend") or (used + amount > maximum and (is_full or not partial)):
                    return Refused(limit, used, seconds_left(Row(spent, reserved, start, end), limit, now))
            if measure in HELD:
                reserved += amount
                if amount:
                    entries += place.number, amount
            else:
                spent += amount
            changed.append((place, spent, reserved, start, end))
            shares.append(Share(limit, amount, start, used + amount))
        hold = self._write_holds(entries)
        for place, *numbers in changed:
            NUMBERS.pack_into(place.map, place.at, *numbers)
        return Reservation(shares, hold)

    def _settle(self, shares: Sequence[Share], actual: Amounts, now: float) -> None:
        """The steps of rules.settle, in one loop; see _reserve."""
        for share in shares:
            limit, amount, begun, _ = share
            counter = limit.counter
            measure = counter.measure
            if measure == "requests":
                continue
            place, digest = self._places.get(counter, _NOWHERE)
            if place is not None:
                spent, reserved, start, end, found = ROW.unpack_from(place.map, place.at)
            if place is None or found != digest or not (start <= now < end or limit.window is LIFETIME):
                super()._settle([share], actual, now)
                continue
            known = actual.nanodollars if measure == "spend" else actual.tokens if measure == "tokens" else 0
            used = amount if known is None else max(0, known)
            if measure in HELD:
                NUMBERS.pack_into(place.map, place.at, spent + used, max(0, reserved - amount), start, end)
            elif begun == start and used != amount:
                NUMBERS.pack_into(place.map, place.at, max(0, spent - amount + used), reserved, start, end)

    def _find(self, limit: Limit) -> Row:
        counter = limit.counter
        place, digest = self._places.get(counter) or self._look_up(counter)
        row = place and read_row(place, digest)
        if row is None and place is not None:
            # Another counter's by now.
            del self._places[counter]
            place, _ = self._look_up(counter)
            row = place and read_row(place, digest)
        return row or self._beyond.get(counter, EMPTY)

    def _look_up(self, counter: Counter) -> tuple[Place | None, bytes]:
        """Where the counter is, and its digest. That it is nowhere is not remembered."""
        digest = blake2b("\0".join(counter).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        place = self._file.find(digest)
        if place is not None:
            self._remember(counter, place, digest)
        return place, digest

    def _remember(self, counter: Counter, place: Place, digest: bytes) -> None:
        if len(self._places) >= _MOST_REMEMBERED:
            self._places.clear()
        self._places[counter] = place, digest

    def _store(self, limit: Limit, row: Row, now: float) -> None:
        place = self._place(limit.counter, now)
        if place is None:
            self._beyond[limit.counter] = row
        else:
            write_row(place, row)

    def _place(self, counter: Counter, now: float) -> Place | None:
        """The row of a counter that `_find` was called for in this step, made if it is missing; None without room."""
        place, digest = self._places.get(counter) or self._look_up(counter)
        if place is not None and (not self._has_replaced or read_row(place, digest) is not None):
            return place
        place = self._look_up(counter)[0]
        if place is not None or counter in self._beyond:
            return place
        try:
            place = self._file.insert(digest, now, self._pinned)
        except SharedFileError as error:
            self._warn(error)
            return None
        self._has_replaced = True
        self._remember(counter, place, digest)
        return place

    def _hold(self, shares: Sequence[Share], now: float) -> tuple[int, ...]:
        """Write what comes back when this process dies. Its rows are pinned until they are stored."""
        entries: list[int] = []
        for share in shares:
            if share.amount and share.limit.counter.measure in HELD:
                place = self._place(share.limit.counter, now)
                if place is not None:
                    entries += place.number, share.amount
                    self._pinned |= {place.number}
        return self._write_holds(entries)

    def _write_holds(self, entries: Sequence[int]) -> tuple[int, ...]:
        """`entries` are the numbers of rows and amounts, in turn."""
        holds = []
        for at in range(0, len(entries), 2 * ENTRIES):
            hold = self._free_hold()
            if hold is not None:
                self._file.write_hold(hold, entries[at : at + 2 * ENTRIES])
                holds.append(hold)
        return tuple(holds)

    def _free_hold(self) -> int | None:
        if not self._free:
            try:
                self._free = self._file.claim(self._process)
            except SharedFileError as error:
                self._warn(error)
                return None
            self._chunks.add(self._free[0] // CHUNK)
        return self._free.pop()

    def _let_go(self, hold: tuple[int, ...]) -> None:
        for number in hold:
            self._file.clear_hold(number)
            # A forked child may end what its parent began.
            if number // CHUNK in self._chunks:
                self._free.append(number)

    def _warn(self, error: SharedFileError) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s. Limits and budgets beyond are counted by each worker for itself until the next start.", error
            )
