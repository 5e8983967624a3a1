"""Is the client still there? A look at its socket, without taking anything out of it."""

import socket
from collections.abc import Mapping
from typing import Any

from proxy.transport.http1.readiness import is_readable


class SocketWatch:
    """The client's socket, as gunicorn hands it on.

    A client that half-closes its side looks like one that left; HTTP clients that wait for an answer don't.
    """

    __slots__ = ("_socket",)

    def __init__(self, client_socket: socket.socket) -> None:
        self._socket = client_socket

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> "SocketWatch | None":
        """None under servers that don't show their socket, and behind TLS, where a peek sees only noise."""
        client_socket = environ.get("gunicorn.socket")
        if client_socket is None or environ.get("wsgi.url_scheme") == "https":
            return None
        return cls(client_socket)

    def gone(self) -> bool:
        try:
            # Only a readable socket is looked into: a gevent socket would wait where there is nothing.
            return is_readable(self._socket) and self._socket.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    def fileno(self) -> int | None:
        descriptor = self._socket.fileno()
        return descriptor if descriptor >= 0 else None
