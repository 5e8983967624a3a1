"""Rows that wait to be stored, as lines of files: a process that is killed, or a database that is down, loses none of them.

Each process appends to a file of its own. One process at a time takes all of them: it renames a file before it reads it, and
waits for an append that is under way.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
# Rows of a database that is down for long: beyond this they are lost, and counted.
MOST_BYTES = 256 * 2**20


class SpoolFullError(Exception):
    """So many rows wait already that no more are kept."""


class Spool:
    """A folder of this host's processes. Safe for threads as far as one thread appends."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._process = 0
        self._path = folder

    def append(self, lines: bytes) -> None:
        """Raise SpoolFullError or OSError: then nothing was kept."""
        if self._process != os.getpid():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}.rows"
            self._process = os.getpid()
        if self.waiting_bytes() + len(lines) > self._most_bytes:
            raise SpoolFullError
        while True:
            file = os.open(self._path, _FLAGS, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Taken between its opening and its lock: the next one is a new file.
                if os.fstat(file).st_nlink and self._is_at_path(file):
                    _write_all(file, lines)
                    return
            finally:
                os.close(file)

    def _is_at_path(self, file: int) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(file)
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)

    def waiting_bytes(self) -> int:
        return sum(_size(path) for path in self._files("*.rows", "*.batch"))

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether it is this process's turn to take the files; another one may be at it."""
        try:
            file = os.open(self._folder / "turn.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            yield False
            return
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(file)

    def take(self) -> Iterator[Path]:
        """The files to be stored; remove each when it is. Only in one's turn."""
        for path in self._files("*.rows"):
            path.rename(path.with_name(f"{path.stem}-{uuid.uuid4().hex}.batch"))
        yield from self._files("*.batch")

    def read(self, path: Path) -> list[bytes]:
        """The lines of a file that was taken. The last one may be cut off by a kill: it is left out."""
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = file.read().split(b"\n")
        return [line for line in lines[:-1] if line]

    def _files(self, *patterns: str) -> list[Path]:
        return sorted(path for pattern in patterns for path in self._folder.glob(pattern))


def _write_all(file: int, data: bytes) -> None:
    """All of the lines or none: a full disk leaves no half of a line behind."""
    before = os.fstat(file).st_size
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        os.ftruncate(file, before)
        raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
