"""Sessions of browsers that were logged out before their cookies expire, known to all workers of a gateway."""

import fcntl
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from proxy.host.shared_file import SharedFileError, check_owner

# Only a holder of the key can end a session: so many in twelve hours are no operator's.
MOST = 4096


class EndedSessions:
    """By a session's signature (hexadecimal), each until its cookie expires (Unix seconds).

    With a `path` the workers share a file of lines; without one, or where it can't be used, only this process has
    them. Safe for threads.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._ended: dict[str, int] = {}
        self._seen: tuple[int, int] | None = None

    def end(self, signature: str, expires: int, now: float) -> None:
        with self._lock:
            self._ended[signature] = expires
            self._share(lambda shared: self._write(shared, now))

    def __contains__(self, signature: str) -> bool:
        with self._lock:
            if self._changed():
                self._share(self._read)
            return signature in self._ended

    def _changed(self) -> bool:
        """Whether another worker has written since the last look."""
        if self._path is None:
            return False
        try:
            found = self._path.lstat()
        except OSError:
            return False
        return (found.st_mtime_ns, found.st_size) != self._seen

    def _share(self, work: Callable[[int], None]) -> None:
        """`work` on the open file, alone among all workers."""
        if self._path is None:
            return
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            check_owner(self._path, os.fstat(file), stat.S_ISREG, "a file")
            fcntl.flock(file, fcntl.LOCK_EX)
            work(file)
            found = os.fstat(file)
            self._seen = (found.st_mtime_ns, found.st_size)
        except (OSError, SharedFileError):
            return
        finally:
            os.close(file)

    def _read(self, file: int) -> None:
        for line in os.pread(file, MOST * 96, 0).decode("ascii", "replace").splitlines():
            signature, _, expires = line.partition(" ")
            if expires.isdecimal() and len(expires) <= 12:
                self._ended[signature] = int(expires)

    def _write(self, file: int, now: float) -> None:
        """All that are not expired, the newest MOST."""
        self._read(file)
        current = [(signature, until) for signature, until in self._ended.items() if until > now]
        self._ended = dict(sorted(current, key=lambda item: item[1])[-MOST:])
        text = "".join(f"{signature} {until}\n" for signature, until in self._ended.items()).encode()
        os.ftruncate(file, 0)
        os.pwrite(file, text, 0)
