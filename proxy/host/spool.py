"""Bytes of an upload: in memory while they are few, else in a file that has no name and goes with its last reference."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# More is written to the disk (TMPDIR).
IN_MEMORY = 256 * 1024
BLOCK = 256 * 1024


class StoredContent:
    """The bytes of one part, read as often as a retry wants, by several threads at once."""

    __slots__ = ("_descriptor", "_memory", "size")

    def __init__(self, memory: bytes, descriptor: int | None = None, size: int | None = None) -> None:
        self._memory = memory
        self._descriptor = descriptor
        self.size = len(memory) if size is None else size

    def read_at(self, position: int, length: int) -> bytes:
        """At most `length` bytes from `position` on; empty at the end."""
        if self._descriptor is None:
            return self._memory[position : position + length]
        return os.pread(self._descriptor, length, position)

    def blocks(self) -> Iterator[bytes]:
        """All of it, a block at a time. Raise OSError for a file that is shorter than it was."""
        position = 0
        while position < self.size:
            block = self.read_at(position, min(BLOCK, self.size - position))
            if not block:
                raise OSError("the stored upload is shorter than it was")
            position += len(block)
            yield block

    def __bytes__(self) -> bytes:
        return b"".join(self.blocks())

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class Spool:
    """Collects the bytes of one part as they come."""

    def __init__(self) -> None:
        self._memory: bytearray | None = bytearray()
        self._descriptor: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Raise OSError where the disk has no room."""
        self._size += len(data)
        if self._memory is not None and self._size <= IN_MEMORY:
            self._memory += data
            return
        if self._memory is not None:
            self._descriptor = _open_unnamed()
            before, self._memory = self._memory, None
            self._append(bytes(before))
        self._append(data)

    def finish(self) -> StoredContent:
        """The content; the spool keeps nothing of it."""
        descriptor, self._descriptor = self._descriptor, None
        return StoredContent(bytes(self._memory or b""), descriptor, self._size)

    def close(self) -> None:
        """Give it up."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _append(self, data: bytes) -> None:
        assert self._descriptor is not None
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _open_unnamed() -> int:
    descriptor, path = tempfile.mkstemp(prefix="patchbay-upload-")
    Path(path).unlink()
    return descriptor
