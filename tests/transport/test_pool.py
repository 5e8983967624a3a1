"""Pool: what may be used again, and for how long."""

import os

import pytest

from proxy.transport.http1.connection import Connection
from proxy.transport.http1.pool import Pool
from proxy.transport.origin import Origin

ORIGIN = Origin("http", "a.example", 80)


class FakeConnection(Connection):
    """A connection without a socket."""

    def __init__(self, origin: Origin = ORIGIN) -> None:
        self.origin = origin
        self.idle_since = None
        self.quiet = True
        self.closed = False

    def is_quiet(self) -> bool:
        return self.quiet

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_newest_is_taken_when_there_are_several() -> None:
    pool, old, new = Pool(Clock()), FakeConnection(), FakeConnection()
    pool.put(old)
    pool.put(new)
    assert [pool.take(ORIGIN), pool.take(ORIGIN), pool.take(ORIGIN)] == [new, old, None]


@pytest.mark.parametrize(
    "other",
    [
        ORIGIN._replace(scheme="https"),
        ORIGIN._replace(host="b.example"),
        ORIGIN._replace(port=81),
        ORIGIN._replace(verify=False),
        ORIGIN._replace(cert="client.pem"),
        ORIGIN._replace(pinned=("192.0.2.1",)),
    ],
)
def test_nothing_is_shared_when_the_origin_differs_in_anything(other: Origin) -> None:
    pool = Pool(Clock())
    pool.put(FakeConnection(other))
    assert pool.take(ORIGIN) is None


def test_a_connection_is_closed_when_it_has_said_something_while_idle() -> None:
    pool, connection = Pool(Clock()), FakeConnection()
    pool.put(connection)
    connection.quiet = False
    assert pool.take(ORIGIN) is None
    assert connection.closed


def test_a_connection_is_closed_when_it_was_idle_for_too_long() -> None:
    clock, connection = Clock(), FakeConnection()
    pool = Pool(clock, keep=60)
    pool.put(connection)
    clock.now += 60
    assert pool.take(ORIGIN) is None
    assert connection.closed


def test_old_connections_are_closed_when_their_origin_is_never_asked_again() -> None:
    clock = Clock()
    pool = Pool(clock, keep=60)
    old = [FakeConnection(ORIGIN._replace(host=f"{index}.example")) for index in range(50)]
    for connection in old:
        pool.put(connection)
    clock.now += 61
    for _ in old:
        pool.put(FakeConnection())
    assert all(connection.closed for connection in old)


def test_the_least_recent_is_closed_when_there_are_too_many() -> None:
    pool = Pool(Clock(), most=10)
    made = [FakeConnection(ORIGIN._replace(host=f"{index}.example")) for index in range(100)]
    for connection in made:
        pool.put(connection)
    assert [connection.closed for connection in made] == [True] * 90 + [False] * 10


def test_all_are_closed_when_the_pool_is() -> None:
    pool, connection = Pool(Clock()), FakeConnection()
    pool.put(connection)
    pool.close()
    assert connection.closed
    assert pool.take(ORIGIN) is None


def test_a_child_finds_nothing_when_the_process_has_forked() -> None:
    pool = Pool(Clock())
    pool.put(FakeConnection())
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.take(ORIGIN) is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.take(ORIGIN) is not None
