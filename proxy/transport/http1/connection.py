"""One socket to one origin. It never blocks: all waiting is Wait's."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from proxy.transport.http1.readiness import open_look
from proxy.transport.http1.tls import TLS
from proxy.transport.http1.wait import Wait
from proxy.transport.origin import Origin
from proxy.transport.resolve import resolve

_BLOCK = 65536


class Connection:
    """A connected socket. `idle_since` is when it was put aside, None while it serves its first request.

    `secured` is the TLS socket, if there is one.
    """

    __slots__ = ("_closed", "_drained", "_fileno", "_look", "_socket", "_waiting", "idle_since", "origin", "secured")

    def __init__(self, connected: socket.socket, origin: Origin) -> None:
        self._socket = connected
        self._fileno = connected.fileno()
        self._look = open_look(connected)
        self._waiting = False
        self._closed = False
        # A look would find nothing: all that had come was taken, and little has happened since.
        self._drained = False
        self.origin = origin
        self.idle_since: float | None = None
        self.secured = connected if isinstance(connected, ssl.SSLSocket) else None

    def fileno(self) -> int:
        """The descriptor's number, also when it has been closed in the meantime."""
        return self._fileno

    def handshake(self, wait: Wait) -> None:
        """TLS, with the certificate checked. Raises ssl.SSLError."""
        secured = self.secured
        while secured is not None:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(wait)
            except ssl.SSLWantWriteError:
                self._wait(wait, write=True)
            else:
                return

    def send(self, data: bytes | memoryview, wait: Wait) -> None:
        """All of `data`. Raises OSError when the other side does not take it."""
        self._drained = self.secured is None
        rest: bytes | memoryview = data
        while rest:
            try:
                sent = self._socket.send(rest)
                if sent == len(rest):
                    return
                rest = memoryview(rest)[sent:]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(wait, write=True)
            except ssl.SSLWantReadError:
                self._wait(wait)

    def receive(self, wait: Wait, tick: float | None = None) -> bytes | None:
        """What has arrived, at least a byte; empty for the end, None for `tick` seconds of silence."""
        write = False
        while True:
            # Waiting comes first where the socket is drained. What TLS has decrypted already, no wait would find, and
            # nothing is heard of a socket that was closed in the meantime.
            if self._drained and not self._wait(wait, write=write, tick=tick):
                return None
            try:
                data = self._socket.recv(_BLOCK)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._drained, write = True, False
            except ssl.SSLWantWriteError:
                self._drained, write = True, True
            else:
                self._drained = len(data) < _BLOCK and self.secured is None
                return data

    def is_quiet(self) -> bool:
        """True while an idle connection is open and has no unread data."""
        try:
            if not self._look(0) and not self._closed:
                return True
            # TLS may have sent records without application data.
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            return False
        return False

    def close(self) -> None:
        """End it now, also from another thread: a waiting reader is woken, and closes the socket."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if not self._waiting:
            with suppress(OSError):
                self._socket.close()

    def _wait(self, wait: Wait, *, write: bool = False, tick: float | None = None) -> bool:
        self._waiting = True
        try:
            return self._closed or wait.ready(self, write=write, tick=tick)
        finally:
            self._waiting = False


def open_connection(origin: Origin, wait: Wait, tls: TLS) -> Connection:
    """A connection to the first address that takes it. Raises OSError of the last one, Timeout by the connect clock.

    With pinned addresses the name is used for TLS alone, and the socket's peer is compared with them.
    """
    wait.stopwatch.begin("connect")
    addresses = origin.pinned or resolve(origin.host, origin.port, wait.stopwatch)
    connected = _connect_any(addresses, origin, wait)
    if origin.scheme != "https":
        return Connection(connected, origin)
    connection = None
    try:
        connection = Connection(tls.wrap(connected, origin), origin)
        connection.handshake(wait)
    except BaseException:
        (connection or connected).close()
        raise
    return connection


def _connect_any(addresses: Sequence[str], origin: Origin, wait: Wait) -> socket.socket:
    """Each address gets its share of the time that is left, so that a dead first one does not use it up."""
    failure: OSError | None = None
    for index, address in enumerate(addresses):
        left = wait.stopwatch.left()
        share = None if left is None or index == len(addresses) - 1 else left / (len(addresses) - index)
        try:
            return _connect(address, origin, wait, share)
        except OSError as exception:
            failure = exception
    raise failure or socket.gaierror(socket.EAI_NONAME, "the name has no address")


def _connect(address: str, origin: Origin, wait: Wait, share: float | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with suppress(BlockingIOError):
            connecting.connect((address, origin.port))
        _await_peer(connecting, address, origin, wait, share)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _await_peer(connecting: socket.socket, address: str, origin: Origin, wait: Wait, share: float | None) -> None:
    if not wait.ready(connecting, write=True, tick=share):
        raise TimeoutError("no answer from this address")
    code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "the connection failed")
    if origin.pinned is not None and connecting.getpeername()[0] != address:
        raise ConnectionAbortedError("the connection leads to another address than the one that was checked")
