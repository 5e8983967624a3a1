"""One truth for all workers of a host, with no server: rows in a file that every worker maps into its memory.

One lock on the file guards a step, so counts are exact; the system releases it when a worker dies. Calls in flight are
counted per process as well, so that those of a worker that was killed can be taken back. The file outlives a worker
and a reload. Measured against SQLite in bench/NOTES.md.
"""

import fcntl
import logging
import mmap
import os
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path
from typing import Any

from proxy.routing import budget, limits, state
from proxy.routing.budget import BUCKETS, Spending
from proxy.routing.processes import is_alive, start_time
from proxy.routing.standing import Ask, Finish, Lease, Refusal, Standing
from proxy.routing.state import MemoryState

_log = logging.getLogger("patchbay.routing")

LAYOUT = 1
PROCESSES = 256
REAP_SECONDS = 1.0

_STANDING = struct.Struct("<" + "".join("q" if field.type is int else "d" for field in fields(Standing)))
_SPENDING = struct.Struct(f"<{1 + 2 * BUCKETS}q")
_PROCESS = struct.Struct("<qq")
_COUNT = struct.Struct("<H")
_HEADER = struct.Struct("<8sqq")
_MAGIC = b"patchbay"

_KEY_SIZE = 16
_ROW_SIZE = max(_STANDING.size, _SPENDING.size)
_SLOT_SIZE = _KEY_SIZE + _ROW_SIZE + PROCESSES * _COUNT.size
_PROCESSES_AT = 64
_SLOTS_AT = _PROCESSES_AT + PROCESSES * _PROCESS.size
_EMPTY_KEY = bytes(_KEY_SIZE)
_values_of = attrgetter(*(field.name for field in fields(Standing)))


class HostStateError(RuntimeError):
    """The file can't be used, or is full; the message says which file and why."""


class HostState:
    """`path` is created when it is not there; `capacity` is the number of deployments and budgets that it can hold.

    What finds no place in it (a reload brought many more) is counted by this process alone. Raise HostStateError for a
    file that is somebody else's or of another layout.
    """

    def __init__(self, path: str | Path, capacity: int = 8192) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._file, self._capacity = _open(self._path, capacity)
        self._map = mmap.mmap(self._file, _SLOTS_AT + self._capacity * _SLOT_SIZE)
        self._slots: dict[str, int | None] = {}
        self._own = MemoryState()
        self._process = -1
        self._pid = 0
        self._reaped_at = 0.0
        self._told = False

    def view(self, deployments: Sequence[str], now: float) -> list[Standing]:
        with self._step(now):
            places = [self._slot("d:" + deployment) for deployment in deployments]
            standings = [
                self._own.view([deployment], now)[0] if at is None else self._load(at)
                for deployment, at in zip(deployments, places, strict=True)
            ]
        for standing in standings:
            limits.roll(standing, now)
        return standings

    def reserve(self, ask: Ask, now: float) -> Lease | Refusal:
        with self._step(now):
            at, budget_at = self._slot("d:" + ask.deployment), self._slot("b:" + ask.budget.key)
            if at is None or budget_at is None:
                return self._own.reserve(ask, now)
            standing, spending = self._load(at), self._load_spending(budget_at)
            answer = state.reserve(standing, spending, ask, now)
            if isinstance(answer, Lease):
                self._store(at, standing)
                self._store_spending(budget_at, spending)
                self._count(at, 1)
            return answer

    def settle(self, lease: Lease, finish: Finish, now: float) -> bool:
        with self._step(now):
            at = self._slot("d:" + lease.deployment)
            if at is None or self._slot("b:" + lease.budget.key) is None:
                return self._own.settle(lease, finish, now)
            standing = self._load(at)
            cools = state.settle(standing, lease, finish, now)
            self._store(at, standing)
            self._count(at, -1)
            return cools

    def cancel(self, lease: Lease, now: float) -> None:
        with self._step(now):
            at, budget_at = self._slot("d:" + lease.deployment), self._slot("b:" + lease.budget.key)
            if at is None or budget_at is None:
                self._own.cancel(lease, now)
                return
            standing, spending = self._load(at), self._load_spending(budget_at)
            state.cancel(standing, spending, lease, now)
            self._store(at, standing)
            self._store_spending(budget_at, spending)
            self._count(at, -1)

    def spending(self, key: str, now: float) -> tuple[int, int]:
        with self._step(now):
            at = self._slot("b:" + key)
            if at is None:
                return self._own.spending(key, now)
            spending = self._load_spending(at)
        budget.roll(spending, now)
        return sum(spending.firsts), sum(spending.extras)

    def facts(self) -> dict[str, Any]:
        return {"store": "host", "path": str(self._path)}

    def close(self) -> None:
        """The file stays: other workers, and the next ones, go on with it."""
        self._map.close()
        os.close(self._file)

    def _step(self, now: float) -> "_Step":
        """Alone among all threads of all processes. Nothing in a step may wait for anything."""
        return _Step(self._lock, self._file, self._prepare, now)

    def _prepare(self, now: float) -> None:
        if self._pid != os.getpid():
            self._join()
        if now - self._reaped_at >= REAP_SECONDS or now < self._reaped_at:
            self._reaped_at = now
            self._reap()

    def _slot(self, key: str) -> int | None:
        """Where the row of `key` is, None where there was no room; it never moves, so each process remembers it."""
        if key not in self._slots:
            self._slots[key] = self._find(blake2b(key.encode(), digest_size=_KEY_SIZE).digest())
        return self._slots[key]

    def _find(self, digest: bytes) -> int | None:
        first = int.from_bytes(digest[:8], "little")
        for step in range(self._capacity):
            at = _SLOTS_AT + (first + step) % self._capacity * _SLOT_SIZE
            found = self._map[at : at + _KEY_SIZE]
            if found == digest:
                return at
            if found == _EMPTY_KEY:
                self._map[at : at + _KEY_SIZE] = digest
                return at
        if not self._told:
            self._told = True
            _log.warning(
                "The workers share the state of %d deployments and groups; what is beyond is counted by each worker for "
                "itself until the next start.",
                self._capacity,
            )
        return None

    def _load(self, at: int) -> Standing:
        return Standing(*_STANDING.unpack_from(self._map, at + _KEY_SIZE))

    def _store(self, at: int, standing: Standing) -> None:
        _STANDING.pack_into(self._map, at + _KEY_SIZE, *_values_of(standing))

    def _load_spending(self, at: int) -> Spending:
        spending = Spending()
        spending.slot, *counts = _SPENDING.unpack_from(self._map, at + _KEY_SIZE)
        spending.firsts, spending.extras = counts[:BUCKETS], counts[BUCKETS:]
        return spending

    def _store_spending(self, at: int, spending: Spending) -> None:
        _SPENDING.pack_into(self._map, at + _KEY_SIZE, spending.slot, *spending.firsts, *spending.extras)

    def _count(self, at: int, change: int) -> None:
        """This process's own share of the calls in flight."""
        where = _inflight_at(at, self._process)
        _COUNT.pack_into(self._map, where, min(65535, max(0, _COUNT.unpack_from(self._map, where)[0] + change)))

    def _join(self) -> None:
        """Take a place in the table of processes: at the first step, and again in the child of a fork."""
        self._reap()
        own = (os.getpid(), start_time(os.getpid()))
        for process in range(PROCESSES):
            if _PROCESS.unpack_from(self._map, _process_at(process))[0] == 0:
                _PROCESS.pack_into(self._map, _process_at(process), *own)
                self._process, self._pid = process, own[0]
                return
        raise HostStateError(f"{self._path} has room for {PROCESSES} processes, and all of them live")

    def _reap(self) -> None:
        """Take back what processes had in flight that are no more."""
        for process in range(PROCESSES):
            pid, started = _PROCESS.unpack_from(self._map, _process_at(process))
            if pid and not is_alive(pid, started):
                self._take_back(process)
                _PROCESS.pack_into(self._map, _process_at(process), 0, 0)

    def _take_back(self, process: int) -> None:
        for at in range(_SLOTS_AT, _SLOTS_AT + self._capacity * _SLOT_SIZE, _SLOT_SIZE):
            where = _inflight_at(at, process)
            (lost,) = _COUNT.unpack_from(self._map, where)
            if lost:
                standing = self._load(at)
                standing.inflight = max(0, standing.inflight - lost)
                self._store(at, standing)
                _COUNT.pack_into(self._map, where, 0)


class _Step:
    """The lock of the threads and that of the processes, held for one `with`."""

    __slots__ = ("_file", "_lock", "_now", "_prepare")

    def __init__(self, lock: threading.Lock, file: int, prepare: Callable[[float], None], now: float) -> None:
        self._lock = lock
        self._file = file
        self._prepare = prepare
        self._now = now

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            self._prepare(self._now)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()


def _process_at(process: int) -> int:
    return _PROCESSES_AT + process * _PROCESS.size


def _inflight_at(slot: int, process: int) -> int:
    return slot + _KEY_SIZE + _ROW_SIZE + process * _COUNT.size


def _open(path: Path, capacity: int) -> tuple[int, int]:
    """(the file, its capacity). The first to come lays it out; it is sparse, so what is not used takes no room."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX)
        try:
            return file, _lay_out(file, path, capacity)
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN)
    except BaseException:
        os.close(file)
        raise


def _lay_out(file: int, path: Path, capacity: int) -> int:
    facts = os.fstat(file)
    if facts.st_uid != os.geteuid():
        raise HostStateError(f"{path} belongs to another user")
    if facts.st_size == 0:
        os.ftruncate(file, _SLOTS_AT + capacity * _SLOT_SIZE)
        os.pwrite(file, _HEADER.pack(_MAGIC, LAYOUT, capacity), 0)
        return capacity
    magic, layout, capacity = _HEADER.unpack(os.pread(file, _HEADER.size, 0))
    if magic != _MAGIC or layout != LAYOUT or facts.st_size != _SLOTS_AT + capacity * _SLOT_SIZE:
        raise HostStateError(f"{path} is not a state file of this version: remove it")
    return int(capacity)
