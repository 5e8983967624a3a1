"""All workers of a host count together, and what a killed one has reserved comes back."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.counters import host, rules, segments
from proxy.counters.host import REAP_SECONDS, HostCounters
from proxy.counters.store import CounterStore
from proxy.counters.values import LIFETIME, Amounts, Reservation, Usage
from tests.counters.stores import START, call, limit, redis_counters, wait_until

FORK = multiprocessing.get_context("fork")
LIMITS = (
    limit("key", "spend", 900, LIFETIME),
    limit("team", "parallel", 100),
    limit("user", "requests", 100),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "host.counters"


def in_processes(number: int, work: Callable[[], int]) -> int:
    results = FORK.SimpleQueue()
    workers = [FORK.Process(target=lambda: results.put(work())) for _ in range(number)]
    for worker in workers:
        worker.start()
    total = sum(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


@pytest.mark.parametrize("build", ["host", "redis"])
def test_exactly_what_the_budget_pays_passes_when_four_processes_reserve_at_once(
    build: str, path: Path, request: pytest.FixtureRequest
) -> None:
    port = request.getfixturevalue("port") if build == "redis" else 0

    def open_store() -> CounterStore:
        return HostCounters(path) if build == "host" else redis_counters(port, HostCounters(path))

    def work() -> int:
        store, passed = open_store(), 0
        for _ in range(10):
            reservation = store.reserve(LIMITS, call(0, 70), time.time())
            if isinstance(reservation, Reservation):
                passed += 1
                store.settle(reservation, call(0, 70), time.time())
        wait_until(
            lambda: (
                build == "host" or (store._pending.empty() and not any(one.change for one in store._waiting.values()))
            )
        )  # type: ignore[attr-defined]
        return passed

    assert in_processes(4, work) == 900 // 70
    store = open_store()
    wait_until(lambda: store.read(LIMITS[:2], time.time()) == [Usage(12 * 70, 0), Usage(0, 0)])


def killed_within(path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, before: bool) -> None:
    """Another process reserves and settles, and is killed in that step."""
    do = getattr(owner, step)

    def end(*arguments: object) -> None:
        if not before:
            do(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        other = HostCounters(path)
        monkeypatch.setattr(owner, step, end)
        reservation = other.reserve((limit("tag", "spend", 500), *LIMITS), call(0, 70), time.time())
        assert isinstance(reservation, Reservation)
        other.settle(reservation, call(0, 50), time.time())

    worker = FORK.Process(target=work)
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (HostCounters, "_store"),
        (HostCounters, "_hold"),
        (HostCounters, "_let_go"),
        (segments.SegmentFile, "write_hold"),
        (segments.SegmentFile, "insert"),
        (segments.SegmentFile, "claim"),
        (HostCounters, "_settle"),
        (rules, "take"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_nothing_stays_reserved_when_a_process_is_killed_within_a_step(
    path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, before: bool
) -> None:
    store = HostCounters(path)
    mine = store.reserve(LIMITS, call(0, 100), time.time())
    assert isinstance(mine, Reservation)
    killed_within(path, monkeypatch, owner, step, before)
    later = time.time() + 2 * REAP_SECONDS
    spent = store.read(LIMITS[:2], later)[0].spent
    assert store.read(LIMITS[:2], later) == [Usage(spent, 100), Usage(0, 1)]
    assert spent in (0, 50)
    store.settle(mine, call(0, 100), later)
    assert store.read(LIMITS[:2], later) == [Usage(spent + 100, 0), Usage(0, 0)]


class DyingNumbers:
    """Writes some rows, and then the process is killed."""

    def __init__(self, writes: int) -> None:
        self._left = writes

    def pack_into(self, *arguments: object) -> None:
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1
        segments.NUMBERS.pack_into(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("writes", range(2 * len(LIMITS)))
def test_nothing_stays_reserved_when_a_process_is_killed_between_two_rows(
    path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    store = HostCounters(path)
    mine = store.reserve(LIMITS, call(0, 100), time.time())
    assert isinstance(mine, Reservation)

    def work() -> None:
        other = HostCounters(path)
        known = other.reserve(LIMITS, call(0, 70), time.time())
        assert isinstance(known, Reservation)
        other.settle(known, call(0, 50), time.time())
        monkeypatch.setattr(host, "NUMBERS", DyingNumbers(writes))
        reservation = other.reserve(LIMITS, call(0, 70), time.time())
        assert isinstance(reservation, Reservation)
        other.settle(reservation, call(0, 50), time.time())

    worker = FORK.Process(target=work)
    worker.start()
    worker.join()
    later = time.time() + 2 * REAP_SECONDS
    store.read(LIMITS[:2], later)
    usages = store.read(LIMITS[:2], later)
    assert [usage.reserved for usage in usages] == [100, 1]
    assert usages[0].spent in (50, 100)


def test_what_a_killed_process_reserved_comes_back_when_others_go_on(path: Path) -> None:
    ready = FORK.Event()

    def work() -> None:
        store = HostCounters(path)
        for _ in range(5):
            store.reserve(LIMITS, call(0, 100), time.time())
        ready.set()
        signal.pause()

    worker = FORK.Process(target=work)
    worker.start()
    ready.wait()
    store = HostCounters(path)
    assert store.read(LIMITS[:2], time.time()) == [Usage(0, 500), Usage(0, 5)]
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    later = time.time() + 2 * REAP_SECONDS
    assert store.read(LIMITS[:2], later) == [Usage(0, 0), Usage(0, 0)]


def test_a_child_counts_as_itself_when_the_store_was_opened_before_the_fork(path: Path) -> None:
    store = HostCounters(path)
    mine = store.reserve(LIMITS, call(0, 100), time.time())
    worker = FORK.Process(target=lambda: store.reserve(LIMITS, call(0, 50), time.time()))
    worker.start()
    worker.join()
    later = time.time() + 2 * REAP_SECONDS
    assert store.read(LIMITS[:1], later) == [Usage(0, 100)]
    assert isinstance(mine, Reservation)
    store.settle(mine, call(0, 1), later)
    assert store.read(LIMITS[:1], later) == [Usage(1, 0)]


def test_spend_is_still_there_when_all_processes_are_new(path: Path) -> None:
    first = HostCounters(path)
    reservation = first.reserve(LIMITS, call(0, 100), START)
    assert isinstance(reservation, Reservation)
    first.settle(reservation, call(0, 60), START)
    first.close()
    assert HostCounters(path).read(LIMITS[:1], START) == [Usage(60, 0)]


def test_the_file_grows_and_no_spend_is_lost_when_there_are_very_many_subjects(path: Path) -> None:
    store, other = HostCounters(path, rows=64, chunks=1), HostCounters(path, rows=64, chunks=1)
    budgets = [
        LIMITS[0]._replace(counter=LIMITS[0].counter._replace(id=f"key-{number}"), maximum=10) for number in range(3000)
    ]
    open_calls = [store.reserve([budget], call(0, 7), START) for budget in budgets]
    for reservation in open_calls[::2]:
        assert isinstance(reservation, Reservation)
        other.settle(reservation, call(0, 5), START)
    assert other.read(budgets, START) == [Usage(0, 7) if number % 2 else Usage(5, 0) for number in range(3000)]
    assert int(store.facts()["segments"]) > 3
    assert store.facts()["rows_beyond"] == 0


def test_the_file_stays_small_when_rows_are_at_rest(path: Path) -> None:
    store = HostCounters(path, rows=64, chunks=1)
    for number in range(5000):
        subject = LIMITS[2]._replace(counter=LIMITS[2].counter._replace(id=f"user-{number}"))
        reservation = store.reserve([subject, LIMITS[0]], call(0, 0), START + number * 10)
        assert isinstance(reservation, Reservation)
        store.settle(reservation, call(0, 0), START + number * 10)
    assert store.facts()["segments"] == 1


def test_each_process_counts_for_itself_when_the_file_can_not_grow(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(segments, "MOST_SEGMENTS", 1)
    store = HostCounters(path, rows=64, chunks=1)
    budgets = [LIMITS[0]._replace(counter=LIMITS[0].counter._replace(id=f"key-{number}")) for number in range(200)]
    calls = [store.reserve([budget], call(0, 7), START) for budget in budgets]
    assert store.read(budgets, START) == [Usage(0, 7)] * 200
    for reservation in calls:
        assert isinstance(reservation, Reservation)
        store.settle(reservation, call(0, 5), START)
    assert store.read(budgets, START) == [Usage(5, 0)] * 200
    assert len(caplog.records) == 1


def test_a_file_of_another_kind_is_refused_when_it_is_opened(path: Path) -> None:
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(OSError, match="not a file of counters"):
        HostCounters(path)


def test_threads_do_not_disturb_each_other_when_the_host_shares(path: Path) -> None:
    store = HostCounters(path)

    def work() -> None:
        for _ in range(50):
            reservation = store.reserve(LIMITS[:2], call(0, 1), START)
            assert isinstance(reservation, Reservation)
            store.settle(reservation, Amounts(), START)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(LIMITS[:2], START) == [Usage(400, 0), Usage(0, 0)]
