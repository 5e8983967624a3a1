"""The connections of a gunicorn worker: how long one may take to send a request's head, and how many idle ones are kept.

Idle connections can't fill a worker: the first are closed when three quarters of its places are taken, those that never
sent a request before those that did. All of it works from outside of gunicorn's classes, by what its hooks show.
"""

import contextlib
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

# Until the head of a connection's first request must be there.
HEAD_SECONDS = 15.0
# gthread: how long one of its threads waits for a new connection's first byte. Then the poller does.
FIRST_BYTE_SECONDS = 0.02
# The same where heads that do not come have all threads of a gthread worker.
HURRIED_SECONDS = 1.0
# The share of a worker's connections that may be idle.
FULL = 0.75
_POLL = 0.25


class Connections:
    """One per worker. `running` is shared with the drain: the requests that are under way."""

    def __init__(self, worker: Any, running: set[int], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._running = running
        self._monotonic = monotonic
        # HTTP/2's connections have several requests at a time: they are counted, and nothing else.
        self._multiplexed = "h2" in str(getattr(worker.cfg, "http_protocols", ""))
        self._most = max(1, int(worker.cfg.worker_connections * FULL))
        # In the order in which they came; of no use once their request is read.
        self._new: OrderedDict[Any, float] = OrderedDict()
        self._idle: OrderedDict[Any, None] = OrderedDict()

    def install(self) -> None:
        """Watch what the worker handles from now on."""
        handle = self._worker.handle

        def watch(*arguments: Any) -> Any:
            # gevent's worker is given (listener, socket, address), gthread's one connection with its socket.
            sock = arguments[1] if len(arguments) > 1 else self._socket_of(arguments[0])
            self.enter(sock)
            try:
                return handle(*arguments)
            finally:
                self.leave(sock)

        self._worker.handle = watch
        if self._multiplexed:
            return
        threading.Thread(target=self._run, name="connections", daemon=True).start()

    def _socket_of(self, connection: Any) -> Any:
        if hasattr(connection, "wait_for_data"):
            _wait_shortly(type(connection))
        return connection.sock

    def enter(self, sock: Any) -> None:
        if self._multiplexed:
            return
        self._new[sock] = self._monotonic()
        if len(self._new) + len(self._idle) + len(self._running) > self._most:
            self._close_oldest()

    def leave(self, sock: Any) -> None:
        self._new.pop(sock, None)
        self._idle.pop(sock, None)

    def begin(self, request: Any) -> None:
        """The head of a request has been read."""
        self._running.add(id(request))
        if self._multiplexed:
            return
        sock = request.unreader.sock
        if self._new.pop(sock, None) is None:
            self._idle.pop(sock, None)

    def end(self, request: Any) -> None:
        self._running.discard(id(request))
        if not self._multiplexed:
            self._idle[request.unreader.sock] = None

    def close_late(self) -> None:
        """Close connections without a head in time, and the first idle ones where too many are open."""
        late = self._monotonic() - (HURRIED_SECONDS if self._threads_are_taken() else HEAD_SECONDS)
        while (oldest := _first(self._new)) is not None and self._new.get(oldest, late + 1) <= late:
            self._new.pop(oldest, None)
            _shut(oldest)
        if hasattr(self._worker, "pending_conns"):
            self._shorten_waits()

    def _threads_are_taken(self) -> bool:
        """gthread: heads that do not come keep a thread each."""
        is_threaded = hasattr(self._worker, "pending_conns")
        return is_threaded and len(self._new) + len(self._running) >= self._worker.cfg.threads

    def _close_oldest(self) -> None:
        oldest = _first(self._new)
        if oldest is None or len(self._new) == 1:
            oldest = _first(self._idle)
        if oldest is not None:
            self.leave(oldest)
            _shut(oldest)

    def _shorten_waits(self) -> None:
        """gthread's poller holds connections without data for as long as kept-alive ones: its main loop closes those that
        are due."""
        worker, now = self._worker, self._monotonic()
        with contextlib.suppress(RuntimeError):  # The main loop has changed it: next time.
            for connection in worker.pending_conns:
                connection.timeout = min(connection.timeout, now + HEAD_SECONDS)
            if worker.nr_conns < self._most:
                return
            silent = max(0, len(worker.pending_conns) - self._most // 4)
            for connection in (*islice(worker.pending_conns, silent),):
                connection.timeout = now
            for connection in (*islice(worker.keepalived_conns, max(0, worker.nr_conns - self._most - silent)),):
                connection.timeout = now
            worker.method_queue.defer(_wake)

    def _run(self) -> None:
        while True:
            time.sleep(_POLL)
            self.close_late()


def limit_sends(listeners: Sequence[Any], seconds: float) -> None:
    """Let the kernel end connections whose peer takes nothing for so long (0: never): small answers have no other limit.

    What is set on a listening socket holds for the connections that it accepts.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    for listener in listeners if option is not None and seconds > 0 else ():
        if listener.sock.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):
                listener.sock.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))


def _wait_shortly(kind: Any) -> None:
    """`kind` is gthread's class of connections. One without data keeps no thread: 64 of them would keep a worker for five
    seconds each time."""
    if getattr(kind, "waits_shortly", False):
        return
    wait = kind.wait_for_data
    kind.wait_for_data = lambda self, timeout: wait(self, min(timeout, FIRST_BYTE_SECONDS))
    kind.waits_shortly = True


def _wake() -> None:
    """The main loop closes what is due when it has something to do, or once a second."""


def _first(items: OrderedDict[Any, Any]) -> Any:
    """The oldest; None where there is none. Another thread may change the table meanwhile."""
    try:
        return next(iter(items), None)
    except RuntimeError:
        return None


def _shut(sock: Any) -> None:
    """What waits for the socket reads its end.

    gevent's own `shutdown` would raise in the greenlet that waits, and gunicorn would log that: hence the second descriptor.
    """
    with contextlib.suppress(OSError), sock.dup() as twin:
        twin.shutdown(socket.SHUT_RDWR)
