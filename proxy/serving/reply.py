"""An application's answer as HTTP/1.1: the head and the first bytes in one write, then a write for each piece."""

import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any

# A piece up to this size is copied behind the head, so that both leave in one packet.
_JOINED = 64 * 1024
_SAFE = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")
_STATUS = re.compile(r"[1-5]\d\d [\t\x20-\x7e\x80-\xff]*")
_BODILESS = ("1", "204", "304")

StartResponse = Callable[[bytes], object]


class Dates:
    """The `Date` of answers, made once a second."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._second = 0
        self._text = ""

    def text(self) -> str:
        second = int(self._now())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


class Reply:
    """One answer. `closes`: the connection will not be used again. `begun`: something of it has been sent."""

    def __init__(self, send: Callable[[bytes], object], date: str, closes: bool) -> None:
        self._send = send
        self._date = date
        self._head: bytes | None = None
        self._length: int | None = None
        self._sent = 0
        self._chunked = self._bodiless = False
        self.closes = closes
        self.begun = False

    def start(self, status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None) -> StartResponse:
        """WSGI's start_response. ValueError for what would not be a head."""
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        # A line break within a value would make one line more than there are headers.
        if not _STATUS.fullmatch(status) or not _SAFE.fullmatch(lines) or lines.count("\n") != len(headers):
            raise ValueError("the application answered with a status or header that HTTP does not allow")
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        self._length = None if length is None else int(length)
        self._bodiless = status.startswith(_BODILESS)
        self._chunked = length is None and not self._bodiless
        self._head = (
            f"HTTP/1.1 {status}\r\nServer: gunicorn\r\nDate: {self._date}\r\n"
            f"Connection: {'close' if self.closes else 'keep-alive'}\r\n"
            f"{'Transfer-Encoding: chunked' + chr(13) + chr(10) if self._chunked else ''}{lines}\r\n"
        ).encode("latin-1")
        return self.write

    def write(self, piece: bytes) -> None:
        """Send a piece of the body, behind the head if that has not left yet."""
        if not piece or self._bodiless:
            return
        self._sent += len(piece)
        if self._length is not None and self._sent > self._length:
            raise ValueError("the application answered with more than it said")
        if self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._put(piece)

    def end(self) -> None:
        """Send what is still owed; an answer that is shorter than it said ends its connection."""
        if self._chunked:
            self._put(b"0\r\n\r\n")
        elif self._head:
            self._put(b"")
        if self._length is not None and self._sent < self._length and not self._bodiless:
            self.closes = True

    def _put(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head is None:
            raise ValueError("the application sent a body before its status")
        self.begun = True
        if head and len(data) <= _JOINED:
            self._send(head + data)
            return
        if head:
            self._send(head)
        self._send(data)
