"""Is the client still there? A look at its socket, without taking anything out of it."""

import select
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any


def _system_poll() -> Callable[[], Any]:
    """select.poll as the system has it: gevent's own makes watchers for a look that waits for nothing."""
    monkey: Any = sys.modules.get("gevent.monkey")
    found: Callable[[], Any] = select.poll if monkey is None else monkey.get_original("select", "poll")
    return found


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
            poll = _system_poll()()
            poll.register(self._socket, select.POLLIN)
            # Only a readable socket is looked into: a gevent socket would wait where there is nothing.
            return bool(poll.poll(0)) and self._socket.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    def fileno(self) -> int | None:
        descriptor = self._socket.fileno()
        return descriptor if descriptor >= 0 else None
