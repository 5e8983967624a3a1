"""How gunicorn's workers write answers: head and first piece together, and this gateway's own headers without checks.

gunicorn writes a head, and then a body: two system calls, two packets, and a client that wakes up twice. Its checks of
headers are for applications that it can't trust; a TrustedHeaderList (flask_response.py) holds safe text.
"""

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gunicorn import SERVER
from gunicorn.http import wsgi

from proxy.fastpath.flask_response import TrustedHeaderList

# A piece up to this size is copied behind the head.
_JOINED = 32 * 1024


class Writer(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """One answer on one connection, in any worker class."""

    # The initial values of gunicorn's Response, which sets each of them for every answer.
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
        code = int(status[:3]) if isinstance(headers, TrustedHeaderList) and not (exc_info or self.status) else None
        if code is None or self._response_omits_body(self.req.method, code):
            return super().start_response(status, [*headers], exc_info)
        self.status, self.status_code = status, code
        self.headers, self.response_length = headers, headers.length
        self.chunked = self.is_chunked()
        return self.write

    def default_headers(self) -> list[str]:
        """gunicorn's, formatted once a second."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        return [_first_lines(int(time.time()), self.req.version, self.status or "", connection, self.chunked)]

    def should_close(self) -> bool:
        """Called before the head and after the body; in between, only `must_close` can change."""
        if self._closing is None or self.must_close:
            self._closing = bool(super().should_close())
        return self._closing

    def send_headers(self) -> None:
        """Build the head; it is sent with the next piece."""
        if not self.headers_sent:
            self.headers_sent = True
            lines = self.default_headers()
            if self.headers:
                lines += ("\r\n".join(map(": ".join, self.headers)), "\r\n")
            self._head = "".join([*lines, "\r\n"]).encode("latin-1")

    def write(self, arg: bytes) -> None:
        """An empty piece sends the head alone."""
        if self.chunked:
            self.sent += len(arg)
            self._flush(b"%X\r\n%b\r\n" % (len(arg), arg) if arg else b"")
        elif len(arg) == self.response_length and not (self.sent or self._omits_body):
            self.sent = len(arg)
            self._flush(arg)
        else:
            # It counts and cuts, and passes the rest to _emit_body.
            super().write(arg)
            self._flush()

    def close(self) -> None:
        self._flush(b"0\r\n\r\n" if self.chunked else b"")

    def sendfile(self, respiter: Any) -> bool:
        """False: files are small here, and written like any body."""
        return False

    def _emit_body(self, data: bytes) -> None:
        self._flush(data)

    def _flush(self, data: bytes = b"") -> None:
        """Send `data`, behind the head if that is not sent yet."""
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
        """Nearly always the socket takes all at once; gevent's sendall makes another system call first."""
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
    """Make gunicorn's HTTP/1 answers Writers; those of HTTP/2 stay gunicorn's own.

    `create` is patched because both worker classes call it by that name, inside long methods: a worker class of our own
    would have to repeat these.
    """
    settings = worker.cfg
    # gunicorn reads its settings some 25 times a request, each time by two calls.
    vars(settings).update({name: setting.get() for name, setting in settings.settings.items()})
    by_gunicorn = wsgi.create

    def create(
        request: Any, sock: Any, client: Any, server: Any, cfg: Any, response_class: Any = None, response_args: Any = ()
    ) -> Any:
        return by_gunicorn(request, sock, client, server, cfg, response_class or Writer, response_args)

    wsgi.create = create
