"""Names into addresses: the connect clock holds although the resolver can't be interrupted."""

import socket
import threading
import time
from collections.abc import Sequence

import pytest

from proxy.domain.wire import Clocks
from proxy.errors import Timeout
from proxy.transport.clocks import Stopwatch
from proxy.transport.resolve import resolve


def watch(connect: float | None) -> Stopwatch:
    return Stopwatch(Clocks(connect=connect), time.monotonic, "a.example")


def test_an_address_is_its_own_when_it_is_asked_for() -> None:
    def ask(host: str, port: int) -> Sequence[str]:
        raise AssertionError("nobody is to be asked")

    assert resolve("192.0.2.1", 80, watch(1), ask) == ("192.0.2.1",)
    assert resolve("2001:db8::1", 80, watch(1), ask) == ("2001:db8::1",)


@pytest.mark.parametrize("connect", [None, 5.0])
def test_the_answer_is_the_resolvers_when_it_has_one(connect: float | None) -> None:
    assert resolve("a.example", 80, watch(connect), lambda host, port: (host, str(port))) == ("a.example", "80")


@pytest.mark.parametrize("connect", [None, 5.0])
def test_the_error_is_the_resolvers_when_there_is_no_such_name(connect: float | None) -> None:
    def ask(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        resolve("a.example", 80, watch(connect), ask)


def test_the_error_is_the_same_when_it_cannot_be_a_name() -> None:
    with pytest.raises(socket.gaierror):
        resolve("a" * 70 + ".example", 80, watch(5))


def test_the_try_ends_at_its_clock_when_the_resolver_hangs() -> None:
    let_go = threading.Event()

    def ask(host: str, port: int) -> Sequence[str]:
        let_go.wait()
        return ()

    with pytest.raises(Timeout, match=r"did not accept a connection within 0.05 s"):
        resolve("a.example", 80, watch(0.05), ask)
    let_go.set()
