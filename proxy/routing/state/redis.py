"""State shared by several hosts through Redis, on top of the host's own store, which takes over while Redis fails.

A reservation costs one round trip; results are written in the background. A dead or slow Redis costs a worker 50 ms
once and is then not used for a while; meanwhile the host's own counts hold.
"""

import os
import queue
import threading
import time
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple, cast, get_args

import redis

from proxy.counters.redis_client import REDIS_FAULTS, REST_SECONDS
from proxy.routing.state.budget import BUCKET_SECONDS, BUCKETS
from proxy.routing.state.latency import SPAN
from proxy.routing.state.limits import MINUTE
from proxy.routing.state.memory import StateStore
from proxy.routing.state.redis_scripts import RESERVE, SETTLE, WORKER_SECONDS
from proxy.routing.state.values import (
    DeploymentState,
    Limits,
    Refusal,
    RefusalReason,
    Reservation,
    ReservationRequest,
    TryResult,
)

# How old the numbers of the other hosts may be for a strategy, and how long a deployment stays of interest.
REFRESH_SECONDS = 1.0
INTEREST_SECONDS = 30.0
_MOST_AT_ONCE = 500
_NO_LIMITS = Limits()
_REASONS = frozenset(get_args(RefusalReason))
# No cooldown is longer than a year: a later time is not an answer of the script.
_LONGEST_REFUSAL = 366 * 86400.0
_LARGEST = 2**53


class Fleet(NamedTuple):
    """What all hosts together count for a deployment."""

    inflight: int
    requests: int
    tokens: int
    latency: float
    latency_samples: int
    first: float
    first_samples: int


class RedisState:
    """`host` is the store beneath. `client` must not retry and must time out: see `build_client`."""

    def __init__(self, host: StateStore, client: redis.Redis, prefix: str = "patchbay:") -> None:
        self._host = host
        self._client = client
        self._prefix = prefix
        self._reserve = client.register_script(RESERVE)
        self._settle = client.register_script(SETTLE)
        self._rests_until = 0.0
        self._failures = 0
        self._worker = ""
        self._pid = 0
        self._begin = threading.Lock()
        self._pending: queue.SimpleQueue[tuple[list[str], list[Any]]] = queue.SimpleQueue()
        self._fleet: dict[str, Fleet] = {}
        self._wanted: dict[str, float] = {}

    def view(self, deployments: Sequence[str], now: float) -> list[DeploymentState]:
        """The host's rows with what the other hosts add, at most about a second old."""
        rows = self._host.view(deployments, now)
        if self._resting():
            return rows
        self._join()
        for name in deployments:
            self._wanted[name] = time.monotonic()
        return [_together(row, self._fleet.get(name)) for name, row in zip(deployments, rows, strict=True)]

    def reserve(self, request: ReservationRequest, now: float) -> Reservation | Refusal:
        reservation = self._host.reserve(request, now)
        if isinstance(reservation, Refusal) or self._resting():
            return reservation
        self._join()
        try:
            answer = self._reserve(keys=self._reserve_keys(request, now), args=self._reserve_arguments(request, now))
            granted = _parse(answer, now)
        except REDIS_FAULTS:
            self._rest()
            return reservation
        if isinstance(granted, Refusal):
            self._host.cancel(reservation, now)
            return granted
        return reservation._replace(probe=True) if granted and not reservation.probe else reservation

    def settle(self, reservation: Reservation, result: TryResult, now: float) -> bool:
        cools = self._host.settle(reservation, result, now)
        if self._resting():
            return cools
        used = reservation.tokens if result.tokens is None else result.tokens
        outcome = {None: "none", False: "ok", True: "failed"}[result.failed]
        mark = self._host.view([reservation.deployment], now)[0] if result.failed else DeploymentState()
        arguments = [
            self._worker,
            used - reservation.tokens,
            outcome,
            reservation.started,
            int(reservation.probe),
            mark.cooling_until,
            mark.streak,
            mark.cooled_at,
            -1.0 if result.latency is None else result.latency,
            -1.0 if result.first is None else result.first,
            SPAN,
        ]
        self._pending.put((self._keys(reservation.deployment, reservation.minute), arguments))
        return cools

    def cancel(self, reservation: Reservation, now: float) -> None:
        """Redis keeps the request counted until the minute is over: never too few."""
        self._host.cancel(reservation, now)
        if not self._resting():
            nothing = [
                self._worker,
                -reservation.tokens,
                "none",
                0.0,
                int(reservation.probe),
                0.0,
                0,
                0.0,
                -1.0,
                -1.0,
                SPAN,
            ]
            self._pending.put((self._keys(reservation.deployment, reservation.minute), nothing))

    def spending(self, key: str, now: float) -> tuple[int, int]:
        return self._host.spending(key, now)

    def facts(self) -> dict[str, Any]:
        return {"store": "redis", "failures": self._failures, "resting": self._resting(), "beneath": self._host.facts()}

    def close(self) -> None:
        self._host.close()
        self._client.close()

    def _resting(self) -> bool:
        return time.monotonic() < self._rests_until

    def _rest(self) -> None:
        """Stop using Redis for a while. Counts under this worker's name expire with it.

        Threads that failed at the same time count as one failure.
        """
        if self._resting():
            return
        self._failures += 1
        self._rests_until = time.monotonic() + REST_SECONDS
        self._worker = _worker_name()
        # What is still on its way in a connection would be taken for the next answer.
        self._client.connection_pool.disconnect()

    def _join(self) -> None:
        """Start the writing thread in this process: a fork does not inherit threads."""
        if self._pid == os.getpid():
            return
        with self._begin:
            if self._pid != os.getpid():
                self._worker, self._pid = _worker_name(), os.getpid()
                self._pending = queue.SimpleQueue()
                threading.Thread(target=self._write_behind, daemon=True, name="redis-state").start()

    def _write_behind(self) -> None:
        """Send results to Redis, and read the other hosts' numbers once a second."""
        refreshed = 0.0
        while True:
            settled = self._next_pending()
            if self._resting():
                continue
            try:
                if settled:
                    self._settle_all(settled)
                if time.monotonic() - refreshed >= REFRESH_SECONDS:
                    refreshed = time.monotonic()
                    self._refresh()
            except REDIS_FAULTS:
                self._rest()

    def _next_pending(self) -> list[tuple[list[str], list[Any]]]:
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

    def _settle_all(self, settled: Sequence[tuple[list[str], list[Any]]]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for keys, arguments in settled:
                self._settle(keys=keys, args=arguments, client=pipeline)
            pipeline.execute()

    def _refresh(self) -> None:
        """The numbers of all hosts for the deployments that a strategy has looked at lately."""
        oldest = time.monotonic() - INTEREST_SECONDS
        self._wanted = {name: asked for name, asked in self._wanted.items() if asked > oldest}
        names = list(self._wanted)
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.set(f"{self._prefix}w:{self._worker}", "1", ex=WORKER_SECONDS)
            for name in names:
                health, counts, inflight, _ = self._keys(name, int(time.time() // MINUTE))
                pipeline.hmget(health, "latency", "latency_samples", "first", "first_samples")
                pipeline.hmget(counts, "requests", "tokens")
                pipeline.hvals(inflight)
            answers = pipeline.execute()[1:]
        self._fleet = {name: _fleet(*answers[3 * at : 3 * at + 3]) for at, name in enumerate(names)}

    def _keys(self, deployment: str, minute: int) -> list[str]:
        prefix = self._prefix
        return [
            f"{prefix}d:{deployment}",
            f"{prefix}m:{deployment}:{minute}",
            f"{prefix}f:{deployment}",
            f"{prefix}w:{self._worker}",
        ]

    def _reserve_keys(self, request: ReservationRequest, now: float) -> list[str]:
        slot = int(now // BUCKET_SECONDS)
        buckets = [
            f"{self._prefix}b:{request.budget.key}:{slot - age}" for age in range(BUCKETS if request.extra else 1)
        ]
        return self._keys(request.deployment, int(now // MINUTE)) + buckets

    def _reserve_arguments(self, request: ReservationRequest, now: float) -> list[Any]:
        limits = request.limits or _NO_LIMITS
        bounds = [-1 if limit is None else limit for limit in limits[:3]]
        return [
            now,
            self._worker,
            f"{self._prefix}w:",
            request.tokens,
            *bounds,
            int(request.extra),
            request.budget.share,
            request.budget.floor,
            int(request.last_resort),
            request.probe_seconds,
            request.requests,
        ]


def _worker_name() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{time.time_ns()}"


def _parse(answer: Any, now: float) -> bool | Refusal:
    """Whether the try is a probe, or why not. Raise one of REDIS_FAULTS for what is not an answer of the script."""
    word, value = answer
    if word == b"ok":
        if value not in (b"0", b"1"):
            raise ValueError("not an answer of the script")
        return bool(value == b"1")
    reason, until = word.decode(), float(value)
    if reason not in _REASONS or not until <= now + _LONGEST_REFUSAL:
        raise ValueError("not an answer of the script")
    return Refusal(cast(RefusalReason, reason), until)


def _count(value: Any) -> int:
    number = int(value or 0)
    if abs(number) >= _LARGEST:
        raise ValueError("not a number of the scripts")
    return number


def _mean(value: Any) -> float:
    number = float(value or 0)
    if not 0.0 <= number < _LARGEST:
        raise ValueError("not a number of the scripts")
    return number


def _fleet(health: Sequence[Any], counts: Sequence[Any], inflight: Sequence[Any]) -> Fleet:
    latency, latency_samples, first, first_samples = map(_mean, health)
    requests, tokens = map(_count, counts)
    return Fleet(
        max(0, sum(map(_count, inflight))),
        requests,
        tokens,
        latency,
        int(latency_samples),
        first,
        int(first_samples),
    )


def _together(row: DeploymentState, fleet: Fleet | None) -> DeploymentState:
    """The larger count, so that neither the latest calls of this host nor the others' are missed; the fleet's means."""
    if fleet is None:
        return row
    seen = copy(row)
    seen.inflight = max(seen.inflight, fleet.inflight)
    seen.requests = max(seen.requests, fleet.requests)
    seen.tokens = max(seen.tokens, fleet.tokens)
    if fleet.latency_samples:
        seen.latency, seen.latency_samples = fleet.latency, fleet.latency_samples
        seen.sampled_at = max(seen.sampled_at, time.time())
    if fleet.first_samples:
        seen.first, seen.first_samples = fleet.first, fleet.first_samples
    return seen
