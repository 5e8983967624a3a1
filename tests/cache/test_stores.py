"""The stores by one contract: bounded, expiring, and a miss where they fail."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library

from proxy.cache.entry import Entry, decode, encode
from proxy.cache.redis import RedisStore
from proxy.cache.sqlite import SqliteStore
from proxy.cache.store import CacheStore, MemoryStore
from proxy.domain.usage import Usage

MOST = 10_000
Build = Callable[[Path], CacheStore]
STORES: dict[str, Build] = {
    "memory": lambda _: MemoryStore(MOST),
    "sqlite": lambda folder: SqliteStore(folder / "deep" / "cache.sqlite", MOST, "disk"),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CacheStore:
    return STORES[request.param](tmp_path)


def test_an_entry_is_found_until_it_expires(store: CacheStore) -> None:
    assert store.write("k", b"v", 10.0, 0.0)
    assert store.read("k", 9.9) == b"v"
    assert store.read("k", 10.0) is None


def test_the_last_writer_wins_and_deleted_entries_are_gone(store: CacheStore) -> None:
    store.write("k", b"one", 10.0, 0.0)
    store.write("k", b"two", 10.0, 0.0)
    store.write("other", b"three", 10.0, 0.0)
    assert store.read("k", 1.0) == b"two"
    assert store.delete(["k", "unknown"]) and store.read("k", 1.0) is None
    assert store.clear() and store.read("other", 1.0) is None


def test_bytes_are_bounded_and_the_unused_go_first(store: CacheStore) -> None:
    for number in range(100):
        store.write(f"k{number}", b"x" * 900, 1000.0, float(number))
        store.read("k0", float(number))
    kept = [number for number in range(100) if store.read(f"k{number}", 100.0)]
    assert 0 in kept and 99 in kept and 50 not in kept
    assert len(kept) * 900 <= MOST


def test_what_is_larger_than_the_store_is_not_kept(store: CacheStore) -> None:
    assert not store.write("k", b"x" * (MOST + 1), 10.0, 0.0)
    assert store.read("k", 0.0) is None


def test_the_file_is_its_owners_alone_and_garbage_is_a_miss(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is no database" * 100)
    store = SqliteStore(path, MOST, "disk")
    assert store.read("k", 0.0) is None and not store.write("k", b"v", 1.0, 0.0) and not store.ping()
    assert store.failures == 3
    path.unlink()
    assert store.write("k", b"v", 10.0, 0.0) and store.read("k", 1.0) == b"v"
    assert path.stat().st_mode & 0o077 == 0


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    one, other = (SqliteStore(tmp_path / "cache.sqlite", MOST, "local") for _ in range(2))
    one.write("k", b"v", 10.0, 0.0)
    assert other.read("k", 1.0) == b"v"


def test_a_locked_file_is_a_miss(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "cache.sqlite", MOST, "local")
    store.write("k", b"v", 10.0, 0.0)
    holder = sqlite3.connect(tmp_path / "cache.sqlite", isolation_level=None)
    holder.execute("begin exclusive")
    assert not store.write("k", b"w", 10.0, 0.0) and store.failures == 1
    holder.execute("rollback")
    assert store.read("k", 1.0) == b"v"


class DeadRedis:
    def __init__(self) -> None:
        self.asked = 0

    def get(self, key: str) -> Any:
        self.asked += 1
        raise redis_library.ConnectionError("gone")

    def set(self, *_: Any, **__: Any) -> Any:
        return self.get("")

    def ping(self) -> Any:
        return self.get("")


def test_a_redis_that_fails_is_left_alone_for_a_while() -> None:
    client, now = DeadRedis(), [0.0]
    store = RedisStore(client, lambda: now[0])
    assert store.read("k", 0.0) is None and store.read("k", 0.0) is None
    assert not store.write("k", b"v", 1.0, 0.0) and not store.ping()
    assert client.asked == 1 and store.failures == 1
    now[0] = 60.0
    assert store.read("k", 0.0) is None and client.asked == 2


def test_an_entry_comes_back_as_it_was() -> None:
    entry = Entry(1.5, '{"a":12345678901234567890123}', (), Usage(1, 2, 3, 4), "m", "id", "group", "openai", "gpt")
    assert decode(encode(entry)) == entry
    assert decode(encode(entry._replace(body=None, chunks=("a", "b"), usage=None))) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b"[2,1,null,[],null,null,1,1,1,1]",
        b'[1,"x",1,1,1,1,1,1,1,1]',
        b"\xff\xfe",
        b"[1,1,{},5]",
    ],
)
def test_garbage_is_no_entry(data: bytes) -> None:
    assert decode(data) is None
