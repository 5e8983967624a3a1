"""A Redis that answers nonsense is a dead Redis: the host's own counts hold, nothing is raised, and threads live."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("redis")

from proxy.counters.redis import RedisCounters
from proxy.counters.redis_client import REST_SECONDS, build_client
from proxy.counters.store import MemoryCounters
from proxy.counters.values import LIFETIME, Amounts, Reservation
from proxy.routing.state.memory import MemoryState
from proxy.routing.state.redis import RedisState
from proxy.routing.state.values import BudgetRule, Limits, Refusal, ReservationRequest, TryResult
from proxy.routing.state.values import Reservation as TryReservation
from tests.counters.stores import START, limit, wait_until

# What each of them answers to a command that is no part of the handshake.
KINDS: dict[str, bytes | Callable[[socket.socket], None]] = {
    "not the protocol": b"HTTP/1.1 200 OK\r\n\r\n<html>",
    "a number": b":7\r\n",
    "nothing": b"_\r\n",
    "an empty list": b"*0\r\n",
    "a word": b"+OK\r\n",
    "a map": b"%1\r\n+a\r\n+b\r\n",
    "a list in a list": b"*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n",
    "an unknown reason": b"*2\r\n$5\r\nweird\r\n$3\r\n1e9\r\n",
    "a time that is no number": b"*2\r\n$3\r\nrpm\r\n$3\r\nnan\r\n",
    "an endless time": b"*2\r\n$7\r\ncooling\r\n$5\r\n1e400\r\n",
    "bytes that are no text": b"*2\r\n$2\r\n\xff\xfe\r\n$1\r\n1\r\n",
    "negative numbers": b"*5\r\n$2\r\nok\r\n$2\r\n-1\r\n$2\r\n-1\r\n$2\r\n-1\r\n$2\r\n-1\r\n",
    "huge numbers": b"*5\r\n$2\r\nok\r\n" + b"$30\r\n" + b"9" * 30 + b"\r\n" + b"$1\r\n1\r\n" * 3,
    "a number of 5000 digits": b":" + b"9" * 5000 + b"\r\n",
    "a limit that there is not": b"*4\r\n$7\r\nrefused\r\n$2\r\n99\r\n$1\r\n1\r\n$1\r\n0\r\n",
    "lists of lists of lists": b"*1\r\n" * 20_000,
    "a map whose key is a list": b"%1\r\n*1\r\n:1\r\n+b\r\n",
    "an error": b"-ERR unknown command\r\n",
    "an error of a cluster": b"-MOVED 7 10.0.0.1:6379\r\n",
    "half an answer": b"*2\r\n$2\r\nok\r\n$100\r\nabc",
    "a length without an end": b"$99999999999\r\n",
    "pushed messages": b">1\r\n+x\r\n" * 1000,
}


class FakeRedis:
    """Shakes hands like Redis, then answers as it likes. `endless`: goes on sending zeros after the answer."""

    def __init__(self, answer: bytes, endless: bool = False) -> None:
        self._answer, self._endless = answer, endless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                if b"HELLO" in data.upper():
                    connection.sendall(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                elif b"CLIENT" in data:
                    connection.sendall(b"+OK\r\n" * data.count(b"CLIENT"))
                else:
                    connection.sendall(self._answer)
                    while self._endless:
                        connection.sendall(bytes(65536))
        except OSError:
            return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(params=[*KINDS, "an endless answer"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    endless = request.param == "an endless answer"
    answer = b"$99999999999\r\n" if endless else KINDS[request.param]
    assert isinstance(answer, bytes)
    server = FakeRedis(answer, endless)
    yield server.port
    server.close()


@pytest.fixture(autouse=True)
def no_thread_dies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    yield
    assert not died


def test_the_hosts_counters_hold_when_redis_answers_nonsense(port: int) -> None:
    store = RedisCounters(MemoryCounters(), build_client(None, answer_seconds=0.2, host="127.0.0.1", port=port))
    limits = limit("key", "spend", 500, LIFETIME), limit("key", "requests", 100)
    calls = [store.reserve(limits, Amounts(0, 100), START) for _ in range(8)]
    assert sum(isinstance(one, Reservation) for one in calls) == 5
    assert store.facts()["failures"] == 1
    # The writing thread, too, meets it when it is used again, and goes on.
    store._rests_until = 0.0
    for one in calls[:5]:
        assert isinstance(one, Reservation)
        store.settle(one, Amounts(0, 50), START)
    wait_until(lambda: store.facts()["failures"] >= 2)
    store.restore(limits[0], 20, START)
    store.reset(limits[1], START)
    assert store._host.read(limits[:1], START)[0].spent == 250
    assert store.facts()["unsent"] == 1
    assert any(thread.is_alive() for thread in threading.enumerate() if thread.name == "redis-counters")
    store.close()


def test_the_hosts_state_holds_when_redis_answers_nonsense(port: int) -> None:
    store = RedisState(MemoryState(), build_client(None, answer_seconds=0.2, host="127.0.0.1", port=port))
    request = ReservationRequest("a", Limits(rpm=3), 0, BudgetRule("g", 0.2, 10))
    tries = [store.reserve(request, START) for _ in range(5)]
    assert [isinstance(one, Refusal) for one in tries] == [False, False, False, True, True]
    assert store.facts()["failures"] == 1
    store._rests_until = 0.0
    assert isinstance(tries[0], TryReservation)
    store.settle(tries[0], TryResult(failed=False), START)
    store.view(["a"], START)
    wait_until(lambda: store.facts()["failures"] >= 2)
    assert store.view(["a"], START)[0].inflight == 2
    assert any(thread.is_alive() for thread in threading.enumerate() if thread.name == "redis-state")


def test_a_request_does_not_wait_long_when_an_answer_has_no_end() -> None:
    server = FakeRedis(b"$99999999999\r\n", endless=True)
    store = RedisCounters(MemoryCounters(), build_client(None, host="127.0.0.1", port=server.port))
    started = time.monotonic()
    assert isinstance(store.reserve([limit("key", "requests", 1)], Amounts(), START), Reservation)
    assert time.monotonic() - started < REST_SECONDS / 2
    server.close()


def test_the_port_of_a_redis_that_is_not_there_costs_one_failure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = RedisCounters(MemoryCounters(), build_client(None, host="127.0.0.1", port=port))
    assert all(
        isinstance(store.reserve([limit("a", "requests", 90)], Amounts(), START), Reservation) for _ in range(50)
    )
    assert store.facts()["failures"] == 1
