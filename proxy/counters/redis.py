"""Counters shared by several hosts through Redis, on top of the host's own store, which takes over while Redis fails.

A reservation costs one round trip for all its subjects; what calls have used is written in the background. The host's
store is kept at what Redis last answered. Spend that Redis has not got, because it failed, is sent when it is back, and
a Redis that has lost its data begins at the workers' own counts. What a dead worker reserved comes back when its name expires.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from proxy.counters import rules
from proxy.counters.redis_client import REDIS_FAULTS, REST_SECONDS
from proxy.counters.redis_scripts import READ, RESERVE, SETTLE, WORKER_SECONDS, WRITE
from proxy.counters.store import LocalCounters
from proxy.counters.values import Amounts, Counter, Limit, Refused, Reservation, Share, Usage

_log = logging.getLogger("patchbay.counters")

REFRESH_SECONDS = 1.0
_MOST_AT_ONCE = 500
_MOST_KNOWN = 100_000
# More than any counter can hold: a larger number is not an answer of the scripts.
_LARGEST = 2**63


class _Ended(NamedTuple):
    """What has ended, for one counter. `change` of what is spent, in the window with these bounds."""

    share: Share
    worker: str
    change: int
    bounds: tuple[int, int]

    @property
    def is_money(self) -> bool:
        return self.change != 0 and self.share.limit.counter.measure == "spend"


class RedisCounters:
    """`host` is the store beneath. `client`: see `build_client`."""

    def __init__(self, host: LocalCounters, client: redis.Redis, prefix: str = "patchbay:") -> None:
        self._host = host
        self._client = client
        self._prefix = prefix
        self._scripts = {name: client.register_script(text) for name, text in _SCRIPTS.items()}
        self._rests_until = 0.0
        self._failures = 0
        self._is_failing = self._is_closed = False
        self._worker = ""
        self._pid = 0
        self._lock = threading.Lock()
        self._pending: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        # Money that Redis has not got yet, and the part of it that nothing in `_pending` will send.
        self._waiting: dict[Counter, _Ended] = {}
        self._missed: dict[Counter, _Ended] = {}
        # What Redis is known to have: (start of the window, spent).
        self._known: dict[Counter, tuple[int, int]] = {}

    def reserve(self, limits: Sequence[Limit], estimate: Amounts, now: float) -> Reservation | Refused:
        if not limits or self._resting():
            return self._host.reserve(limits, estimate, now)
        self._join()
        worker = self._worker
        try:
            answer = self._run(
                "reserve", self._keys(limits, worker), self._reserve_arguments(limits, estimate, now, worker)
            )
            granted = self._parse(answer, limits, now)
        except REDIS_FAULTS:
            self._rest()
            return self._host.reserve(limits, estimate, now)
        if isinstance(granted, Refused):
            return granted
        shares, spent = granted
        reservation = self._host.count(shares, spent, now)
        reservation.worker = worker
        return reservation

    def settle(self, reservation: Reservation, actual: Amounts, now: float) -> bool:
        if not self._host.settle(reservation, actual, now):
            return False
        self._join()
        for share in reservation.shares:
            used = rules.used_of(share, actual)
            is_spend = share.limit.counter.measure == "spend"
            if reservation.worker or is_spend:
                self._write(share, reservation.worker, used if rules.is_held(share.limit) else used - share.amount, now)
        return True

    def release(self, reservation: Reservation, now: float) -> bool:
        if not self._host.release(reservation, now):
            return False
        for share in reservation.shares if reservation.worker else ():
            self._write(share, reservation.worker, 0 if rules.is_held(share.limit) else -share.amount, now)
        return True

    def read(self, limits: Sequence[Limit], now: float) -> list[Usage]:
        if not limits or self._resting():
            return self._host.read(limits, now)
        bounds = [bound for limit in limits for bound in limit.window.bounds(now)]
        try:
            found = [_number(value) for value in self._run("read", self._keys(limits), [f"{self._prefix}w:", *bounds])]
            return [Usage(found[2 * at], found[2 * at + 1]) for at in range(len(limits))]
        except REDIS_FAULTS:
            self._rest()
            return self._host.read(limits, now)

    def restore(self, limit: Limit, spent: int, now: float) -> None:
        self._host.restore(limit, spent, now)
        self._know(limit.counter, limit.window.bounds(now)[0], spent)
        self._overwrite(limit, spent, 0, now)

    def reset(self, limit: Limit, now: float) -> None:
        self._host.reset(limit, now)
        with self._lock:
            self._missed.pop(limit.counter, None)
            self._waiting.pop(limit.counter, None)
        self._know(limit.counter, limit.window.bounds(now)[0], 0)
        self._overwrite(limit, 0, 1, now)

    def facts(self) -> dict[str, Any]:
        return {
            "store": "redis",
            "failures": self._failures,
            "resting": self._resting(),
            "unsent": len(self._missed),
            "beneath": self._host.facts(),
        }

    def close(self) -> None:
        self._is_closed = True
        self._host.close()
        self._client.close()

    def _run(self, script: str, keys: list[bytes], arguments: list[Any], client: Any = None) -> Any:
        return self._scripts[script](keys=keys, args=arguments, client=client)

    def _keys(self, limits: Sequence[Limit], worker: str | None = None) -> list[bytes]:
        names = [f"{self._prefix}c:{':'.join(limit.counter)}".encode("utf-8", "surrogatepass") for limit in limits]
        return names if worker is None else [f"{self._prefix}w:{worker}".encode(), *names]

    def _reserve_arguments(self, limits: Sequence[Limit], estimate: Amounts, now: float, worker: str) -> list[Any]:
        arguments: list[Any] = [worker, f"{self._prefix}w:"]
        for limit in limits:
            start, end = limit.window.bounds(now)
            known = self._known.get(limit.counter, (0, 0))
            arguments += [
                int(rules.is_held(limit)),
                rules.amount_of(limit, estimate),
                -1 if limit.maximum is None else limit.maximum,
                start,
                end,
                int(limit.partial),
                known[1] if known[0] == start else 0,
                int(limit.counter.measure == "spend"),
            ]
        return arguments

    def _parse(self, answer: Any, limits: Sequence[Limit], now: float) -> tuple[list[Share], list[int]] | Refused:
        """(shares, what was spent before). Raise one of REDIS_FAULTS for what is not an answer of the script."""
        if answer[0] == b"refused":
            _, number, used, end = answer
            limit = limits[_number(number)]
            row = rules.Row(0, 0, 0, _number(end))
            return Refused(limit, _number(used), rules.seconds_left(row, limit, now))
        if answer[0] != b"ok" or len(answer) != 1 + 4 * len(limits):
            raise ValueError("not an answer of the script")
        numbers = [_number(value) for value in answer[1:]]
        shares, before = [], []
        for at, limit in enumerate(limits):
            amount, spent, reserved, start = numbers[4 * at : 4 * at + 4]
            shares.append(Share(limit, amount, start, spent + reserved + amount))
            waiting = self._waiting.get(limit.counter)
            before.append(max(0, spent + waiting.change) if waiting and waiting.bounds[0] == start else spent)
            if limit.counter.measure == "spend":
                self._know(limit.counter, start, spent)
        return shares, before

    def _write(self, share: Share, worker: str, change: int, now: float) -> None:
        """Write in the background. Money is kept until Redis has it."""
        ended = _Ended(share, worker, change, share.limit.window.bounds(now))
        if ended.is_money:
            self._add(self._waiting, ended)
        if not self._resting():
            self._pending.put(ended)
        elif ended.is_money:
            self._add(self._missed, ended)

    def _add(self, amounts: dict[Counter, _Ended], ended: _Ended) -> None:
        """Add up by counter; what is of an older window is dropped."""
        counter = ended.share.limit.counter
        with self._lock:
            known = amounts.get(counter)
            if known is None or known.bounds < ended.bounds:
                amounts[counter] = ended._replace(share=ended.share._replace(amount=0), worker="")
            elif known.bounds == ended.bounds:
                amounts[counter] = known._replace(change=known.change + ended.change)

    def _overwrite(self, limit: Limit, spent: int, is_reset: int, now: float) -> None:
        if self._resting():
            return
        try:
            self._run("write", self._keys([limit]), [*limit.window.bounds(now), spent, is_reset])
        except REDIS_FAULTS:
            self._rest()

    def _know(self, counter: Counter, start: int, spent: int) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[counter] = start, spent

    def _resting(self) -> bool:
        return time.monotonic() < self._rests_until

    def _rest(self) -> None:
        """Stop using Redis for a while. What is reserved under this worker's name expires with it."""
        with self._lock:
            if self._resting():
                return
            self._failures += 1
            self._rests_until = time.monotonic() + REST_SECONDS
            self._worker = _worker_name()
            is_new, self._is_failing = not self._is_failing, True
        if is_new:
            _log.warning("Redis fails: limits and budgets hold for each host alone until it answers.")
        self._client.connection_pool.disconnect()

    def _join(self) -> None:
        """Start the writing thread in this process: a fork does not inherit threads."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._worker, self._pid = _worker_name(), os.getpid()
                self._pending, self._waiting, self._missed = queue.SimpleQueue(), {}, {}
                threading.Thread(target=self._write_behind, daemon=True, name="redis-counters").start()

    def _write_behind(self) -> None:
        """Send what has ended; once a second keep this worker's name alive, and send money that Redis missed."""
        beaten = 0.0
        while not self._is_closed:
            ended = self._next_pending()
            if self._resting():
                self._miss(ended)
                continue
            try:
                if time.monotonic() - beaten >= REFRESH_SECONDS:
                    ended += self._take_missed()
                    self._client.set(f"{self._prefix}w:{self._worker}", "1", ex=WORKER_SECONDS)
                    beaten = time.monotonic()
                self._send(ended)
                self._is_failing = False
            except REDIS_FAULTS:
                self._miss(ended)
                self._rest()

    def _next_pending(self) -> list[_Ended]:
        try:
            found = [self._pending.get(timeout=REFRESH_SECONDS)]
        except queue.Empty:
            return []
        while len(found) < _MOST_AT_ONCE:
            try:
                found.append(self._pending.get_nowait())
            except queue.Empty:
                break
        return found

    def _send(self, ended: Sequence[_Ended]) -> None:
        """Money whose arrival is not certain will be sent again: it counts twice if only the answer was lost."""
        if not ended:
            return
        with self._client.pipeline(transaction=False) as pipeline:
            for one in ended:
                self._run("settle", self._keys([one.share.limit]), self._settle_arguments(one), pipeline)
            pipeline.execute()
        for one in ended:
            if one.is_money:
                self._add(self._waiting, one._replace(change=-one.change))

    def _miss(self, ended: Sequence[_Ended]) -> None:
        """Redis has not got this money; what was reserved there expires with this worker's name."""
        for one in ended:
            if one.is_money:
                self._add(self._missed, one)

    def _take_missed(self) -> list[_Ended]:
        with self._lock:
            missed, self._missed = list(self._missed.values()), {}
            for counter in [counter for counter, waiting in self._waiting.items() if not waiting.change]:
                del self._waiting[counter]
        return missed

    def _settle_arguments(self, ended: _Ended) -> list[Any]:
        limit, (start, end) = ended.share.limit, ended.bounds
        known = self._known.get(limit.counter, (0, 0))
        spent = ended.change + (known[1] if known[0] == start else 0)
        if ended.is_money:
            self._know(limit.counter, start, spent)
        return [
            ended.worker,
            int(rules.is_held(limit)),
            ended.share.amount,
            ended.change,
            start,
            end,
            ended.share.start,
            spent,
            int(limit.counter.measure == "spend"),
        ]


_SCRIPTS = {"reserve": RESERVE, "settle": SETTLE, "read": READ, "write": WRITE}


def _number(value: Any) -> int:
    number = int(value)
    if not 0 <= number < _LARGEST:
        raise ValueError("not a number of the scripts")
    return number


def _worker_name() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{time.time_ns()}"
