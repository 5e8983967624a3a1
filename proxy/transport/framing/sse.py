"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).

One deviation: an event that the end of the stream left without its blank line is given, not dropped, since providers
forget that line after `[DONE]`. A decoder that finds half a chunk in it reports that. `id` and `retry` are of no use here.
Another: no field's name begins with a brace or a bracket, so a body that does is no event stream but one JSON text (an error,
nearly always), which becomes one event; and such a line in the middle of a stream is data.
"""

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_JSON = (b"{", b"[")
# What a line costs beside its bytes: of empty ones, too, only so many make an event.
_LINE_BYTES = 64
_LONGEST_NAME = 256


class SSEDecoder:
    """Bytes into events. InvalidProviderResponseError for an event larger than `max_event_bytes`."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        # The bytes of the open event, and of the line that is not whole yet.
        self._size = self._line_size = 0
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""
        self._after_cr = False
        self._start: bytes | None = b""
        # Whether the body is one JSON text; None while only white space has come.
        self._is_json: bool | None = None

    def feed(self, block: bytes) -> list[Event]:
        text = self._with_plain_ends(block)
        if self._start is not None:
            text = self._without_bom(text)
        if self._is_json is None and (beginning := text.lstrip()):
            self._is_json = beginning.startswith(_JSON)
        events: list[Event] = []
        if self._is_json:
            self._keep(text)
            return events
        if not (self._line or self._data or self._name):
            end = text.rfind(b"\n\n")
            if end >= 0:
                self._take_whole(text[:end], events)
                text = text[end + 2 :]
        if text:
            self._take_part(text, events)
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        if self._start:
            self._line.append(self._start)
        rest = b"".join(self._line)
        self._line.clear()
        if self._is_json:
            return [Event(rest.strip())]
        self._take_line(rest, events)
        self._take_line(b"", events)
        return events

    def _with_plain_ends(self, block: bytes) -> bytes:
        """Lines end in LF, CR or CRLF, and a CRLF may be cut in two; from here on it is LF alone."""
        if self._after_cr and block:
            self._after_cr = False
            if block.startswith(b"\n"):
                block = block[1:]
        if b"\r" not in block:
            return block
        self._after_cr = block.endswith(b"\r")
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _without_bom(self, text: bytes) -> bytes:
        """The first bytes, held while they may still become a byte order mark."""
        start = (self._start or b"") + text
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _take_whole(self, text: bytes, events: list[Event]) -> None:
        """Events that are there with their blank lines: nearly all, and most of them a data line, behind a name."""
        for part in text.split(b"\n\n"):
            if part.startswith(b"data: ") and b"\n" not in part:
                events.append(Event(part[6:]))
                continue
            name, _, data = part.partition(b"\n")
            if name.startswith(b"event: ") and data.startswith(b"data: ") and b"\n" not in data:
                events.append(Event(data[6:], name[7:].decode("utf-8", "replace")))
                continue
            for line in part.split(b"\n"):
                self._take_line(line, events)
            self._take_line(b"", events)

    def _take_part(self, text: bytes, events: list[Event]) -> None:
        *lines, rest = text.split(b"\n")
        if lines and self._line:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
            self._line_size = 0
        for line in lines:
            self._take_line(line, events)
        self._keep(rest)

    def _take_line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event(b"\n".join(self._data), self._name))
                self._data.clear()
            self._name = ""
            self._size = 0
            return
        if line.startswith(_JSON):
            self._append(line)
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._append(value)
        elif field == b"event":
            self._name = value[:_LONGEST_NAME].decode("utf-8", "replace")

    def _append(self, value: bytes) -> None:
        self._data.append(value)
        self._size += len(value) + _LINE_BYTES
        self._check_size()

    def _keep(self, rest: bytes) -> None:
        """Bytes of a line that is not whole yet."""
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
            self._check_size()

    def _check_size(self) -> None:
        if self._size + self._line_size > self._limit:
            raise InvalidProviderResponseError(f"an event of the stream is larger than {self._limit} bytes")
