"""Waiting for two sockets at once: the same under the system's poll and, in a process of its own, under gevent's hub."""

import socket
from collections.abc import Iterator

import pytest

from proxy.transport.http1.readiness import open_readiness
from proxy.transport.http1.waiting import Ready

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def upstream() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def client() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_nothing_is_found_when_both_are_silent(upstream: Pair, client: Pair) -> None:
    assert open_readiness(client[0].fileno()).wait(upstream[0], False, 0.01) is Ready.NOTHING


def test_the_socket_is_found_when_it_has_bytes(upstream: Pair, client: Pair) -> None:
    upstream[1].send(b"x")
    assert open_readiness(client[0].fileno()).wait(upstream[0], False, 5) is Ready.SOCKET


def test_the_socket_is_found_when_it_takes_bytes(upstream: Pair) -> None:
    assert open_readiness(None).wait(upstream[0], True, 5) is Ready.SOCKET


def test_the_client_is_found_when_it_leaves(upstream: Pair, client: Pair) -> None:
    client[1].close()
    assert open_readiness(client[0].fileno()).wait(upstream[0], False, 5) is Ready.CLIENT


def test_the_client_is_not_found_when_it_was_forgotten(upstream: Pair, client: Pair) -> None:
    readiness = open_readiness(client[0].fileno())
    client[1].send(b"more")
    assert readiness.wait(upstream[0], False, 5) is Ready.CLIENT
    readiness.forget_client()
    assert readiness.wait(upstream[0], False, 0.01) is Ready.NOTHING


def test_each_wait_finds_its_own_when_there_are_many(upstream: Pair, client: Pair) -> None:
    readiness = open_readiness(client[0].fileno())
    for _ in range(3):
        assert readiness.wait(upstream[0], False, 0.01) is Ready.NOTHING
        upstream[1].send(b"x")
        assert readiness.wait(upstream[0], False, 5) is Ready.SOCKET
        assert upstream[0].recv(10) == b"x"


def test_the_next_socket_is_found_when_it_has_the_number_of_one_that_was_closed(upstream: Pair) -> None:
    readiness = open_readiness(None)
    assert readiness.wait(upstream[0], False, 0.01) is Ready.NOTHING
    number = upstream[0].fileno()
    upstream[0].close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # The system gives the lowest number that is free.
        assert ours.fileno() == number
        theirs.send(b"x")
        assert readiness.wait(ours, False, 5) is Ready.SOCKET
