"""A provider that is a bare socket and does on cue what real ones do on bad days."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# An authority and a certificate for localhost that were made for these tests; the key opens nothing.
CERTIFICATES = Path(__file__).parent / "tls"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

# What to do with one connection.
Script = Callable[[socket.socket], None]


class Upstream:
    """Serves connections with `script`, each in a thread; the requests that `hear` read are in `heard`."""

    def __init__(self, script: Script, *, tls: bool = False, host: str = "127.0.0.1") -> None:
        self.script = script
        self.heard: list[bytes] = []
        self.connections = 0
        self.closed_by_client = threading.Event()
        self.let_go = threading.Event()
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._tls = _context() if tls else None
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/v1/chat"
        threading.Thread(target=self._accept, daemon=True).start()

    def hear(self, peer: socket.socket) -> bytes:
        """One whole request; empty when the client has closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            block = peer.recv(65536)
            if not block:
                return b""
            data += block
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += peer.recv(65536)
        self.heard.append(head + b"\r\n\r\n" + body)
        return self.heard[-1]

    def await_close(self, peer: socket.socket) -> None:
        """Wait until the other side has closed, and tell."""
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass
        self.closed_by_client.set()

    def close(self) -> None:
        self.let_go.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            if self._tls is not None:
                peer = self._tls.wrap_socket(peer, server_side=True)
            self.script(peer)
        except OSError:
            pass
        finally:
            peer.close()


@contextmanager
def serving(script: Callable[[Upstream, socket.socket], None], *, tls: bool = False) -> Iterator[Upstream]:
    """An Upstream whose script knows it."""
    upstream = Upstream(lambda peer: script(upstream, peer), tls=tls)
    try:
        yield upstream
    finally:
        upstream.close()


def answering(*answers: bytes) -> Callable[[Upstream, socket.socket], None]:
    """Each request on a connection gets the next of `answers`; after the last one it is closed."""

    def script(upstream: Upstream, peer: socket.socket) -> None:
        for answer in answers:
            if not upstream.hear(peer):
                return
            peer.sendall(answer)

    return script


def always(answer: bytes) -> Callable[[Upstream, socket.socket], None]:
    """Every request gets `answer`, and the connection is kept."""

    def script(upstream: Upstream, peer: socket.socket) -> None:
        while upstream.hear(peer):
            peer.sendall(answer)

    return script


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    return context
