"""A world on a simulated clock: actors in threads of which exactly one runs, the one whose time has come."""

import heapq
import threading
from _thread import start_new_thread
from collections.abc import Callable
from itertools import count


class World:
    """`now` moves only from event to event, so an hour passes as quickly as its events can be worked off.

    Events of one time run in the order in which they were made: nothing depends on the machine.
    """

    def __init__(self, start: float) -> None:
        self._now = start
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()
        # A lock that one thread takes and another gives back: the quickest way to hand over the turn.
        self._turn = threading.Lock()
        self._turn.acquire()
        self._failure: BaseException | None = None

    def now(self) -> float:
        return self._now

    def at(self, time: float, act: Callable[[], None]) -> None:
        """A new actor that begins at `time`."""
        self._push(time, lambda: start_new_thread(self._act, (act,)))

    def sleep(self, seconds: float) -> None:
        """For actors: let the others run until `seconds` have passed."""
        woken = threading.Lock()
        woken.acquire()
        self._push(self._now + seconds, woken.release)
        self._turn.release()
        woken.acquire()

    def run(self) -> None:
        """Until nothing more will happen. Raise what an actor raised."""
        while self._events and self._failure is None:
            time, _, wake = heapq.heappop(self._events)
            self._now = max(self._now, time)
            wake()
            self._turn.acquire()
        if self._failure is not None:
            raise self._failure

    def _push(self, time: float, wake: Callable[[], object]) -> None:
        heapq.heappush(self._events, (time, next(self._number), wake))

    def _act(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as failure:  # noqa: BLE001 - handed to the caller of the simulation
            self._failure = failure
        finally:
            self._turn.release()
