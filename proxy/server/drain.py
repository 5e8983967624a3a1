"""How a worker ends. After SIGTERM: report not ready, let calls finish, end remaining streams with an error event.

gunicorn closes its listeners at SIGTERM, so readiness probes would get connection refused. The worker therefore keeps
listening while it drains, answers probes, and refuses new calls with a 503: but only where it is the last one at its
sockets. Where another worker or a new release takes over (SIGHUP, SIGUSR2, systemd's sockets, reuse_port) it stops
listening at once, and nothing is refused.
"""

import mmap
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

# What is left of the graceful timeout when running streams are ended: enough to write an error event to each.
LONGEST_MARGIN = 5.0
# For a request that was under way on a kept-alive connection when the worker stopped listening.
LINGER = 1.0
_POLL = 0.1

Handler = Callable[[int, FrameType | None], Any]


class Drainable(Protocol):
    """The part of the gateway that a drain needs."""

    def drain(self) -> None: ...

    def interrupt_streams(self) -> None: ...


class StopFlag:
    """Set by the parent process when the whole server stops, read by its workers. Made before they are forked."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def raise_(self) -> None:
        self._shared[0] = 1

    def __bool__(self) -> bool:
        return self._shared[0] == 1


def watch_arbiter(arbiter: Any) -> StopFlag:
    """Make the arbiter's SIGTERM raise the flag first, where no other process listens at its sockets."""
    flag = StopFlag()
    stop = _handler(signal.SIGTERM)

    def on_term(number: int, frame: FrameType | None) -> None:
        # A successor (SIGUSR2), or another server at the same sockets, takes the calls that this one would refuse.
        if not (arbiter.reexec_pid or arbiter.master_pid or arbiter.systemd or arbiter.cfg.reuse_port):
            flag.raise_()
        stop(number, frame)

    signal.signal(signal.SIGTERM, on_term)
    return flag


class Drain:
    """One per worker. `graceful` is gunicorn's graceful_timeout in seconds.

    gunicorn's hooks report which requests run (`begin` and `end`, or in `running` itself); SIGTERM only sets a time, and a
    thread does the rest: a signal handler must not wait.
    """

    def __init__(
        self, gateway: Drainable, stopping: StopFlag, graceful: float, leave: Callable[[], None] | None = None
    ) -> None:
        self._gateway = gateway
        self._stopping = stopping
        self._graceful = graceful
        self._leave = leave or _leave
        self.running: set[int] = set()
        self._term_at: float | None = None
        self._stop_listening: Handler = _handler(signal.SIGTERM)

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term)
        threading.Thread(target=self._run, name="drain", daemon=True).start()

    def begin(self, request: object) -> None:
        self.running.add(id(request))

    def end(self, request: object) -> None:
        self.running.discard(id(request))

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            self._gateway.drain()
        else:
            self._stop_listening(number, frame)
        self._term_at = self._term_at or time.monotonic()

    def _run(self) -> None:
        while self._term_at is None:
            time.sleep(_POLL)
        end = self._term_at + self._graceful
        self._wait(end - min(LONGEST_MARGIN, self._graceful / 10))
        self._gateway.interrupt_streams()
        self._wait(end)
        self._stop_listening(signal.SIGTERM, None)
        while not self._stopping:
            # Other workers serve: no hurry, and a kept-alive connection may still bring a request.
            time.sleep(_POLL)
        time.sleep(LINGER)
        self._wait(end)
        # Idle keep-alive connections can be closed.
        self._leave()

    def _wait(self, until: float) -> None:
        """Until nothing runs, or that time has come."""
        while self.running and time.monotonic() < until:
            time.sleep(_POLL)


def _leave() -> None:
    """gunicorn's quick end of a worker."""
    os.kill(os.getpid(), signal.SIGQUIT)


def _handler(number: signal.Signals) -> Handler:
    """The handler that is installed now."""
    found = signal.getsignal(number)
    assert callable(found), "gunicorn has installed its handlers before its hooks are called"
    return found
