"""Connections that wait to be used again, newest first, for this process alone."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from proxy.transport.http1.connection import Connection
from proxy.transport.origin import Origin

# Less than the shortest keep-alive that common servers grant (nginx 75 s, Go none, uvicorn 5 s answers by closing).
KEEP_SECONDS = 60.0
KEEP_CONNECTIONS = 1024


class Pool:
    """At most `most` idle connections, none older than `keep` seconds; safe for threads, and empty after a fork."""

    def __init__(
        self, monotonic: Callable[[], float], *, keep: float = KEEP_SECONDS, most: int = KEEP_CONNECTIONS
    ) -> None:
        self._monotonic = monotonic
        self._keep = keep
        self._most = most
        self._forget()

    def take(self, origin: Origin) -> Connection | None:
        """The connection to `origin` that was used last and is still good; None when there is none."""
        if self._process != os.getpid():
            self._forget()
        while (connection := self._pop(origin)) is not None:
            since = connection.idle_since
            if since is not None and self._monotonic() - since < self._keep and connection.is_quiet():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end."""
        if self._process != os.getpid():
            self._forget()
        connection.idle_since = now = self._monotonic()
        with self._lock:
            self._idle.setdefault(connection.origin, []).append(connection)
            self._idle.move_to_end(connection.origin)
            self._count += 1
            surplus = self._take_surplus(now)
        for old in surplus:
            old.close()

    def close(self) -> None:
        """Close what is idle; the pool can be used further."""
        with self._lock:
            idle = [connection for kept in self._idle.values() for connection in kept]
            self._idle.clear()
            self._count = 0
        for connection in idle:
            connection.close()

    def _forget(self) -> None:
        """A child of fork has copies of its parent's sockets: it must not use them. Locks may be copied locked."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: OrderedDict[Origin, list[Connection]] = OrderedDict()
        self._count = 0

    def _pop(self, origin: Origin) -> Connection | None:
        with self._lock:
            kept = self._idle.get(origin)
            if not kept:
                return None
            connection = kept.pop()
            self._count -= 1
            if not kept:
                del self._idle[origin]
            return connection

    def _take_surplus(self, now: float) -> list[Connection]:
        """The oldest connection of the origin that was used longest ago, if it is too old or one too many."""
        origin, kept = next(iter(self._idle.items()))
        too_old = now - (kept[0].idle_since or now) >= self._keep
        if not too_old and self._count <= self._most:
            return []
        surplus = kept if too_old and now - (kept[-1].idle_since or now) >= self._keep else [kept[0]]
        surplus = list(surplus)
        del kept[: len(surplus)]
        self._count -= len(surplus)
        if not kept:
            del self._idle[origin]
        return surplus
