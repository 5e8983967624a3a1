"""How long a client may keep us waiting: to send its request's body, and to take what it is sent.

A thread checks all current waits and, where the time is over, shuts the client's socket down: that ends the wait
in any worker class. A request that does not wait costs two entries in a dictionary.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, Request, Response, request

# Answers up to this size fit into the kernel's buffers: sending them does not wait.
SMALL = 64 * 1024
_POLL = 0.25
Shrink = Callable[[Request, Response], Response]


class Deadline:
    """A wait that may begin and end many times; `expired` when it once took too long. Without a limit it never does."""

    __slots__ = ("_direction", "_limit", "_monotonic", "_socket", "_waits", "end_at", "expired")

    def __init__(
        self,
        waits: "dict[int, Deadline]",
        monotonic: Callable[[], float],
        client: socket.socket | None,
        limit: float,
        direction: int,
    ) -> None:
        self._waits = waits
        self._monotonic = monotonic
        self._socket = client
        self._limit = limit if client is not None else 0.0
        self._direction = direction
        self.end_at = 0.0
        self.expired = False

    def begin(self) -> None:
        if self._limit:
            self.end_at = self._monotonic() + self._limit
            self._waits[id(self)] = self

    def end(self) -> None:
        self._waits.pop(id(self), None)

    def cut(self) -> None:
        """A wait on the client's socket is woken, and finds it closed."""
        self.expired = True
        self.end()
        if self._socket is not None:
            # The client may have left in the meantime.
            with contextlib.suppress(OSError):
                self._socket.shutdown(self._direction)


class ClientTimeouts:
    """One per application. `receive` and `send` are seconds, 0 for no limit; its thread starts with the first request."""

    def __init__(
        self, monotonic: Callable[[], float], sleep: Callable[[float], None], receive: float, send: float
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._receive = receive
        self._send = send
        self._waits: dict[int, Deadline] = {}
        self._process: int | None = None

    def receiving(self, client: socket.socket | None) -> Deadline:
        """For reading a request's body."""
        return self._deadline(client, self._receive, socket.SHUT_RD)

    def sending(self, client: socket.socket | None) -> Deadline:
        """For writing an answer, or a piece of a stream."""
        return self._deadline(client, self._send, socket.SHUT_RDWR)

    def cut_late(self) -> None:
        """Cut those whose time is over."""
        now = self._monotonic()
        for deadline in list(self._waits.values()):
            if deadline.end_at <= now:
                deadline.cut()

    def _deadline(self, client: socket.socket | None, limit: float, direction: int) -> Deadline:
        if client is not None and self._process != os.getpid():
            self._process = os.getpid()
            threading.Thread(target=self._run, name="patience", daemon=True).start()
        return Deadline(self._waits, self._monotonic, client, limit, direction)

    def _run(self) -> None:
        while True:
            self._sleep(_POLL)
            self.cut_late()


class Sending:
    """A streamed body, with its own `close`, whose reader must take each piece in time."""

    def __init__(self, body: Any, deadline: Deadline) -> None:
        self._body = body
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        begin, end = self._deadline.begin, self._deadline.end
        for frames in self._body:
            begin()
            yield frames
            end()

    def close(self) -> None:
        self._deadline.end()
        self._body.close()


def install(app: Flask, patience: ClientTimeouts, shrink: Shrink = lambda _request, response: response) -> None:
    """Limit how long answers may take to be sent. Requests' bodies are read in body.py.

    `shrink` makes a large answer smaller, where it can.
    """

    @app.after_request
    def limit(response: Response) -> Response:
        body: Iterable[Any] = response.response
        if isinstance(body, list):
            if len(body) == 1 and len(body[0]) > SMALL:
                response = shrink(request, response)
                deadline = patience.sending(request.environ.get("gunicorn.socket"))
                response.call_on_close(deadline.end)
                deadline.begin()
        elif hasattr(body, "close"):
            response.response = Sending(body, patience.sending(request.environ.get("gunicorn.socket")))
        return response
