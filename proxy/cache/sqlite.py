"""Entries in an SQLite file: what all workers of a host share, or what stays on disk between starts."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

_Found = TypeVar("_Found")
# A lock that takes longer is a miss: a call must not wait for the cache.
_LOCK_SECONDS = 0.05
_SCHEMA = """
create table if not exists entries (key text primary key, data blob, size integer, expires real, used real) without rowid;
create index if not exists entries_by_use on entries (used);
"""


class SqliteStore:
    """Bounded in bytes; the entries that were not used for longest go first. The file is readable by its owner only."""

    def __init__(self, path: Path, most_bytes: int, kind: str) -> None:
        self.kind = kind
        self.failures = 0
        self._path = path
        self._most = most_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def read(self, key: str, now: float) -> bytes | None:
        return self._run(lambda database: _read(database, key, now), None)

    def write(self, key: str, data: bytes, expires_at: float, now: float) -> bool:
        return len(data) <= self._most and self._run(
            lambda database: self._insert(database, key, data, expires_at, now), False
        )

    def delete(self, keys: Sequence[str]) -> bool:
        statement = "delete from entries where key = ?"
        return self._run(lambda database: bool(database.executemany(statement, [(key,) for key in keys])), False)

    def clear(self) -> bool:
        return self._run(lambda database: bool(database.execute("delete from entries")), False)

    def ping(self) -> bool:
        return self._run(lambda database: bool(database.execute("select 1").fetchone()), False)

    def _insert(self, database: sqlite3.Connection, key: str, data: bytes, expires_at: float, now: float) -> bool:
        values = (key, data, len(data) + len(key), expires_at, now)
        database.execute("insert or replace into entries values (?, ?, ?, ?, ?)", values)
        self._evict(database, now)
        return True

    def _evict(self, database: sqlite3.Connection, now: float) -> None:
        (size,) = database.execute("select coalesce(sum(size), 0) from entries").fetchone()
        if size <= self._most:
            return
        database.execute("delete from entries where expires <= ?", (now,))
        (size,) = database.execute("select coalesce(sum(size), 0) from entries").fetchone()
        for key, used in database.execute("select key, size from entries order by used").fetchall():
            if size <= self._most:
                return
            database.execute("delete from entries where key = ?", (key,))
            size -= used

    def _run(self, action: Callable[[sqlite3.Connection], _Found], otherwise: _Found) -> _Found:
        """The action's result, in one transaction; `otherwise` where it fails, which is counted."""
        with self._lock:
            try:
                database = self._open()
                with database:
                    return action(database)
            except (sqlite3.Error, OSError):
                self.failures += 1
                self._close()
                return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_LOCK_SECONDS, check_same_thread=False)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = off")
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _read(database: sqlite3.Connection, key: str, now: float) -> bytes | None:
    row = database.execute("select data, expires from entries where key = ?", (key,)).fetchone()
    if row is None or row[1] <= now or not isinstance(row[0], bytes):
        return None
    database.execute("update entries set used = ? where key = ?", (now, key))
    return row[0]
