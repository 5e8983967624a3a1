"""How long a client may keep us waiting, on a clock that the test moves."""

import socket
import threading
from collections.abc import Iterator

import pytest

from proxy.web.client_timeouts import ClientTimeouts, Deadline


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(1)
        yield ours, theirs


def start(clock: Clock, client: socket.socket | None, seconds: float) -> tuple[ClientTimeouts, Deadline]:
    patience = ClientTimeouts(clock.monotonic, _for_ever, seconds, seconds)
    return patience, patience.sending(client)


def _for_ever(seconds: float) -> None:
    """The thread never looks by itself: the test calls what it would call."""
    threading.Event().wait()


def test_client_is_cut_when_it_is_late(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    patience, deadline = start(clock, pair[0], 5.0)
    deadline.begin()
    clock.now = 4.9
    patience.cut_late()
    assert not deadline.expired
    clock.now = 5.0
    patience.cut_late()
    assert deadline.expired
    assert pair[1].recv(1) == b""


def test_client_is_left_alone_when_the_wait_has_ended(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    patience, deadline = start(clock, pair[0], 5.0)
    deadline.begin()
    deadline.end()
    clock.now = 100.0
    patience.cut_late()
    assert not deadline.expired


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_nobody_is_cut_when_there_is_no_limit_or_no_socket(
    pair: tuple[socket.socket, socket.socket], seconds: float
) -> None:
    clock = Clock()
    patience, deadline = start(clock, None if seconds else pair[0], seconds)
    deadline.begin()
    clock.now = 1e9
    patience.cut_late()
    assert not deadline.expired


def test_nothing_is_raised_when_the_client_has_left_already(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    patience, deadline = start(clock, pair[0], 1.0)
    deadline.begin()
    pair[0].close()
    clock.now = 2.0
    patience.cut_late()
    assert deadline.expired
