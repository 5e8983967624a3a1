"""The file of a host's counters: segments of rows and of holds. It grows by segments; nothing in it ever moves.

A row keeps one counter. It may be replaced when it is at rest, so it carries its counter's digest. A hold keeps what a
running call has reserved, so that it can be given back when the process dies. Each process owns chunks of holds.
"""

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from proxy.counters.rules import Row, is_at_rest
from proxy.host.process_table import ProcessTable
from proxy.host.shared_file import FileLock, SharedFileError, allocate, open_shared

LAYOUT = 1
PROCESSES = 255
# The first segment's; each further one has twice as many.
ROWS = 8192
CHUNKS = 32
# 127 times the first: a million rows in about 90 MB.
MOST_SEGMENTS = 7
# Places in which a counter may be, from its own one on.
PROBES = 32
CHUNK = 32
ENTRIES = 16

_MAGIC = b"pbcounts"
_HEADER = struct.Struct("<8sqqqq")
_SEGMENTS = struct.Struct("<q")
_SEGMENTS_AT = 16
_PROCESSES_AT = 64
# The digest is last: a row that is being replaced has its numbers before it has its name.
ROW = struct.Struct("<qqqq16s")
NUMBERS = struct.Struct("<qqqq")
_RESERVED = struct.Struct("<q")
_RESERVED_AT = 8
_COUNT = struct.Struct("<q")
_ENTRIES = [struct.Struct(f"<{1 + 2 * count}q") for count in range(ENTRIES + 1)]
_HOLD_SIZE = _ENTRIES[ENTRIES].size
_NO_DIGEST = bytes(16)
_GRAIN = mmap.ALLOCATIONGRANULARITY


class Place(NamedTuple):
    """Where a row is. `number` names it in holds."""

    map: mmap.mmap
    at: int
    number: int


class Segment(NamedTuple):
    """One part of the file, mapped. Owners of chunks come after the rows, holds after them."""

    map: mmap.mmap
    rows: int
    chunks: int

    @property
    def owners_at(self) -> int:
        return self.rows * ROW.size

    @property
    def holds_at(self) -> int:
        return self.owners_at + self.chunks

    def hold_at(self, hold: int) -> int:
        return self.holds_at + hold * _HOLD_SIZE


class SegmentFile:
    """The open file. All methods are called under `lock`. Raise SharedFileError if it can't be used."""

    def __init__(self, path: Path, rows: int = ROWS, chunks: int = CHUNKS) -> None:
        self.path = path
        self._sizes = (rows, chunks)
        self._file = open_shared(path)
        self.lock = FileLock(self._file)
        self.segments: list[Segment] = []
        try:
            with self.lock:
                self._lay_out()
            self._head = mmap.mmap(self._file, _head_size())
        except BaseException:
            os.close(self._file)
            raise
        self.processes = ProcessTable(self._head, _PROCESSES_AT, PROCESSES)

    def _lay_out(self) -> None:
        if os.fstat(self._file).st_size == 0:
            allocate(self._file, self.path, _head_size() + self._size(0))
            os.pwrite(self._file, _HEADER.pack(_MAGIC, LAYOUT, 1, *self._sizes), 0)
        magic, layout, segments, *sizes = _HEADER.unpack(os.pread(self._file, _HEADER.size, 0).ljust(_HEADER.size))
        known = magic == _MAGIC and layout == LAYOUT and 0 < segments <= MOST_SEGMENTS and min(sizes) > 0
        if known:
            self._sizes = (sizes[0], sizes[1])
        end = _head_size() + sum(map(self._size, range(segments if known else 0)))
        if not known or os.fstat(self._file).st_size < end:
            raise SharedFileError(f"{self.path} is not a file of counters of this version: remove it")

    def refresh(self) -> None:
        """Map segments that other processes have added."""
        (count,) = _SEGMENTS.unpack_from(self._head, _SEGMENTS_AT)
        while len(self.segments) < count:
            number = len(self.segments)
            start = _head_size() + sum(map(self._size, range(number)))
            mapped = mmap.mmap(self._file, self._size(number), offset=start)
            self.segments.append(Segment(mapped, self._sizes[0] << number, self._sizes[1] << number))

    def grow(self) -> None:
        """Add a segment. Raise NoRoomError, or SharedFileError if the file is as large as it may be."""
        count = len(self.segments)
        if count >= MOST_SEGMENTS:
            raise SharedFileError(f"{self.path} is as large as it may be")
        allocate(self._file, self.path, _head_size() + sum(map(self._size, range(count + 1))))
        _SEGMENTS.pack_into(self._head, _SEGMENTS_AT, count + 1)
        self.refresh()

    def find(self, digest: bytes) -> Place | None:
        """The row of a counter. A row is never emptied, so nothing is behind a place that was never used."""
        for number, segment in enumerate(self.segments):
            for slot in _probes(segment, digest):
                found = ROW.unpack_from(segment.map, slot * ROW.size)[4]
                if found == digest:
                    return Place(segment.map, slot * ROW.size, number << 32 | slot)
                if found == _NO_DIGEST:
                    return None
        return None

    def insert(self, digest: bytes, now: float, pinned: frozenset[int]) -> Place:
        """A row for a counter that has none: an unused one, or one at rest. Raise as `grow` does if there is no room."""
        while True:
            for number, segment in enumerate(self.segments):
                for slot in _probes(segment, digest):
                    at = slot * ROW.size
                    spent, reserved, _, end, found = ROW.unpack_from(segment.map, at)
                    place = number << 32 | slot
                    if found == _NO_DIGEST or (place not in pinned and is_at_rest(spent, reserved, end, now)):
                        NUMBERS.pack_into(segment.map, at, 0, 0, 0, 0)
                        ROW.pack_into(segment.map, at, 0, 0, 0, 0, digest)
                        return Place(segment.map, at, place)
            self.grow()

    def claim(self, process: int) -> list[int]:
        """A chunk of holds for a process. Raise as `grow` does if there is no room."""
        while True:
            for number, segment in enumerate(self.segments):
                chunk = segment.map.find(b"\0", segment.owners_at, segment.holds_at) - segment.owners_at
                if chunk >= 0:
                    segment.map[segment.owners_at + chunk] = process + 1
                    return [number << 32 | chunk * CHUNK + hold for hold in range(CHUNK)]
            self.grow()

    def write_hold(self, hold: int, entries: Sequence[int]) -> None:
        """`entries`: place, amount, place, amount ... of up to ENTRIES rows."""
        segment = self.segments[hold >> 32]
        count = len(entries) // 2
        _ENTRIES[count].pack_into(segment.map, segment.hold_at(hold & 0xFFFFFFFF), count, *entries)

    def clear_hold(self, hold: int) -> None:
        segment = self.segments[hold >> 32]
        _COUNT.pack_into(segment.map, segment.hold_at(hold & 0xFFFFFFFF), 0)

    def take_back(self, process: int) -> None:
        """Give back what a dead process had reserved: a row's reserved amount is the sum of the other holds.

        So it does not matter where in a step the process was killed. Holds are cleared last: a killed reaper leaves
        the work to the next one.
        """
        lost: dict[int, int] = {}
        left: dict[int, int] = {}
        for owner, _, place, amount in self._entries():
            sums = lost if owner == process + 1 else left
            sums[place] = sums.get(place, 0) + amount
        for place in lost:
            segment = self.segments[place >> 32]
            at = (place & 0xFFFFFFFF) * ROW.size + _RESERVED_AT
            _RESERVED.pack_into(segment.map, at, left.get(place, 0))
        for hold in {hold for owner, hold, _, _ in self._entries() if owner == process + 1}:
            self.clear_hold(hold)
        for segment in self.segments:
            for at in range(segment.owners_at, segment.holds_at):
                if segment.map[at] == process + 1:
                    segment.map[at] = 0

    def _entries(self) -> Iterator[tuple[int, int, int, int]]:
        """(owner, hold, place, amount) of all that is reserved in the file."""
        for number, segment in enumerate(self.segments):
            for chunk, owner in enumerate(segment.map[segment.owners_at : segment.holds_at]):
                for hold in range(chunk * CHUNK, (chunk + 1) * CHUNK) if owner else ():
                    (count,) = _COUNT.unpack_from(segment.map, segment.hold_at(hold))
                    values = _ENTRIES[count].unpack_from(segment.map, segment.hold_at(hold))
                    for at in range(1, 1 + 2 * count, 2):
                        yield owner, number << 32 | hold, values[at], values[at + 1]

    def close(self) -> None:
        """The file stays: other workers, present and future, use it."""
        with self.lock:
            for segment in self.segments:
                segment.map.close()
            self._head.close()
        os.close(self._file)

    def _size(self, number: int) -> int:
        rows, chunks = (size << number for size in self._sizes)
        return -(-(rows * ROW.size + chunks + chunks * CHUNK * _HOLD_SIZE) // _GRAIN) * _GRAIN


def read_row(place: Place, digest: bytes) -> Row | None:
    """None if the row is another counter's by now."""
    spent, reserved, start, end, found = ROW.unpack_from(place.map, place.at)
    return Row(spent, reserved, start, end) if found == digest else None


def write_row(place: Place, row: Row) -> None:
    NUMBERS.pack_into(place.map, place.at, *row)


def _head_size() -> int:
    return -(-(_PROCESSES_AT + ProcessTable.size(PROCESSES)) // _GRAIN) * _GRAIN


def _probes(segment: Segment, digest: bytes) -> Iterator[int]:
    first = int.from_bytes(digest[:8], "little")
    for step in range(min(PROBES, segment.rows)):
        yield (first + step) % segment.rows
