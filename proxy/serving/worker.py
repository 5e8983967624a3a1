"""gunicorn's gevent worker with a short way for ordinary requests; the rest goes gunicorn's own way.

What is asked in an uncommon manner (head.py says which is common) is handed over with the bytes that were read. So is
everything where the configuration asks for what only gunicorn does: TLS, access logs, hooks, PROXY protocol, HTTP/2.
"""

import io
import socket
from typing import Any

from gevent import GreenletExit
from gunicorn.http.message import _ip_in_allow_list
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import GeventWorker

from proxy.serving.body import Body
from proxy.serving.head import Head, read_head
from proxy.serving.reply import Dates, Reply

_READ = 64 * 1024
# Settings that only gunicorn's own way honours: the short one is for those who leave them as they are.
_GUNICORNS = (
    "accesslog", "logconfig", "logconfig_dict", "logconfig_json", "syslog", "statsd_host", "pre_request", "post_request",
    "proxy_protocol", "protocol", "http2_cleartext", "certfile", "keyfile",
)  # fmt: skip


class Worker(GeventWorker):  # type: ignore[misc]
    """`--worker-class gevent` of our command line."""

    def init_process(self) -> None:
        self._dates = Dates()
        self._seconds = 0
        # Connections that wait for their next request, and since when.
        self._idle: dict[Any, int] = {}
        self._environ = {
            **base_environ(self.cfg),
            "wsgi.multithread": True,
            "SCRIPT_NAME": "",
            "wsgi.url_scheme": "http",
        }
        self._secure = {
            "HTTP_" + name.replace("-", "_"): value for name, value in self.cfg.secure_scheme_headers.items()
        }
        super().init_process()

    def load_wsgi(self) -> None:
        from proxy.settings import environment  # noqa: PLC0415  nothing of ours before the sockets are patched

        self._short = _is_plain(self.cfg) and not environment().get("SCRIPT_NAME")
        super().load_wsgi()

    def notify(self) -> None:
        """gunicorn calls this once a second: the time to part with connections that nobody uses."""
        super().notify()
        self._seconds += 1
        oldest = self._seconds - self.cfg.keepalive if self.alive else self._seconds
        for client, since in tuple(self._idle.items()):
            if since <= oldest:
                _shut(client)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        if not self._short or not isinstance(addr, tuple) or not self.cfg.keepalive:
            super().handle(listener, client, addr)
            return
        try:
            left = self._serve(client, addr, listener.getsockname())
        except OSError as error:
            self.log.debug("Connection lost: %s", error)
            return
        except GreenletExit:
            return
        if left:
            super().handle(listener, Primed(client, left), addr)

    def _serve(self, client: Any, addr: Any, server: Any) -> bytes:
        """Answer one request after another; the bytes of one that gunicorn must read, nothing at the end."""
        environ = {
            **self._environ, "gunicorn.socket": client, "REMOTE_ADDR": addr[0], "REMOTE_PORT": str(addr[1]),
            "SERVER_NAME": server[0], "SERVER_PORT": str(server[1]), "SERVER_PROTOCOL": "HTTP/1.1",
        }  # fmt: skip
        data = b""
        while True:
            data = data or self._wait(client)
            if not data:
                return b""
            head = read_head(data)
            if head is None or (scheme := self._scheme(head, addr)) is None:
                return data
            reply = Reply(client.sendall, self._dates.text(), head.closes or not self._count())
            end = head.size + head.length
            whole = len(data) >= end
            body = io.BytesIO(data[head.size : end]) if whole else Body(client, data[head.size :], head.length)
            self._answer({**environ, **head.fields, "REQUEST_METHOD": head.method, "PATH_INFO": head.path,
                          "QUERY_STRING": head.query, "RAW_URI": head.target, "wsgi.input": body,
                          "wsgi.url_scheme": scheme}, reply, client, addr)  # fmt: skip
            if reply.closes or (isinstance(body, Body) and not body.drain()):
                return b""
            data = data[end:] if whole else b""

    def _wait(self, client: Any) -> bytes:
        """What comes next. A connection that has been idle for too long is shut by `notify`, and then has no more."""
        self._idle[client] = self._seconds
        try:
            data: bytes = client.recv(_READ)
        finally:
            del self._idle[client]
        return data

    def _scheme(self, head: Head, addr: Any) -> str | None:
        """http or https as a trusted proxy says; None where it says two things."""
        said = [head.fields[name] == value for name, value in self._secure.items() if name in head.fields]
        if not said or not _trusted(self.cfg, addr):
            return "http"
        return None if len(said) > 1 else ("https" if said[0] else "http")

    def _count(self) -> bool:
        """Count a request; False when the worker is about to end."""
        self.nr += 1
        if self.nr >= self.max_requests:
            self.log.info("Autorestarting worker after current request.")
            self.alive: bool = False
        return self.alive

    def _answer(self, environ: dict[str, Any], reply: Reply, client: Any, addr: Any) -> None:
        try:
            pieces = self.wsgi(environ, reply.start)
            try:
                for piece in pieces:
                    reply.write(piece)
                reply.end()
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
        except OSError:
            raise
        except Exception as error:
            reply.closes = True
            if reply.begun:
                self.log.exception("Error handling request")
                _shut(client)
            else:
                self.handle_error(None, client, addr, error)


class Primed:
    """A connection of which some bytes have been read already: they come first."""

    def __init__(self, client: Any, read: bytes) -> None:
        self._client = client
        self._read = read

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._read and not flags:
            data, self._read = self._read[:size], self._read[size:]
            return data
        received: bytes = self._client.recv(size, flags)
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def _is_plain(cfg: Any) -> bool:
    settings = [cfg.settings[name] for name in _GUNICORNS]
    return all(setting.get() == setting.default for setting in settings)


def _trusted(cfg: Any, addr: Any) -> bool:
    return bool(_ip_in_allow_list(addr[0], cfg.forwarded_allow_ips, cfg.forwarded_allow_networks()))


def _shut(client: Any) -> None:
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
