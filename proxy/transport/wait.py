"""Waiting for a socket, for the clocks and for the client, all at once."""

import select

from proxy.domain.wire import ClientWatch
from proxy.errors import ClientClosedRequestError
from proxy.transport.clocks import Stopwatch

# Looked up when called: gevent puts its own `select.poll` in the place of the system's.
READABLE = select.POLLIN
WRITABLE = select.POLLOUT

# How often a client is looked at whose leaving no socket tells: its worker class has none, or a batch gave its call up.
_LOOK_SECONDS = 0.5


class Wait:
    """The patience of one try: the stopwatch's clocks, and a client that may leave."""

    __slots__ = ("_client", "stopwatch")

    def __init__(self, stopwatch: Stopwatch, client: ClientWatch | None) -> None:
        self.stopwatch = stopwatch
        self._client = client

    def ready(self, fileno: int, events: int, tick: float | None = None) -> bool:
        """True when the socket is ready, or broken; False after `tick` seconds of nothing.

        Raises Timeout when a clock runs out, ClientClosedRequestError when the client goes first.
        """
        poll = select.poll()
        poll.register(fileno, events)
        client_fileno = self._register_client(poll)
        now = self.stopwatch.now
        tick_end = None if tick is None else now() + tick
        while True:
            limit = self._limit(None if tick_end is None else tick_end - now())
            found = poll.poll(None if limit is None else limit * 1000)
            if any(number == fileno for number, _ in found):
                return True
            self.check_client()
            if found and client_fileno is not None:
                # It has sent more without being asked, and is still there: its socket tells nothing any more.
                poll.unregister(client_fileno)
                client_fileno = None
            if tick_end is not None and tick_end <= now():
                return False

    def check(self) -> None:
        """Raise what `ready` would raise now, without waiting."""
        self.stopwatch.left()
        self.check_client()

    def check_client(self) -> None:
        """Raise ClientClosedRequestError when nobody waits for the answer any more."""
        if self._client is not None and self._client.gone():
            raise ClientClosedRequestError("the client closed the connection before the answer was there")

    def _limit(self, tick_left: float | None) -> float | None:
        """Seconds until something has to be done although nothing has arrived; raises Timeout when a clock is out."""
        look = None if self._client is None else _LOOK_SECONDS
        limits = [limit for limit in (self.stopwatch.left(), tick_left, look) if limit is not None]
        return max(0.0, min(limits)) if limits else None

    def _register_client(self, poll: "select.poll") -> int | None:
        fileno = None if self._client is None else self._client.fileno()
        if fileno is None or fileno < 0:
            return None
        poll.register(fileno, READABLE)
        return fileno
