"""Waiting in a greenlet: gevent's hub watches both sockets and the clock.

The watchers are kept from one wait to the next. gevent's own `select.poll` makes new ones for each, and new ones cost
the loop a call of the system even where nothing has changed.
"""

from typing import Any

from gevent import sleep
from gevent.hub import Waiter, get_hub

from proxy.transport.http1.waiting import Ready, Waitable

_READ, _WRITE = 1, 2


class HubReadiness:
    """See proxy.transport.http1.waiting.Readiness."""

    __slots__ = ("_client", "_events", "_hub", "_loop", "_socket", "_watcher")

    def __init__(self, client: int | None) -> None:
        self._hub = get_hub()
        self._loop: Any = self._hub.loop
        self._client: Any = None if client is None else self._watch(client, _READ)
        # A descriptor's number is given again when it is closed, and a kept watcher would not see the new one: hence
        # the socket itself.
        self._socket: Waitable | None = None
        self._events = 0
        self._watcher: Any = None

    def wait(self, socket: Waitable, write: bool, seconds: float | None) -> Ready:
        events = _WRITE if write else _READ
        if socket is not self._socket or events != self._events:
            self._watcher = self._watch(socket.fileno(), events)
            self._socket, self._events = socket, events
        watcher, client = self._watcher, self._client
        waiter = Waiter(self._hub)
        wake = waiter.switch
        timer = None if seconds is None else self._loop.timer(seconds)
        try:
            watcher.start(wake, Ready.SOCKET)
            if client is not None:
                client.start(wake, Ready.CLIENT)
            if timer is not None:
                timer.start(wake, Ready.NOTHING)
            found: Ready = waiter.get()
        finally:
            watcher.stop()
            if client is not None:
                client.stop()
            if timer is not None:
                timer.close()
        return found

    def give_way(self) -> None:
        sleep(0)

    def forget_client(self) -> None:
        self._client = None

    def _watch(self, fileno: int, events: int) -> Any:
        watcher = self._loop.io(fileno, events)
        # Ahead of new requests: a call that waits for its provider has waited for longer.
        watcher.priority = self._loop.MAXPRI
        return watcher
