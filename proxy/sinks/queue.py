"""Hands records to the sinks off the request path: a bounded lane and a thread for each, so that none holds up another.

Under gevent's monkey patching a lane's thread is a greenlet. Sinks that speak to the network wait in patched sockets
and let the loop run; those that write to a descriptor do it through `blocking.call` in a native thread. Batches are
small and a lane steps back after each one, so the loop is never held for longer than one batch takes to format.
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
# What a record without metadata or content takes (1.6 kB by tracemalloc), rounded up.
RECORD_BYTES = 2048
_COMPLAIN_EVERY = 60.0


@dataclass(frozen=True)
class Subscription:
    """A sink and the outcomes that it wants to see."""

    sink: Sink
    success: bool = True
    failure: bool = True

    def wants(self, record: CallRecord) -> bool:
        if record.no_log and not self.sink.anonymous:
            return False
        return self.success if record.status == "success" else self.failure


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

    `limit_bytes` bounds the records that wait for one sink. `linger` seconds pass between the first record of a batch
    and its writing, so that busy times make full batches. Threads start with the first record in each process.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        runtime: Runtime,
        *,
        limit_bytes: int = 16 * 1024 * 1024,
        linger: float = 0.05,
    ) -> None:
        self._subscriptions = tuple(subscriptions)
        self._runtime = runtime
        self._limit = limit_bytes
        self._linger = linger
        self._lanes: tuple[Lane, ...] = ()
        self._process: int | None = None
        self._starting = threading.Lock()

    @property
    def shows_content(self) -> bool:
        """Whether any sink could show prompts and answers; if none can, records need not carry them."""
        return any(not subscription.sink.anonymous for subscription in self._subscriptions)

    def emit(self, record: CallRecord) -> None:
        """Offer the record to every sink that wants it."""
        if self._process != os.getpid():
            self._start()
        for lane in self._lanes:
            lane.offer(record)

    def counts(self) -> Mapping[str, SinkCounts]:
        """By sink name; empty before the first record of this process."""
        return {lane.name: lane.counts() for lane in self._lanes if self._process == os.getpid()}

    def flush(self, timeout: float) -> bool:
        """Wait until all that was emitted is written or lost; False if `timeout` seconds were not enough."""
        deadline = self._runtime.monotonic() + timeout
        for lane in self._lanes:
            lane.hurry()
        settled = [lane.settled(max(0.0, deadline - self._runtime.monotonic())) for lane in self._lanes]
        return all(settled)

    def close(self, timeout: float) -> bool:
        """Flush, then stop the threads; what is still waiting is counted as dropped."""
        flushed = self.flush(timeout)
        for lane in self._lanes:
            lane.close()
        return flushed

    def _start(self) -> None:
        with self._starting:
            if self._process == os.getpid():
                return
            self._lanes = tuple(
                Lane(subscription, self._runtime, self._limit, self._linger) for subscription in self._subscriptions
            )
            self._process = os.getpid()


class Lane:
    """One sink's queue and thread."""

    def __init__(self, subscription: Subscription, runtime: Runtime, limit: int, linger: float) -> None:
        self._subscription = subscription
        self._sink = subscription.sink
        self._runtime = runtime
        self._limit = limit
        self._linger = linger
        self._waiting: deque[CallRecord] = deque()
        self._bytes = 0
        self._busy = False
        self._emitted = self._written = self._failed = self._dropped = 0
        self._complained = float("-inf")
        self._changed = threading.Condition(threading.Lock())
        self._filled = threading.Event()
        self._hurried = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name=f"sink-{self._sink.name}", daemon=True).start()

    @property
    def name(self) -> str:
        return self._sink.name

    def offer(self, record: CallRecord) -> None:
        if not self._subscription.wants(record):
            return
        weight = RECORD_BYTES + record.weight
        with self._changed:
            if self._bytes + weight > self._limit or self._closed.is_set():
                self._dropped += 1
                return
            self._emitted += 1
            self._bytes += weight
            self._waiting.append(record)
            if len(self._waiting) == 1:
                self._filled.set()

    def counts(self) -> SinkCounts:
        with self._changed:
            return SinkCounts(self._emitted, self._written, self._failed, self._dropped, len(self._waiting))

    def hurry(self) -> None:
        """Write what is there without waiting for more."""
        self._hurried.set()

    def settled(self, timeout: float) -> bool:
        """Wait until nothing is left; then gather full batches again."""
        with self._changed:
            done = self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)
        self._hurried.clear()
        return done

    def close(self) -> None:
        with self._changed:
            self._closed.set()
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        self._hurried.set()
        self._filled.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._filled.wait()
            self._hurried.wait(self._linger)
            while batch := self._take():
                self._write(batch)
                self._settle(batch)
                self._runtime.sleep(0)
        self._sink.close()

    def _take(self) -> list[CallRecord]:
        with self._changed:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._busy = bool(batch)
            if not self._waiting and not self._closed.is_set():
                self._filled.clear()
            return batch

    def _settle(self, batch: Sequence[CallRecord]) -> None:
        """The batch has left memory only now: a sink that hangs holds what it was given."""
        with self._changed:
            self._bytes = max(0, self._bytes - sum(RECORD_BYTES + record.weight for record in batch))
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
        """Say it once a minute. Other people's messages may hold addresses and keys: only the class is shown."""
        now = self._runtime.monotonic()
        if now - self._complained < _COMPLAIN_EVERY:
            return
        self._complained = now
        reason = str(error) if isinstance(error, SinkError) else type(error).__name__
        logger.warning("sink %s has lost %d records since the start: %s", self.name, self._failed, reason)
