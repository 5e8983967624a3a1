"""The client of a Redis that may be dead, slow or hostile: short timeouts, bounded answers, no retries.

A Redis that answers nonsense is a dead Redis: readers of its answers catch REDIS_FAULTS and stop using it.
"""

import socket
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# Together the 50 ms that a request may wait for a Redis that does not answer.
CONNECT_SECONDS = 0.02
ANSWER_SECONDS = 0.03
# How long a Redis that failed is not used.
REST_SECONDS = 5.0
# The whole of one answer, which each of its bytes could delay by ANSWER_SECONDS.
WHOLE_ANSWER_SECONDS = 1.0
LONGEST_ANSWER = 4 * 2**20
# What reading an answer can raise, if it is not an answer of the scripts or not Redis's protocol at all.
REDIS_FAULTS = (
    redis.RedisError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


class BoundedSocket:
    """A connected socket on which an answer has a size and a time; redis-py bounds only each single read."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._begin()

    def _begin(self) -> None:
        self._left = LONGEST_ANSWER
        self._until = time.monotonic() + WHOLE_ANSWER_SECONDS

    def sendall(self, data: Any) -> None:
        self._begin()
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        data = self._socket.recv(size)
        self._left -= len(data)
        if self._left < 0 or time.monotonic() > self._until:
            raise TimeoutError("The answer of Redis is too long")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Bounded:
    """A mixin for redis-py's connections."""

    def _connect(self) -> Any:
        return BoundedSocket(super()._connect())  # type: ignore[misc]


class _Connection(_Bounded, redis.Connection):
    pass


class _TLSConnection(_Bounded, redis.SSLConnection):
    pass


class _UnixConnection(_Bounded, redis.UnixDomainSocketConnection):
    pass


_BOUNDED = {
    redis.Connection: _Connection,
    redis.SSLConnection: _TLSConnection,
    redis.UnixDomainSocketConnection: _UnixConnection,
}


def build_client(url: str | None, answer_seconds: float = ANSWER_SECONDS, **place: Any) -> redis.Redis:
    """A client with short timeouts and no retries: by URL, or by host, port, password and db."""
    behaviour: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    if url is not None:
        client = redis.Redis.from_url(url, **behaviour)
    else:
        client = redis.Redis(**{name: value for name, value in place.items() if value is not None}, **behaviour)
    pool = client.connection_pool
    pool.connection_class = _BOUNDED.get(pool.connection_class, pool.connection_class)
    return client
