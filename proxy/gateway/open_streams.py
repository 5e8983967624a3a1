"""The streams that this process is sending, and whether it still takes new work."""

from collections.abc import Callable

from proxy.domain.answer import StreamReply
from proxy.errors import ServiceUnavailableError


class OpenStreams:
    """One per application. `on_change` receives the number of open streams."""

    def __init__(self, on_change: Callable[[int], object] = lambda _count: None) -> None:
        self._on_change = on_change
        self._streams: dict[int, StreamReply] = {}
        self._draining = False

    def add(self, reply: StreamReply) -> None:
        self._streams[id(reply)] = reply
        self._on_change(len(self._streams))

    def remove(self, reply: StreamReply) -> None:
        self._streams.pop(id(reply), None)
        self._on_change(len(self._streams))

    def drain(self) -> None:
        """From now on the gateway reports that it is not ready, and refuses new calls."""
        self._draining = True

    def draining(self) -> bool:
        return self._draining

    def check_open(self) -> None:
        """Raise ServiceUnavailableError when no new work is taken."""
        if self._draining:
            raise ServiceUnavailableError("The gateway is being stopped and takes no new calls.", retry_after=1.0)

    def interrupt_streams(self) -> None:
        """End every open stream with an error that gives the reason; for a worker that must not wait any longer."""
        for stream in list(self._streams.values()):
            stream.interrupt(ServiceUnavailableError("The gateway was stopped before the answer was complete."))
