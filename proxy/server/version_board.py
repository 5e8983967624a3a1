"""The version of the configuration that the parent wants, and those that its workers serve, in memory that all share."""

import mmap
import struct

_NUMBER = struct.Struct("=Q")
# More workers than this share places, and a reload then waits for one of those that do.
_PLACES = 1024


class VersionBoard:
    """Made by the parent before its workers are forked. A worker's place follows from its age, gunicorn's count."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _NUMBER.size * (1 + _PLACES))

    @property
    def wanted(self) -> int:
        return int(_NUMBER.unpack_from(self._shared, 0)[0])

    def want(self, version: int) -> None:
        _NUMBER.pack_into(self._shared, 0, version)

    def served_by(self, age: int) -> int:
        return int(_NUMBER.unpack_from(self._shared, _place(age))[0])

    def serve(self, age: int, version: int) -> None:
        _NUMBER.pack_into(self._shared, _place(age), version)


def _place(age: int) -> int:
    return _NUMBER.size * (1 + age % _PLACES)
