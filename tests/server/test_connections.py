"""Idle connections and slow heads can't fill a worker, and connections fit into the descriptors that there are."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.server import descriptors
from proxy.server.connections import HEAD_SECONDS, Connections, limit_sends


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Socket:
    """A socket that notes that it was shut down."""

    def __init__(self) -> None:
        self.is_shut = False

    def shutdown(self, how: int) -> None:
        self.is_shut = True

    def dup(self) -> "Socket":
        return self

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None: ...


def build(places: int = 8, threads: int = 64, **more: Any) -> tuple[Connections, Clock]:
    clock = Clock()
    worker = SimpleNamespace(
        cfg=SimpleNamespace(worker_connections=places, threads=threads, http_protocols="h1"), **more
    )
    return Connections(worker, set(), clock), clock


def request_of(sock: Socket) -> Any:
    return SimpleNamespace(unreader=SimpleNamespace(sock=sock))


def test_connection_is_closed_when_its_head_does_not_come() -> None:
    connections, clock = build()
    silent, served = Socket(), Socket()
    connections.enter(silent)
    connections.enter(served)
    connections.begin(request_of(served))
    clock.now += HEAD_SECONDS - 0.1
    connections.close_late()
    assert not silent.is_shut
    clock.now += 0.2
    connections.close_late()
    assert silent.is_shut
    assert not served.is_shut


def test_heads_are_given_less_time_when_they_have_all_threads() -> None:
    connections, clock = build(100, 4, pending_conns=[], keepalived_conns=[], nr_conns=4)
    silent = [Socket() for _ in range(4)]
    for sock in silent[:3]:
        connections.enter(sock)
    clock.now += 1.1
    connections.close_late()
    assert not any(sock.is_shut for sock in silent)
    connections.enter(silent[3])
    connections.close_late()
    assert [sock.is_shut for sock in silent] == [True, True, True, False]


def test_running_request_is_never_closed_however_full_a_worker_is() -> None:
    connections, clock = build(8)
    busy = [Socket() for _ in range(20)]
    for sock in busy:
        connections.enter(sock)
        connections.begin(request_of(sock))
    clock.now += 1000
    connections.close_late()
    assert not any(sock.is_shut for sock in busy)


def test_silent_connections_go_first_when_a_worker_is_nearly_full() -> None:
    connections, _ = build(8)
    good = [Socket() for _ in range(3)]
    for sock in good:
        connections.enter(sock)
        request = request_of(sock)
        connections.begin(request)
        connections.end(request)
    silent = [Socket() for _ in range(2000)]
    for sock in silent:
        connections.enter(sock)
    assert sum(not sock.is_shut for sock in silent) == 3
    assert not silent[-1].is_shut
    assert not any(sock.is_shut for sock in good)


def test_oldest_idle_connection_goes_when_all_have_been_served() -> None:
    connections, _ = build(8)
    served = [Socket() for _ in range(10)]
    for sock in served:
        connections.enter(sock)
        request = request_of(sock)
        connections.begin(request)
        connections.end(request)
    assert [sock.is_shut for sock in served[:3]] == [True, True, True]
    assert not served[-1].is_shut


def test_closed_connection_is_forgotten() -> None:
    connections, _ = build()
    sock = Socket()
    connections.enter(sock)
    connections.leave(sock)
    assert not connections._new and not connections._idle


def test_poller_gives_silent_connections_the_time_of_a_head_and_drops_the_first_when_it_is_full() -> None:
    woken: list[Any] = []
    threaded = {"method_queue": SimpleNamespace(defer=woken.append), "threads": 4}
    pending = [SimpleNamespace(timeout=1075.0) for _ in range(6)]
    kept = [SimpleNamespace(timeout=1075.0) for _ in range(6)]
    connections, clock = build(8, pending_conns=pending, keepalived_conns=kept, nr_conns=14, **threaded)
    connections.close_late()
    assert [connection.timeout for connection in pending] == [clock.now] * 5 + [clock.now + HEAD_SECONDS]
    assert [connection.timeout for connection in kept] == [clock.now] * 3 + [1075.0] * 3
    assert len(woken) == 1
    later, _ = build(80, pending_conns=[SimpleNamespace(timeout=1075.0)], keepalived_conns=kept, nr_conns=2, **threaded)
    later.close_late()
    assert later._worker.pending_conns[0].timeout == 1000.0 + HEAD_SECONDS


def test_handling_is_watched_in_both_forms_of_it() -> None:
    seen: list[Any] = []
    worker = SimpleNamespace(
        cfg=SimpleNamespace(worker_connections=8, http_protocols="h1"), handle=lambda *given: seen.append(given)
    )
    connections = Connections(worker, set())
    connections.install()
    sock = Socket()
    worker.handle("listener", sock, "address")
    worker.handle(SimpleNamespace(sock=sock))
    assert len(seen) == 2
    assert not connections._new


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_accepted_connections_inherit_the_limit_of_sends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        limit_sends([SimpleNamespace(sock=listener)], 75)
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
            accepted = listener.accept()[0]
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 75_000
            accepted.close()


@pytest.mark.parametrize(
    ("connections", "available", "fitting"),
    [(2000, 65_536, 2000), (2000, 256, 96), (2000, 1024, 480), (50, 256, 50), (50, 10, 16)],
)
def test_connections_fit_into_the_descriptors(connections: int, available: int, fitting: int) -> None:
    found = descriptors.fit(connections, available)
    assert found.connections == fitting
    assert (found.warning is None) == (fitting == connections)


def test_limit_is_raised_as_far_as_the_system_allows() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[0]), before[1]))
    try:
        assert descriptors.raise_limit() == min(before[1], 65_536) or before[1] == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
