"""gzip and deflate, a bounded piece at a time: a small answer cannot become a huge one in memory."""

import zlib
from collections.abc import Iterator

from requests.exceptions import ContentDecodingError

_PIECE = 256 * 1024
# Beyond so many plain bytes, no answer is this many times smaller when it is compressed: JSON is 5 to 20 times smaller.
_FREE_BYTES = 8 * 1024 * 1024
MAX_RATIO = 200
# Nor is it this much larger: what becomes nothing (empty members of gzip, one after another) has no end either.
_MOST_EMPTY = 1024 * 1024
_GROWTH = 4
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Inflater:
    """Compressed bytes into plain ones. Raises ContentDecodingError."""

    def __init__(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self._packed = self._plain = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of `data`, in pieces of at most 256 KiB, made as they are asked for."""
        self._packed += len(data)
        while data:
            if self._inflate is None or self._inflate.eof:
                self._inflate = zlib.decompressobj(_wrapping(data))
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as exception:
                raise ContentDecodingError("the compressed body is damaged") from exception
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            self._plain += len(piece)
            self._check_ratio()
            if piece:
                yield piece

    def _check_ratio(self) -> None:
        if self._plain > _FREE_BYTES + MAX_RATIO * self._packed:
            raise ContentDecodingError("a small compressed body becomes a huge one")
        if self._packed > _MOST_EMPTY + _GROWTH * self._plain:
            raise ContentDecodingError("a huge compressed body becomes a small one")

    def finish(self) -> None:
        """Raise when the compressed data did not come to its end."""
        if self._inflate is not None and not self._inflate.eof:
            raise ContentDecodingError("the compressed body is not whole")


def build_inflater(encoding: str) -> Inflater | None:
    """The inflater for a `content-encoding`, None for a body that is plain."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflater()
    raise ContentDecodingError("the body is compressed in a way that was not asked for")


def _wrapping(data: bytes) -> int:
    """gzip, zlib, or the bare deflate that some servers send for "deflate"."""
    if data[0] == 0x1F or data[0] & 0x0F == 8:
        return _GZIP_OR_ZLIB
    return _RAW
