"""The Prometheus library's files of values, allocated before they are mapped: a full file system can't kill a worker.

The library makes files with holes. Writing to a hole of a mapped file on a full file system is a SIGBUS.
"""

import logging
import os
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from proxy.host.shared_file import NoRoomError, allocate

_log = logging.getLogger("patchbay.sinks")

INITIAL_BYTES = 65536
# A value has a length (4 bytes), a key padded to a multiple of 8, and two doubles.
_VALUE_BYTES = 4 + 8 + 16


def install() -> None:
    """From now on the library opens these files. Call it before the first metric is made."""
    values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]


class AllocatedDict(MmapedDict):
    """Where there is no room the values move into this process's memory, and are missing in /metrics."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode and not _allocate_new(filename):
            filename = f"/proc/self/fd/{os.memfd_create('metrics')}"
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        capacity = self._capacity
        while self._used + len(key.encode()) + _VALUE_BYTES > capacity:
            capacity *= 2
        if capacity > self._capacity:
            try:
                allocate(self._f.fileno(), Path(self._fname), capacity)
            except NoRoomError as error:
                self._move(error)
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _move(self, error: NoRoomError) -> None:
        """Continue in memory; the file keeps the values that it has."""
        _warn(error)
        memory = os.fdopen(os.memfd_create("metrics"), "w+b")
        memory.write(self._m[: self._capacity])
        memory.flush()
        # The library maps the larger file anew, and closes this one with it.
        self._f.close()
        self._f = memory


def _allocate_new(filename: str) -> bool:
    """Make the file. False, with a warning, if there is no room."""
    with Path(filename).open("a+b") as file:
        if os.fstat(file.fileno()).st_size == 0:
            try:
                allocate(file.fileno(), Path(filename), INITIAL_BYTES)
            except NoRoomError as error:
                _warn(error)
                return False
    return True


def _warn(error: NoRoomError) -> None:
    _log.warning("%s. Some figures of this worker are missing in /metrics.", error)
