"""How gunicorn's workers write answers: head and first piece together, and headers that were made here not looked at again.

gunicorn writes a head, and then a body: two system calls, two packets, and a client that is woken twice. Its checks of
headers are for applications that it can't trust; SoundHeaders (plain.py) were made of safe text.
"""

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gunicorn import SERVER
from gunicorn.http import message, wsgi

from proxy.fastpath.flask_response import SoundPairs

# A piece up to this size is copied behind the head.
_JOINED = 32 * 1024


class Writer(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """One answer on one connection, in any worker class."""

    # As gunicorn's answers begin, which set each of these anew.
    status: str | None = None
    chunked = must_close = headers_sent = upgrade = False
    response_length: int | None = None
    sent = 0
    _omits_body = _omits_body_warned = False
    _head = b""
    _closing: bool | None = None

    def __init__(self, req: Any, sock: Any, cfg: Any) -> None:
        self.req, self.sock, self.cfg = req, sock, cfg
        self.headers: Any = []

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        code = int(status[:3]) if isinstance(headers, SoundPairs) and not (exc_info or self.status) else None
        if code is None or self._response_omits_body(self.req.method, code):
            return super().start_response(status, [*headers], exc_info)
        self.status, self.status_code = status, code
        self.headers, self.response_length = headers, headers.length
        self.chunked = self.is_chunked()
        return self.write

    def default_headers(self) -> list[str]:
        """gunicorn's, put into words once a second."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        return [_first_lines(int(time.time()), self.req.version, self.status or "", connection, self.chunked)]

    def should_close(self) -> bool:
        """Asked before the head and after the body; in between, only what must close can change."""
        if self._closing is None or self.must_close:
            self._closing = bool(super().should_close())
        return self._closing

    def send_headers(self) -> None:
        """They wait for what is written next."""
        if not self.headers_sent:
            self.headers_sent = True
            lines = self.default_headers()
            if self.headers:
                lines += ("\r\n".join(map(": ".join, self.headers)), "\r\n")
            self._head = "".join([*lines, "\r\n"]).encode("latin-1")

    def write(self, arg: bytes) -> None:
        """An application that has nothing to say yet wants its head to be seen."""
        if self.chunked:
            self.sent += len(arg)
            self._flush(b"%X\r\n%b\r\n" % (len(arg), arg) if arg else b"")
        elif len(arg) == self.response_length and not (self.sent or self._omits_body):
            self.sent = len(arg)
            self._flush(arg)
        else:
            # It counts and cuts, and hands what is left to _emit_body.
            super().write(arg)
            self._flush()

    def close(self) -> None:
        self._flush(b"0\r\n\r\n" if self.chunked else b"")

    def sendfile(self, respiter: Any) -> bool:
        """Files are small here, and written like everything else."""
        return False

    def _emit_body(self, data: bytes) -> None:
        self._flush(data)

    def _flush(self, data: bytes = b"") -> None:
        """Send `data` behind what is still to be said before it."""
        self.send_headers()
        head = self._head
        if head:
            self._head = b""
            if len(data) > _JOINED:
                self._send(head)
            else:
                data = head + data
        if data:
            self._send(data)

    def _send(self, data: bytes) -> None:
        """Nearly always the socket takes all at once; gevent's sendall asks the system for its buffer's size first."""
        sent = self.sock.send(data)
        if sent < len(data):
            self.sock.sendall(memoryview(data)[sent:])


@lru_cache(maxsize=16)
def _first_lines(second: int, version: tuple[int, int], status: str, connection: str, chunked: bool) -> str:
    lines = [
        f"HTTP/{version[0]}.{version[1]} {status}",
        f"Server: {SERVER}",
        f"Date: {formatdate(second, usegmt=True)}",
        f"Connection: {connection}",
        *(("Transfer-Encoding: chunked",) if chunked else ()),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def install(worker: Any) -> None:
    """Let the worker write with it, and do once what gunicorn does anew for each request although it never changes."""
    wsgi.Response = Writer
    settings = worker.cfg
    # They are looked up 25 times a request, each time by two calls.
    vars(settings).update({name: setting.get() for name, setting in settings.settings.items()})
    environ = wsgi.base_environ(settings)
    wsgi.base_environ = lambda _: environ.copy()
    is_trusted = message._ip_in_allow_list

    @lru_cache(maxsize=1024)
    def is_trusted_proxy(address: str) -> bool:
        return bool(is_trusted(address, settings.forwarded_allow_ips, settings.forwarded_allow_networks()))

    message._ip_in_allow_list = lambda address, *_: is_trusted_proxy(address)
