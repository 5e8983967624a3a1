"""What the shared state costs a request: reserve and settle, in one process and in four at once.

    python bench/state.py

Prints, per store: microseconds a request (mean, median, 99th percentile) and whether exactly the limit passed when all
processes asked at once. The SQLite store exists only here: it was measured and not taken.
"""

import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from proxy.routing.state import memory as rules
from proxy.routing.state.budget import Spending
from proxy.routing.state.host import HostState
from proxy.routing.state.memory import MemoryState
from proxy.routing.state.values import (
    BudgetRule,
    DeploymentState,
    Limits,
    Refusal,
    Reservation,
    ReservationRequest,
    TryResult,
)

BUDGET = BudgetRule("g", 0.2, 10)
DONE = TryResult(failed=False, tokens=30, latency=0.1)
REQUESTS = 4000
PROCESSES = 4
PASSING = 1000
FORK = multiprocessing.get_context("fork")


class SQLiteState:
    """The same rules upon rows of a table in WAL mode, without waiting for the disk: the best that SQLite can do here."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("CREATE TABLE IF NOT EXISTS rows (name TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID")

    def reserve(self, request: ReservationRequest, now: float) -> Reservation | Refusal:
        self._connection.execute("BEGIN IMMEDIATE")
        row, spending = self._deployment(request.deployment), self._spending(request.budget.key)
        answer = rules.reserve(row, spending, request, now)
        if isinstance(answer, Reservation):
            self._store(request.deployment, bytes(row))
            self._store(request.budget.key, bytes(spending))
        self._connection.execute("COMMIT")
        return answer

    def settle(self, reservation: Reservation, finish: TryResult, now: float) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        row = self._deployment(reservation.deployment)
        rules.settle(row, reservation, finish, now)
        self._store(reservation.deployment, bytes(row))
        self._connection.execute("COMMIT")

    def _content(self, name: str) -> bytes | None:
        row = self._connection.execute("SELECT content FROM rows WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _deployment(self, name: str) -> DeploymentState:
        content = self._content(name)
        return DeploymentState() if content is None else DeploymentState.from_buffer_copy(content)

    def _spending(self, name: str) -> Spending:
        content = self._content(name)
        return Spending() if content is None else Spending.from_buffer_copy(content)

    def _store(self, name: str, content: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO rows VALUES (?, ?)", (name, content))


Store = MemoryState | HostState | SQLiteState


def work(store: Store, limit: int | None) -> tuple[list[float], int]:
    """(microseconds of each request, how many passed)."""
    request = ReservationRequest("a", Limits(rpm=limit), 10, BUDGET)
    # One minute for all: what is counted is whether the limit holds, not when it begins anew.
    now = 1_700_000_040.0
    times, passed = [], 0
    for _ in range(REQUESTS):
        started = time.perf_counter()
        reservation = store.reserve(request, now)
        if isinstance(reservation, Reservation):
            passed += 1
            store.settle(reservation, DONE, now)
        times.append((time.perf_counter() - started) * 1e6)
    return times, passed


def in_processes(build: Callable[[], Store], limit: int | None) -> tuple[list[float], int]:
    """The same in several processes at once."""
    results = FORK.SimpleQueue()
    workers = [FORK.Process(target=lambda: results.put(work(build(), limit))) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return [one for times, _ in found for one in times], sum(passed for _, passed in found)


def show(name: str, times: list[float], remark: str = "") -> None:
    ordered = sorted(times)
    mean, median, late = statistics.mean(ordered), statistics.median(ordered), ordered[int(0.99 * len(ordered))]
    print(f"{name:32} mean {mean:7.1f}  median {median:7.1f}  p99 {late:8.1f} us  {remark}")


def main() -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        place = Path(folder)
        show("memory, 1 process", work(MemoryState(), None)[0])
        for name, build in (("mapped file", HostState), ("sqlite wal", SQLiteState)):
            show(f"{name}, 1 process", work(build(place / f"{name}-one"), None)[0])
            show(
                f"{name}, {PROCESSES} processes", in_processes(lambda b=build, n=name: b(place / f"{n}-many"), None)[0]
            )
            times, passed = in_processes(lambda b=build, n=name: b(place / f"{n}-limit"), PASSING)
            show(f"{name}, {PROCESSES} at a limit", times, f"{passed} of {PASSING} passed")


if __name__ == "__main__":
    main()
