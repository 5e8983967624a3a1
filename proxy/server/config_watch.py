"""Whether the configuration's files have changed, by looking at them: target of a link, inode, time and size.

A ConfigMap of Kubernetes is a link to a folder that is replaced; an editor writes a new file over the old name. Both show.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple


class Look(NamedTuple):
    """A file as it is on the disk. A missing file is a state like any other."""

    target: str = ""
    inode: int = 0
    modified: int = 0
    size: int = 0


class ConfigWatch:
    """One per parent process. A change counts once it looks the same twice: a file that is being written is not read."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.seconds = 0.0
        self._next_at = 0.0
        self._read: dict[str, Look] = {}
        self._seen: dict[str, Look] = {}

    def begin(self) -> None:
        """The files are about to be read: what changes from now on is a change."""
        self._read = self._seen = _look_at(self._read)

    def follow(self, paths: Iterable[str], seconds: float) -> None:
        """These files were read. `seconds`: how often they are looked at, 0 never."""
        self.seconds = seconds
        self._read = {**_look_at(paths), **self._read}
        self._seen = self._read
        self._next_at = self._monotonic() + seconds

    def changed(self) -> bool:
        """True once after each change that has settled."""
        now = self._monotonic()
        if not self.seconds or now < self._next_at:
            return False
        self._next_at = now + self.seconds
        found, before = _look_at(self._read), self._seen
        self._seen = found
        if found in (self._read, {}) or found != before:
            return False
        self._read = found
        return True


def _look_at(paths: Iterable[str]) -> dict[str, Look]:
    return {path: _look(Path(path)) for path in paths}


def _look(path: Path) -> Look:
    try:
        facts = path.stat()
        return Look(os.path.realpath(path), facts.st_ino, facts.st_mtime_ns, facts.st_size)
    except OSError:
        return Look()
