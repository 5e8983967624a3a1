"""Where lines of text go: a descriptor, or a file that is rotated by size, shared by all workers."""

import fcntl
import os
import select
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from proxy.sinks.blocking import Caller, build_caller, call_directly, open_again

# A file takes a block of any size in one piece; this bounds by how much it may grow over its size.
_FILE_BLOCK = 256 * 1024


class Target(Protocol):
    def open(self) -> bool:
        """Called once in the process that writes. Whether a write can hold up the thread that calls it."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Write all of them, or raise."""

    def close(self) -> None: ...


class LineWriter:
    """Writes whole lines to a target; where that may block, not in gevent's loop."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._call: Caller | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        if self._call is None:
            self._call = build_caller() if self._target.open() else call_directly
        self._call(self._target.write, lines)

    def close(self) -> None:
        self._target.close()


def blocks(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The lines in blocks of at most `size` bytes (a longer line alone): what a pipe takes in one piece, so that the
    lines of several workers do not mix."""
    block: list[bytes] = []
    length = 0
    for line in lines:
        if block and length + len(line) > size:
            yield b"".join(block)
            block, length = [], 0
        block.append(line)
        length += len(line)
    if block:
        yield b"".join(block)


class Descriptor:
    """A descriptor that was opened elsewhere, such as standard output."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._own: int | None = None

    def open(self) -> bool:
        self._own = open_again(self._descriptor)
        return self._own is None

    def write(self, lines: Sequence[bytes]) -> None:
        descriptor = self._descriptor if self._own is None else self._own
        for block in blocks(lines, select.PIPE_BUF if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else _FILE_BLOCK):
            write_all(descriptor, block)

    def close(self) -> None:
        """It was opened elsewhere, so it stays open."""
        if self._own is not None:
            os.close(self._own)
            self._own = None


class RotatingFile:
    """A file that is moved to `path.1` (and that to `path.2` ...) when it would grow over `max_bytes`.

    Several processes may write to it: each line goes to whatever file it had open, none is lost in a rotation.
    """

    def __init__(self, path: Path, max_bytes: int = 100 * 1024 * 1024, backups: int = 5) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._descriptor: int | None = None

    def open(self) -> bool:
        return True

    def write(self, lines: Sequence[bytes]) -> None:
        for block in blocks(lines, _FILE_BLOCK):
            self._write_block(block)

    def _write_block(self, data: bytes) -> None:
        descriptor = self._current()
        size = os.fstat(descriptor).st_size
        if size and size + len(data) > self._max_bytes:
            self._rotate(len(data))
            descriptor = self._current()
        write_all(descriptor, data)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _current(self) -> int:
        """The descriptor of the file that now has the name; another process may have rotated it."""
        if self._descriptor is not None and not self._moved(self._descriptor):
            return self._descriptor
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._descriptor

    def _moved(self, descriptor: int) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return True

    def _rotate(self, needed: int) -> None:
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.exists() and self._path.stat().st_size + needed > self._max_bytes:
                self._shift()
        finally:
            os.close(lock)

    def _shift(self) -> None:
        for number in range(self._backups - 1, 0, -1):
            older = Path(f"{self._path}.{number}")
            if older.exists():
                older.replace(f"{self._path}.{number + 1}")
        if self._backups:
            self._path.replace(f"{self._path}.1")
        else:
            self._path.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    """Write until nothing is left; waits where a non-blocking descriptor is full."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
