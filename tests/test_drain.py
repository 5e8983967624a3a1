"""How a worker ends, without signals sent: who is told what, and when."""

import signal
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.server.drain import Drain, StopFlag, watch_arbiter


class Gateway:
    draining = False
    interrupted = 0

    def drain(self) -> None:
        self.draining = True

    def interrupt_streams(self) -> None:
        self.interrupted += 1


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """The signals that gunicorn's own handler got."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def handle_term() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert callable(handler)
    handler(signal.SIGTERM, None)


def arbiter(**changes: Any) -> SimpleNamespace:
    facts = {"reexec_pid": 0, "master_pid": 0, "systemd": False, **changes}
    return SimpleNamespace(**facts, cfg=SimpleNamespace(reuse_port=changes.get("reuse_port", False)))


def test_workers_are_told_when_the_whole_server_stops(stopped: list[int]) -> None:
    flag = watch_arbiter(arbiter())
    assert not flag
    handle_term()
    assert flag and stopped == [signal.SIGTERM]


@pytest.mark.parametrize("successor", [{"reexec_pid": 7}, {"master_pid": 7}, {"systemd": True}, {"reuse_port": True}])
def test_workers_stop_listening_at_once_when_somebody_takes_over(stopped: list[int], successor: dict[str, Any]) -> None:
    flag = watch_arbiter(arbiter(**successor))
    handle_term()
    assert not flag and stopped == [signal.SIGTERM]


def test_worker_goes_on_listening_and_says_so_when_the_server_stops(stopped: list[int]) -> None:
    gateway, flag = Gateway(), StopFlag()
    left = threading.Event()
    drain = Drain(gateway, flag, 30.0, left.set)
    request = object()
    drain.begin(request)
    drain.install()
    flag.raise_()
    handle_term()
    assert gateway.draining
    assert stopped == []
    drain.end(request)
    assert left.wait(10)
    assert stopped == [signal.SIGTERM]


def test_worker_stops_listening_and_refuses_nothing_when_it_is_replaced(stopped: list[int]) -> None:
    gateway = Gateway()
    drain = Drain(gateway, StopFlag(), 30.0, lambda: None)
    drain.begin("a request")
    drain.install()
    handle_term()
    assert not gateway.draining
    assert stopped == [signal.SIGTERM]
