"""The requests of one try: how much of its time is left, whether one was sent, and whose fault an exception is."""

from collections.abc import Callable
from typing import Protocol

import orjson

from proxy.dispatch.stream import stream_clocks
from proxy.domain.call import Call
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.errors import BadRequestError, GatewayError, InternalServerError, LocalResourceError, UnexpectedError
from proxy.transport.failures import exhausted

# What encoding raises for values that have no form on the wire: too deep, lone surrogates, numbers beyond JSON's.
_NOT_ENCODABLE = (RecursionError, orjson.JSONEncodeError, UnicodeError)


class Sender(Protocol):
    """What is needed of the transport."""

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse: ...


class Exchange:
    """Used for one try. `dropped` are the parameters that its request goes without."""

    def __init__(self, transport: Sender, call: Call, clocks: Clocks, monotonic: Callable[[], float]) -> None:
        self._transport = transport
        self._call = call
        self._monotonic = monotonic
        self.clocks = clocks
        self.started = monotonic()
        self.sent = False
        self.dropped: tuple[str, ...] = ()

    def seconds(self) -> float:
        """Since the try began."""
        return self._monotonic() - self.started

    def fetch(self, request: WireRequest) -> WireResponse:
        """Fetch what belongs to the request, such as media, before it is sent."""
        left = self._remaining()
        return self._transport.send(request, stream_clocks(left) if self._call.stream else left, self._call.client)

    def transmit(self, request: WireRequest) -> WireResponse:
        """Send the provider's request, with what is left of the try's time: media, tokens and earlier parts take some."""
        self.sent = True
        clocks, call = self._remaining(), self._call
        return self._transport.send(request, stream_clocks(clocks) if call.stream else clocks, call.client)

    def failure(self, exception: Exception) -> GatewayError:
        """The error for an unexpected exception: before the request was sent it does not count against the provider."""
        if exhausted(exception):
            return LocalResourceError("The gateway has no resources left for this call; try again in a moment.")
        if self.sent:
            return InternalServerError("Internal server error")
        if isinstance(exception, _NOT_ENCODABLE):
            return BadRequestError(
                "The request holds values that cannot be encoded for the provider, such as too deep ones."
            )
        return UnexpectedError()

    def _remaining(self) -> Clocks:
        clocks = self.clocks
        if clocks.total is None:
            return clocks
        left = max(0.0, clocks.total - (self._monotonic() - self.started))
        return Clocks(clocks.connect, clocks.first, clocks.idle, left, clocks.tick)
