"""Waiting for a socket, for the clocks and for the client, all at once."""

from proxy.domain.wire import ClientWatch
from proxy.errors import ClientClosedRequestError
from proxy.transport.clocks import Stopwatch
from proxy.transport.http1.readiness import open_readiness
from proxy.transport.http1.waiting import Readiness, Ready, Waitable

# How often to check on a client without a socket to watch: its worker class has none, or a batch gave its call up.
_LOOK_SECONDS = 0.5
# How much may be read before others get their turn, what a read counts for beside its bytes, and how long a turn is: it
# takes longer to make something of the bytes than to read them.
_TURN_BYTES = 256 * 1024
_READ_BYTES = 4096
_TURN_SECONDS = 0.005


class Wait:
    """The limits of one try's waits: the stopwatch's clocks, and a client that may leave."""

    __slots__ = ("_client", "_readiness", "_turn", "_turn_end", "stopwatch")

    def __init__(self, stopwatch: Stopwatch, client: ClientWatch | None) -> None:
        self.stopwatch = stopwatch
        self._client = client
        self._readiness: Readiness | None = None
        # What has been read in this turn, and when it ends at the latest.
        self._turn = 0
        self._turn_end = 0.0

    def ready(self, socket: Waitable, *, write: bool = False, tick: float | None = None) -> bool:
        """True when the socket is ready, or broken; False after `tick` seconds of nothing.

        Raises Timeout when a clock runs out, ClientClosedRequestError when the client goes first.
        """
        readiness = self._readiness or self._open()
        now = self.stopwatch.now
        tick_end = None if tick is None else now() + tick
        while True:
            found = readiness.wait(socket, write, self._limit(tick))
            if found is Ready.SOCKET:
                # Others had their turn meanwhile.
                self._turn, self._turn_end = 0, now() + _TURN_SECONDS
                return True
            self.check_client()
            if found is Ready.CLIENT:
                # It has sent more without being asked, and is still there.
                readiness.forget_client()
            if tick_end is not None:
                tick = tick_end - now()
                if tick <= 0:
                    return False

    def give_way(self, size: int) -> None:
        """After each read of `size` bytes: now and then others get their turn, and the clocks and the client a look.

        A provider that never pauses is never waited for. Raises what `ready` raises.
        """
        self._turn += size + _READ_BYTES
        if self._turn >= _TURN_BYTES or self.stopwatch.now() >= self._turn_end:
            self.check()
            (self._readiness or self._open()).give_way()
            self._turn, self._turn_end = 0, self.stopwatch.now() + _TURN_SECONDS

    def _open(self) -> Readiness:
        self._readiness = open_readiness(None if self._client is None else self._client.fileno())
        return self._readiness

    def check(self) -> None:
        """Raise what `ready` would raise now, without waiting."""
        self.stopwatch.left()
        self.check_client()

    def check_client(self) -> None:
        """Raise ClientClosedRequestError when the client has left."""
        if self._client is not None and self._client.gone():
            raise ClientClosedRequestError("the client closed the connection before the answer was there")

    def _limit(self, tick: float | None) -> float | None:
        """Seconds until something has to be done although nothing has arrived; raises Timeout when a clock is out."""
        limit = self.stopwatch.left()
        if tick is not None and (limit is None or tick < limit):
            limit = tick
        if self._client is not None and (limit is None or limit > _LOOK_SECONDS):
            return _LOOK_SECONDS
        return limit
