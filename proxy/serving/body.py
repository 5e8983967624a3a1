"""The body of a request whose length is known, read from its connection as the application asks for it."""

import io
from typing import Any

_PIECE = 256 * 1024


class Body(io.RawIOBase):
    """`wsgi.input` for a body that has not all come with its head. `begun` are the bytes that have."""

    def __init__(self, client: Any, begun: bytes, length: int) -> None:
        self._client = client
        self._begun = begun
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read(self._left)

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, or fewer where the body ends or the client leaves."""
        left = self._left if size is None or size < 0 else min(size, self._left)
        pieces = []
        while left and (data := self._take(left)):
            pieces.append(data)
            left -= len(data)
        return b"".join(pieces)

    def drain(self) -> bool:
        """Read what nobody has asked for, so that the next request can follow; False when the client left."""
        while self._left and self._take(_PIECE):
            continue
        return self._left == 0

    def _take(self, most: int) -> bytes:
        if self._begun:
            data, self._begun = self._begun[:most], self._begun[most:]
        else:
            data = self._client.recv(min(most, self._left, _PIECE))
        self._left -= len(data)
        return data
