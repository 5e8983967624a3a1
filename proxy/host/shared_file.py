"""A file that processes map into their memory: opened safely, allocated whole or refused, held while it is in use.

A write to a mapped page that the file system cannot provide kills the process (SIGBUS). So every byte is allocated before
the file is mapped, and a file that cannot be allocated is not used.
"""

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

# O_NONBLOCK: opening a FIFO must not wait for its other end.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class SharedFileError(OSError):
    """The file or folder can't be used; the message names it and the reason."""


class NoRoomError(SharedFileError):
    """The file system has too little room for the file."""


def open_shared(path: Path) -> int:
    """The open file, made for this user only if it is missing. Close it to let go of it.

    The file is held (a shared flock) while any process has it open, so that `remove_leftovers` of another PID namespace
    does not remove it. Raise SharedFileError for a symbolic link, for what is no regular file, and for a file that
    another user owns or may change.
    """
    while True:
        file = _open(path)
        try:
            check_owner(path, os.fstat(file), stat.S_ISREG, "a regular file")
            fcntl.flock(file, fcntl.LOCK_SH)
            if _is_at(path, file):
                return file
        except BaseException:
            os.close(file)
            raise
        # Removed between its opening and its lock.
        os.close(file)


def _open(path: Path) -> int:
    try:
        return os.open(path, _FLAGS, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SharedFileError(f"{path} is a symbolic link: it is not followed") from error
        raise SharedFileError(f"{path} can't be opened: {error.strerror}") from error


def check_owner(path: Path, facts: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    """Raise SharedFileError unless this user, and no other, may change it. `is_kind`: a test of stat's."""
    if not is_kind(facts.st_mode):
        raise SharedFileError(f"{path} is not {kind}")
    if facts.st_uid != os.geteuid():
        raise SharedFileError(f"{path} belongs to another user")
    if facts.st_mode & 0o022:
        raise SharedFileError(f"{path} can be changed by other users (mode {stat.S_IMODE(facts.st_mode):o}): remove it")


def _is_at(path: Path, file: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    own = os.fstat(file)
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def allocate(file: int, path: Path, size: int) -> None:
    """Give the file `size` bytes, each of them backed by the file system. Raise NoRoomError, and leave it as it was."""
    before = os.fstat(file).st_size
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        os.ftruncate(file, before)
        raise NoRoomError(f"{path} needs {size} bytes: {error.strerror}") from error


class FileLock:
    """Exclusive across threads and processes. Never block inside."""

    __slots__ = ("_file", "_lock")

    def __init__(self, file: int) -> None:
        self._file = file
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()
