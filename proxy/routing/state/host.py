"""State shared by all workers of a host through a memory-mapped file: no server is needed.

One lock on the file guards a step, so counts are exact; the system releases it when a worker dies. Calls in flight are
counted per process as well, so that those of a worker that was killed can be taken back. The file outlives a worker
and a reload. Measured against SQLite in bench/NOTES.md.
"""

import logging
import mmap
import os
import struct
from collections.abc import Callable, Sequence
from ctypes import Array, c_uint16, sizeof
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from proxy.host.processes import is_alive, start_time
from proxy.host.shared_file import FileLock, SharedFileError, allocate, open_shared
from proxy.routing.state import budget, health, limits
from proxy.routing.state import memory as rules
from proxy.routing.state.budget import Spending
from proxy.routing.state.values import DeploymentState, Refusal, Reservation, ReservationRequest, TryResult

_log = logging.getLogger("patchbay.routing")

LAYOUT = 1
PROCESSES = 256
REAP_SECONDS = 1.0

_PROCESS = struct.Struct("<qq")
_HEADER = struct.Struct("<8sqq")
_MAGIC = b"patchbay"

# A slot: the key's digest, the row, the calls in flight of each process (a worker has far fewer than 65,536).
_Shares = c_uint16 * PROCESSES
_KEY_SIZE = 16
_SHARES_AT = _KEY_SIZE + max(sizeof(DeploymentState), sizeof(Spending))
_SLOT_SIZE = _SHARES_AT + sizeof(_Shares)
_PROCESSES_AT = 64
_SLOTS_AT = _PROCESSES_AT + PROCESSES * _PROCESS.size
_EMPTY_KEY = bytes(_KEY_SIZE)


class HostStateError(SharedFileError):
    """The file is not a state file, or has no place for another process."""


class _Row(NamedTuple):
    """A deployment's row in the file, or in this process if the file is full. `shares`: calls in flight by process."""

    state: DeploymentState
    shares: Array[c_uint16]


Place = TypeVar("Place")


class HostState:
    """`path` is created when it is not there; `capacity` is the number of deployments and budgets that it can hold.

    What finds no place in it (a reload brought many more) is counted by this process alone. Raise SharedFileError for a
    file that can't be used: another user's, of another layout, or too large for its file system.
    """

    def __init__(self, path: str | Path, capacity: int = 8192) -> None:
        self._path = Path(path)
        self._file, self._capacity = _open(self._path, capacity)
        self._lock = FileLock(self._file)
        self._map = mmap.mmap(self._file, _SLOTS_AT + self._capacity * _SLOT_SIZE)
        self._rows = _RowCache(self._find_row)
        self._spendings = _RowCache(self._find_spending)
        self._process = -1
        self._pid = 0
        self._reaped_at = 0.0
        self._warned = False

    def view(self, deployments: Sequence[str], now: float) -> list[DeploymentState]:
        with self._lock:
            self._prepare(now)
            rows = [DeploymentState.from_buffer_copy(self._rows[deployment].state) for deployment in deployments]
        for row in rows:
            limits.roll(row, now)
            health.follow_clock(row, now)
        return rows

    def reserve(self, request: ReservationRequest, now: float) -> Reservation | Refusal:
        with self._lock:
            self._prepare(now)
            row = self._rows[request.deployment]
            # First, so that a process that is killed in the middle has a share for others to find.
            row.shares[self._process] += 1
            answer = rules.reserve(row.state, self._spendings[request.budget.key], request, now)
            if isinstance(answer, Refusal):
                self._give_back(row.shares)
            return answer

    def settle(self, reservation: Reservation, result: TryResult, now: float) -> bool:
        with self._lock:
            self._prepare(now)
            row = self._rows[reservation.deployment]
            cools = rules.settle(row.state, reservation, result, now)
            self._give_back(row.shares)
            return cools

    def cancel(self, reservation: Reservation, now: float) -> None:
        with self._lock:
            self._prepare(now)
            row = self._rows[reservation.deployment]
            rules.cancel(row.state, self._spendings[reservation.budget.key], reservation, now)
            self._give_back(row.shares)

    def spending(self, key: str, now: float) -> tuple[int, int]:
        with self._lock:
            self._prepare(now)
            spending = self._spendings[key]
            budget.roll(spending, now)
            return sum(spending.firsts), sum(spending.extras)

    def facts(self) -> dict[str, Any]:
        return {"store": "host", "path": str(self._path)}

    def close(self) -> None:
        """The file stays: other workers, present and future, use it."""
        with self._lock:
            self._rows.clear()
            self._spendings.clear()
            self._map.close()
        os.close(self._file)

    def _prepare(self, now: float) -> None:
        if self._pid != os.getpid():
            self._join()
        if not 0.0 <= now - self._reaped_at < REAP_SECONDS:
            self._reaped_at = now
            self._reap()

    def _give_back(self, shares: Array[c_uint16]) -> None:
        """A forked child may end a call that its parent began."""
        if shares[self._process]:
            shares[self._process] -= 1

    def _find_row(self, deployment: str) -> _Row:
        at = self._find(f"d:{deployment}")
        return _Row(DeploymentState(), _Shares()) if at is None else self._row_at(at)

    def _row_at(self, at: int) -> _Row:
        return _Row(
            DeploymentState.from_buffer(self._map, at + _KEY_SIZE), _Shares.from_buffer(self._map, at + _SHARES_AT)
        )

    def _find_spending(self, key: str) -> Spending:
        at = self._find(f"b:{key}")
        return Spending() if at is None else Spending.from_buffer(self._map, at + _KEY_SIZE)

    def _find(self, key: str) -> int | None:
        """Where the slot of `key` is, None where there was no room."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_KEY_SIZE).digest()
        first = int.from_bytes(digest[:8], "little")
        for step in range(self._capacity):
            at = _SLOTS_AT + (first + step) % self._capacity * _SLOT_SIZE
            found = self._map[at : at + _KEY_SIZE]
            if found == digest:
                return at
            if found == _EMPTY_KEY:
                self._map[at : at + _KEY_SIZE] = digest
                return at
        if not self._warned:
            self._warned = True
            _log.warning(
                "The workers share the state of %d deployments and groups; what is beyond is counted by each worker for "
                "itself until the next start.",
                self._capacity,
            )
        return None

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
        """Take back the calls in flight of processes that have ended."""
        for process in range(PROCESSES):
            pid, started = _PROCESS.unpack_from(self._map, _process_at(process))
            if pid and not is_alive(pid, started):
                self._take_back(process)
                _PROCESS.pack_into(self._map, _process_at(process), 0, 0)

    def _take_back(self, process: int) -> None:
        """Calls in flight are then the sum of the other shares, wherever in a step the process was killed."""
        width = sizeof(c_uint16)
        with memoryview(self._map).cast("H") as numbers:
            shares = numbers[(_SLOTS_AT + _SHARES_AT) // width + process :: _SLOT_SIZE // width].tolist()
        for slot, lost in enumerate(shares):
            if lost:
                row = self._row_at(_SLOTS_AT + slot * _SLOT_SIZE)
                row.shares[process] = 0
                row.state.inflight = sum(row.shares)


class _RowCache(dict[str, Place]):
    """Rows by key: a row never moves, so each process looks it up once."""

    def __init__(self, find: Callable[[str], Place]) -> None:
        self._find = find

    def __missing__(self, key: str) -> Place:
        found = self[key] = self._find(key)
        return found


def _process_at(process: int) -> int:
    return _PROCESSES_AT + process * _PROCESS.size


def _open(path: Path, capacity: int) -> tuple[int, int]:
    """(the file, its capacity). The first process lays it out."""
    file = open_shared(path)
    try:
        with FileLock(file):
            return file, _lay_out(file, path, capacity)
    except BaseException:
        os.close(file)
        raise


def _lay_out(file: int, path: Path, capacity: int) -> int:
    size = os.fstat(file).st_size
    if size == 0:
        allocate(file, path, _SLOTS_AT + capacity * _SLOT_SIZE)
        os.pwrite(file, _HEADER.pack(_MAGIC, LAYOUT, capacity), 0)
        return capacity
    magic, layout, capacity = _HEADER.unpack(os.pread(file, _HEADER.size, 0).ljust(_HEADER.size))
    if magic != _MAGIC or layout != LAYOUT or size != _SLOTS_AT + capacity * _SLOT_SIZE:
        raise HostStateError(f"{path} is not a state file of this version: remove it")
    # An earlier version's file has holes.
    allocate(file, path, size)
    return int(capacity)
