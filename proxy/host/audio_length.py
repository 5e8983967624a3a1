"""How long a recording is, by the header of its file: tinytag reads it, and is imported with the first recording."""

import io
from typing import BinaryIO, cast

from proxy.host.spool import StoredContent


def read_seconds(content: StoredContent) -> float | None:
    """Seconds; None for a format that has no length in its header, and for a file that is none."""
    from tinytag import TinyTag, TinyTagException  # noqa: PLC0415  most gateways never see a recording

    try:
        seconds = TinyTag.get(file_obj=cast(BinaryIO, _StoredFile(content)), tags=False).duration
    except (TinyTagException, ValueError, OSError, ArithmeticError, LookupError, TypeError):
        return None
    return float(seconds) if seconds is not None and seconds > 0 else None


class _StoredFile(io.RawIOBase):
    """A stored part as the file that tinytag reads."""

    def __init__(self, content: StoredContent) -> None:
        super().__init__()
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._content.size - self._position if size is None or size < 0 else size
        found = self._content.read_at(self._position, max(0, wanted))
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position
