"""The three stores of counters for tests, and a redis-server of the tests' own."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.counters.host import HostCounters
from proxy.counters.store import CounterStore, LocalCounters, MemoryCounters
from proxy.counters.values import DAY, LIFETIME, MINUTE, Amounts, Limit, Measure, Window, build_limit

START = 1_700_000_040.0


def limit(
    kind: str, measure: Measure, maximum: int | None, window: Window | None = None, partial: bool = False
) -> Limit:
    usual: dict[str, Window] = {"requests": MINUTE, "tokens": MINUTE, "parallel": LIFETIME, "spend": DAY}
    return build_limit((kind, f"{kind}-1"), measure, maximum, window or usual[measure], partial)


def call(tokens: int = 0, nanodollars: int = 0) -> Amounts:
    return Amounts(tokens, nanodollars)


@contextlib.contextmanager
def redis_port() -> Iterator[int]:
    redis = pytest.importorskip("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(redis.Redis(port=port)))
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(client: object) -> bool:
    try:
        return bool(client.ping())  # type: ignore[attr-defined]
    except OSError:
        return False
    except Exception as error:
        if "onnect" in type(error).__name__:
            return False
        raise


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def redis_counters(port: int, beneath: LocalCounters | None = None) -> CounterStore:
    """One host's. The tests' machine may be busy, so Redis may take longer to answer than in service."""
    from proxy.counters.redis import RedisCounters
    from proxy.counters.redis_client import build_client

    client = build_client(None, answer_seconds=5.0, host="127.0.0.1", port=port)
    return RedisCounters(beneath or MemoryCounters(), client)


def build(kind: str, folder: Path, port: int | None) -> CounterStore:
    if kind == "memory":
        return MemoryCounters()
    if kind == "host":
        return HostCounters(folder / "host.counters", rows=64, chunks=4)
    assert port is not None
    return redis_counters(port)
