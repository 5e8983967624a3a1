"""The processes that use a mapped file: each has a place, and what one leaves behind when it dies can be found."""

import os
import struct
from collections.abc import Callable
from mmap import mmap

from proxy.host.processes import is_alive, start_time

_PLACE = struct.Struct("<qq")


class ProcessTable:
    """`places` of (process id, start time) at an offset of a mapped file. Used under the file's lock."""

    def __init__(self, mapped: mmap, at: int, places: int) -> None:
        self._map, self._at, self._places = mapped, at, places

    @staticmethod
    def size(places: int) -> int:
        return places * _PLACE.size

    def join(self) -> int | None:
        """Take a free place for this process; None if there is none."""
        for place in range(self._places):
            if _PLACE.unpack_from(self._map, self._offset(place))[0] == 0:
                _PLACE.pack_into(self._map, self._offset(place), os.getpid(), start_time(os.getpid()))
                return place
        return None

    def reap(self, take_back: Callable[[int], None]) -> None:
        """Free the places of dead processes, each after `take_back(place)`: a killed reaper leaves it to the next one."""
        for place in range(self._places):
            process, started = _PLACE.unpack_from(self._map, self._offset(place))
            if process and not is_alive(process, started):
                take_back(place)
                _PLACE.pack_into(self._map, self._offset(place), 0, 0)

    def _offset(self, place: int) -> int:
        return self._at + place * _PLACE.size
