"""Where entries are kept: the contract, and the store of one process."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class CacheStore(Protocol):
    """Safe for threads. No method raises: a store that fails is a miss, and `failures` counts it. Times are Unix seconds."""

    @property
    def kind(self) -> str: ...

    @property
    def failures(self) -> int: ...

    def read(self, key: str, now: float) -> bytes | None: ...

    def write(self, key: str, data: bytes, expires_at: float, now: float) -> bool: ...

    def delete(self, keys: Sequence[str]) -> bool: ...

    def clear(self) -> bool: ...

    def ping(self) -> bool: ...


class _Kept(NamedTuple):
    data: bytes
    expires_at: float


class MemoryStore:
    """Bounded in bytes; the entries that were not used for longest go first."""

    kind = "local"
    failures = 0

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, key: str, now: float) -> bytes | None:
        with self._lock:
            kept = self._entries.get(key)
            if kept is None:
                return None
            if kept.expires_at <= now:
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return kept.data

    def write(self, key: str, data: bytes, expires_at: float, now: float) -> bool:
        if len(data) > self._most:
            return False
        with self._lock:
            self._drop(key)
            self._entries[key] = _Kept(data, expires_at)
            self._size += len(data) + len(key)
            while self._size > self._most:
                self._drop(next(iter(self._entries)))
        return True

    def delete(self, keys: Sequence[str]) -> bool:
        with self._lock:
            for key in keys:
                self._drop(key)
        return True

    def clear(self) -> bool:
        with self._lock:
            self._entries.clear()
            self._size = 0
        return True

    def ping(self) -> bool:
        return True

    def _drop(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._size -= len(kept.data) + len(key)
