"""How many requests a worker serves at once, and which of those that wait is next: keys in turn, first come first served
within a key."""

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from proxy.errors import ServiceUnavailableError

# The share of the newest sample in the mean time that a request takes.
_NEWEST = 0.1
_LONGEST_RETRY = 60


class QueueLimits(NamedTuple):
    """`running` requests are served at once, `waiting` more wait, each at most `seconds`."""

    running: int
    waiting: int
    seconds: float


class _Waiter:
    __slots__ = ("is_granted", "is_shed", "key", "woken")

    def __init__(self, key: str) -> None:
        self.key = key
        self.woken = threading.Event()
        self.is_granted = False
        self.is_shed = False


class Place:
    """A request that is served. `leave` may be called twice. `__del__` takes no lock: it may run anywhere."""

    __slots__ = ("_queue", "_since")

    def __init__(self, queue: "RequestQueue", since: float) -> None:
        self._queue: RequestQueue | None = queue
        self._since = since

    def leave(self) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.release(self._since)

    def __del__(self) -> None:
        if self._queue is not None:
            self._queue.lost.append(self._since)


class RequestQueue:
    """One per process; safe for threads and greenlets.

    Where all places to wait are taken, the newest request of the key with the most of them gives way to a request of a key
    that has fewer: a key that floods the worker does not keep others out.
    """

    def __init__(self, limits: QueueLimits, monotonic: Callable[[], float]) -> None:
        self.limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running = 0
        self._waiting = 0
        # Keys with requests that wait; the first is served next.
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        self._mean_seconds = 0.0
        # When the places were taken that nothing has left.
        self.lost: deque[float] = deque()

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        return self._waiting

    def enter(self, key: str) -> Place:
        """Wait for a place. Raise ServiceUnavailableError where there is none to wait at, or none in time."""
        while self.lost:
            self.release(self.lost.popleft())
        with self._lock:
            if self._running < self.limits.running and not self._waiting:
                self._running += 1
                return Place(self, self._monotonic())
            waiter = self._join(key)
        if waiter is None:
            raise self._refusal("Too many requests are waiting")
        waiter.woken.wait(self.limits.seconds)
        with self._lock:
            if not waiter.is_granted and not waiter.is_shed:
                self._remove(waiter)
        if not waiter.is_granted:
            raise self._refusal("The request has waited too long for its turn")
        return Place(self, self._monotonic())

    def release(self, since: float) -> None:
        """A request that was served since then has ended: the next key's first is served in its place."""
        with self._lock:
            self._mean_seconds += _NEWEST * (self._monotonic() - since - self._mean_seconds)
            self._running -= 1
            while self._waiting and self._running < self.limits.running:
                self._grant()

    def _join(self, key: str) -> _Waiter | None:
        """None where no place can be had."""
        if self._waiting >= self.limits.waiting and not self._make_room(key):
            return None
        waiter = _Waiter(key)
        self._queues.setdefault(key, deque()).append(waiter)
        self._waiting += 1
        return waiter

    def _make_room(self, key: str) -> bool:
        if not self._queues:
            return False
        longest = max(self._queues, key=lambda name: len(self._queues[name]))
        if len(self._queues[longest]) <= len(self._queues.get(key, ())) + 1:
            return False
        shed = self._queues[longest].pop()
        shed.is_shed = True
        self._waiting -= 1
        shed.woken.set()
        return True

    def _grant(self) -> None:
        key, queue = self._queues.popitem(last=False)
        waiter = queue.popleft()
        if queue:
            self._queues[key] = queue
        self._waiting -= 1
        self._running += 1
        waiter.is_granted = True
        waiter.woken.set()

    def _remove(self, waiter: _Waiter) -> None:
        queue = self._queues[waiter.key]
        queue.remove(waiter)
        if not queue:
            del self._queues[waiter.key]
        self._waiting -= 1

    def _refusal(self, reason: str) -> ServiceUnavailableError:
        return ServiceUnavailableError(
            f"{reason}: the gateway is overloaded.", error_type="overloaded", retry_after=self._retry_after()
        )

    def _retry_after(self) -> float:
        """Whole seconds until those that wait now are served, by the mean time that a request takes."""
        seconds = self._mean_seconds * (self._waiting + 1) / max(1, self.limits.running)
        return float(min(_LONGEST_RETRY, max(1, math.ceil(seconds))))
