"""Waits for the first of two sockets, the provider's or the client's, by the way that fits the worker class."""

import select
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from proxy.transport.http1.waiting import Readiness, Ready, Waitable


class PollReadiness:
    """The system's own poll."""

    __slots__ = ("_client",)

    def __init__(self, client: int | None) -> None:
        self._client = client

    def wait(self, socket: Waitable, write: bool, seconds: float | None) -> Ready:
        fileno = socket.fileno()
        poll = select.poll()
        poll.register(fileno, select.POLLOUT if write else select.POLLIN)
        if self._client is not None:
            poll.register(self._client, select.POLLIN)
        found = poll.poll(None if seconds is None else seconds * 1000)
        if not found:
            return Ready.NOTHING
        return Ready.SOCKET if any(number == fileno for number, _ in found) else Ready.CLIENT

    def give_way(self) -> None:
        """Nothing: the interpreter preempts threads."""

    def forget_client(self) -> None:
        self._client = None


def open_readiness(client: int | None) -> Readiness:
    """`client` is the descriptor of the client's socket, None where there is none to look at."""
    return _find_readiness()(client)


@lru_cache(maxsize=1)
def _find_readiness() -> Callable[[int | None], Readiness]:
    """gevent puts its own `select.poll` in the place of the system's when it runs the process: its hub has to wait then."""
    if select.poll.__module__ != "gevent.select":
        return PollReadiness
    from proxy.transport.http1.gevent_readiness import HubReadiness  # noqa: PLC0415  only where gevent runs the worker

    return HubReadiness


def open_look(socket: Waitable) -> Callable[[float], list[Any]]:
    """Called with 0, for as long as the socket is open: something where bytes have come, or the other side has closed.

    Waits for nothing. Raises ValueError for a socket that is closed already.
    """
    poll = _system_poll()()
    poll.register(socket, select.POLLIN)
    look: Callable[[float], list[Any]] = poll.poll
    return look


def is_readable(socket: Waitable) -> bool:
    """One look. Raises ValueError for a closed socket."""
    return bool(open_look(socket)(0))


@lru_cache(maxsize=1)
def _system_poll() -> Callable[[], Any]:
    """select.poll as the system has it, now and later: gevent's own makes watchers for a look that waits for nothing."""
    monkey: Any = sys.modules.get("gevent.monkey")
    found: Callable[[], Any] = select.poll if monkey is None else monkey.get_original("select", "poll")
    return found
