"""Hands records to the sinks off the request path: a bounded lane and a thread for each, so that none holds up another.

Under gevent's monkey patching a lane's thread is a greenlet. Network sinks wait in patched sockets
and let the loop run; those that write to a descriptor use `blocking`. Batches are small and a lane steps back
after each one, so the loop is never held for longer than one batch takes to format.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proxy.domain.record import CallRecord
from proxy.runtime import Runtime
from proxy.sinks.contract import Sink, SinkError

logger = logging.getLogger("patchbay.sinks")

BATCH = 64
# What a record without metadata or content takes (1.1 kB by tracemalloc), and some to spare.
RECORD_BYTES = 2048
# One of so many bytes is handed on at once: what is gathered is bounded, too.
_HEAVY = 64 * 1024
_COMPLAIN_EVERY = 60.0


@dataclass(frozen=True)
class Subscription:
    """A sink and the outcomes that it wants to see."""

    sink: Sink
    success: bool = True
    failure: bool = True

    @property
    def wants_all(self) -> bool:
        return self.success and self.failure and self.sink.anonymous

    def wants(self, record: CallRecord) -> bool:
        if record.no_log and not self.sink.anonymous:
            return False
        return self.success if record.status == "success" else self.failure


# A record, and the bytes that it counts for.
Waiting = tuple[CallRecord, int]


class SinkCounts(NamedTuple):
    """Records since this process began. `emitted` were accepted; each of them ends as written, failed or dropped.
    `dropped` also counts those that found the lane full."""

    emitted: int
    written: int
    failed: int
    dropped: int
    waiting: int


class SinkQueue:
    """`emit` may be called from any thread and never waits for a sink.

    Records gather until there are BATCH of them, or `linger` seconds after the first, and are then handed to the lanes
    together: a call pays for one append. `limit_bytes` bounds the records that wait for one sink. Threads start with the
    first record in each process.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        runtime: Runtime,
        *,
        limit_bytes: int = 16 * 1024 * 1024,
        linger: float = 0.1,
    ) -> None:
        self._subscriptions = tuple(subscriptions)
        self._runtime = runtime
        self._limit = limit_bytes
        self._linger = linger
        self._lanes: tuple[Lane, ...] = ()
        self._gathered: deque[Waiting] = deque()
        self._begun = threading.Event()
        self._handing = threading.Lock()
        self._process: int | None = None
        self._starting = threading.Lock()
        self._closed = False

    @property
    def shows_content(self) -> bool:
        """Whether any sink could show prompts and answers; if none can, records need not carry them."""
        return any(not subscription.sink.anonymous for subscription in self._subscriptions)

    def emit(self, record: CallRecord) -> None:
        """Offer the record to every sink that wants it."""
        if self._process != os.getpid():
            self._start()
        weight = RECORD_BYTES + record.weight
        self._gathered.append((record, weight))
        if not self._begun.is_set():
            self._begun.set()
        if len(self._gathered) >= BATCH or weight > _HEAVY:
            self._hand_over()

    def counts(self) -> Mapping[str, SinkCounts]:
        """By sink name; empty before the first record of this process."""
        if self._process != os.getpid():
            return {}
        self._hand_over()
        return {lane.name: lane.counts() for lane in self._lanes}

    def flush(self, timeout: float) -> bool:
        """Wait until all that was emitted is written or lost; False if `timeout` seconds were not enough."""
        deadline = self._runtime.monotonic() + timeout
        self._hand_over()
        settled = [lane.settled(max(0.0, deadline - self._runtime.monotonic())) for lane in self._lanes]
        return all(settled)

    def close(self, timeout: float) -> bool:
        """Flush, then stop the threads; what is still waiting is counted as dropped."""
        flushed = self.flush(timeout)
        self._closed = True
        self._begun.set()
        for lane in self._lanes:
            lane.close()
        return flushed

    def _start(self) -> None:
        """Lanes and threads of this process; what its parent had gathered is the parent's."""
        with self._starting:
            if self._process == os.getpid():
                return
            self._gathered = deque()
            self._begun = threading.Event()
            self._handing = threading.Lock()
            self._lanes = tuple(Lane(subscription, self._runtime, self._limit) for subscription in self._subscriptions)
            threading.Thread(target=self._hand_over_late, name="sinks", daemon=True).start()
            self._process = os.getpid()

    def _hand_over_late(self) -> None:
        """See that no record is gathered for longer than `linger`."""
        while not self._closed:
            self._begun.wait()
            self._runtime.sleep(self._linger)
            # In this order: an append after this check sets the event again.
            self._begun.clear()
            self._hand_over()

    def _hand_over(self) -> None:
        """Only here are records taken out, by one thread at a time; more may be appended meanwhile."""
        with self._handing:
            batch = [self._gathered.popleft() for _ in range(len(self._gathered))]
            for lane in self._lanes:
                lane.offer(batch)


class Lane:
    """One sink's queue and thread."""

    def __init__(self, subscription: Subscription, runtime: Runtime, limit: int) -> None:
        self._subscription = subscription
        self._sink = subscription.sink
        self._wants_all = subscription.wants_all
        self._runtime = runtime
        self._limit = limit
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._busy = False
        self._emitted = self._written = self._failed = self._dropped = 0
        self._complained = float("-inf")
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._filled = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name=f"sink-{self._sink.name}", daemon=True).start()

    @property
    def name(self) -> str:
        return self._sink.name

    def offer(self, batch: Sequence[Waiting]) -> None:
        if not self._wants_all:
            batch = [waiting for waiting in batch if self._subscription.wants(waiting[0])]
        with self._lock:
            accepted = [] if self._closed.is_set() else self._fitting(batch)
            self._emitted += len(accepted)
            self._dropped += len(batch) - len(accepted)
            self._waiting.extend(accepted)
            if self._waiting:
                self._filled.set()

    def _fitting(self, batch: Sequence[Waiting]) -> Sequence[Waiting]:
        """Those that there is room for, which they take."""
        total = sum([weight for _, weight in batch])
        if self._bytes + total <= self._limit:
            self._bytes += total
            return batch
        fitting: list[Waiting] = []
        for record, weight in batch:
            if self._bytes + weight <= self._limit:
                self._bytes += weight
                fitting.append((record, weight))
        return fitting

    def counts(self) -> SinkCounts:
        with self._lock:
            return SinkCounts(self._emitted, self._written, self._failed, self._dropped, len(self._waiting))

    def settled(self, timeout: float) -> bool:
        """Wait until nothing is left."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        self._filled.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._filled.wait()
            while batch := self._take():
                self._write([record for record, _ in batch])
                self._settle(sum([weight for _, weight in batch]))
                self._runtime.sleep(0)
        self._sink.close()

    def _take(self) -> list[Waiting]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._busy = bool(batch)
            if not self._waiting and not self._closed.is_set():
                self._filled.clear()
            return batch

    def _settle(self, weight: int) -> None:
        """A batch of so many bytes has left memory only now: a sink that hangs holds what it was given."""
        with self._lock:
            self._bytes = max(0, self._bytes - weight)
            self._busy = False
            self._changed.notify_all()

    def _write(self, batch: Sequence[CallRecord]) -> None:
        for pause in (*(0.2 * 2**number for number in range(self._sink.tries - 1)), None):
            try:
                self._sink.write(batch)
            except Exception as error:  # noqa: BLE001  a sink's fault is a number, whatever it is
                if pause is None or self._closed.wait(pause):
                    self._failed += len(batch)
                    self._complain(error)
                    return
            else:
                self._written += len(batch)
                return

    def _complain(self, error: Exception) -> None:
        """Log it once a minute. Other libraries' messages may hold addresses and keys: only the class is shown."""
        now = self._runtime.monotonic()
        if now - self._complained < _COMPLAIN_EVERY:
            return
        self._complained = now
        reason = str(error) if isinstance(error, SinkError) else type(error).__name__
        logger.warning("sink %s has lost %d records since the start: %s", self.name, self._failed, reason)
