"""Lines of JSON (https://github.com/ndjson/ndjson-spec), one event each; empty lines are none."""

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError

MAX_EVENT_BYTES = 16 * 1024 * 1024


class NDJSONDecoder:
    """Bytes into events. InvalidProviderResponseError for a line longer than `max_event_bytes`."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> list[Event]:
        *lines, rest = block.split(b"\n")
        if lines and self._parts:
            lines[0] = self._take() + lines[0]
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > self._limit:
            raise InvalidProviderResponseError(f"a line of the stream is longer than {self._limit} bytes")
        return [Event(text) for line in lines if (text := line.strip())]

    def finish(self) -> list[Event]:
        """A last line needs no newline."""
        text = self._take().strip()
        return [Event(text)] if text else []

    def _take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return taken
