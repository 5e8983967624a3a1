"""Google's two forms of a stream: server-sent events, or one JSON array from servers that ignore `alt=sse`.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError
from proxy.transport.framing.sse import MAX_EVENT_BYTES, SSEDecoder

_WHITE = b" \t\r\n"
# More small members than this fill the memory.
_MOST_EVENTS = 100_000


class SSEOrArrayDecoder:
    """Bytes into events; the members of an array are events when the body has ended.

    InvalidProviderResponseError for an event, or an array, larger than `max_event_bytes`.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._events = SSEDecoder(max_event_bytes)
        self._is_array: bool | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> list[Event]:
        if self._is_array is None:
            block = block.lstrip(_WHITE)
            if block:
                self._is_array = block.startswith(b"[")
        if not self._is_array:
            return self._events.feed(block)
        self._size += len(block)
        if self._size > self._limit:
            raise InvalidProviderResponseError(f"the stream is one JSON array of more than {self._limit} bytes")
        self._parts.append(block)
        return []

    def finish(self) -> list[Event]:
        """A cut element yields nothing: the format's decoder reports the missing end."""
        if not self._is_array:
            return self._events.finish()
        try:
            parsed = loads(b"".join(self._parts))
        except ValueError:
            return []
        if len(parsed) > _MOST_EVENTS:
            raise InvalidProviderResponseError(f"the stream is one JSON array of more than {_MOST_EVENTS} events")
        return [Event(dumps(item)) for item in parsed if isinstance(item, dict)]
