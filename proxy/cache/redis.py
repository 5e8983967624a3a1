"""Entries in Redis or Valkey, for several hosts. A Redis that fails is not used for some seconds: until then all is a miss."""

from collections.abc import Callable, Sequence
from typing import Any

from proxy.counters.redis_client import REDIS_FAULTS, REST_SECONDS

_PREFIX = "patchbay:cache:"
_SCANNED = 1000


class RedisStore:
    """`client` must time out and must not retry: see counters/redis_client.py."""

    kind = "redis"

    def __init__(self, client: Any, monotonic: Callable[[], float]) -> None:
        self.failures = 0
        self._client = client
        self._monotonic = monotonic
        self._rests_until = 0.0

    def read(self, key: str, now: float) -> bytes | None:
        found = self._try(lambda: self._client.get(_PREFIX + key))
        return found if isinstance(found, bytes) else None

    def write(self, key: str, data: bytes, expires_at: float, now: float) -> bool:
        seconds = max(1, int(expires_at - now))
        return bool(self._try(lambda: self._client.set(_PREFIX + key, data, ex=seconds)))

    def delete(self, keys: Sequence[str]) -> bool:
        return not keys or self._try(lambda: self._client.delete(*(_PREFIX + key for key in keys))) is not None

    def clear(self) -> bool:
        return self._try(self._delete_all) is not None

    def ping(self) -> bool:
        return bool(self._try(self._client.ping))

    def _delete_all(self) -> int:
        found = list(self._client.scan_iter(match=_PREFIX + "*", count=_SCANNED))
        return int(self._client.delete(*found)) if found else 0

    def _try(self, action: Callable[[], Any]) -> Any:
        if self._monotonic() < self._rests_until:
            return None
        try:
            return action()
        except REDIS_FAULTS:
            self.failures += 1
            self._rests_until = self._monotonic() + REST_SECONDS
            return None
