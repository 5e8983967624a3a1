"""A number that only grows, shared by the workers of a host through a mapped file: who reads another one has to look again."""

import mmap
import os
import struct
from pathlib import Path

from proxy.host.shared_file import FileLock, allocate, open_shared

_NUMBER = struct.Struct("<q")
_SIZE = 4096


class VersionCounter:
    """`path`: the file of all workers; None for a single process. Raise SharedFileError if it can't be used."""

    __slots__ = ("_lock", "_map")

    def __init__(self, path: Path | None) -> None:
        self._lock: FileLock | None = None
        if path is None:
            self._map: mmap.mmap | bytearray = bytearray(_NUMBER.size)
            return
        file = open_shared(path)
        if os.fstat(file).st_size < _SIZE:
            allocate(file, path, _SIZE)
        self._map = mmap.mmap(file, _SIZE)
        # The file stays open: its lock is a file's lock.
        self._lock = FileLock(file)

    def read(self) -> int:
        # An aligned word of eight bytes is written whole.
        number: int = _NUMBER.unpack_from(self._map)[0]
        return number

    def raise_to(self, version: int) -> None:
        """At least `version` from now on, for all workers."""
        if self._lock is None:
            self._raise(version)
            return
        with self._lock:
            self._raise(version)

    def _raise(self, version: int) -> None:
        if version > self.read():
            _NUMBER.pack_into(self._map, 0, version)
