"""The database: where it is, how it is opened, and how a statement reaches it without holding up a call.

Statements run in a native thread, in transactions, each with a deadline. A database that does not answer is left alone for
a moment: then every further statement fails at once instead of waiting.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from proxy.domain.json_text.codec import dumps, loads
from proxy.storage.errors import ConflictingRowError, DatabaseDownError
from proxy.storage.schema import CHANGE_LOCK, migrate
from proxy.storage.tables import CHANGES
from proxy.storage.worker_thread import NativeThread, open_thread

_log = logging.getLogger("patchbay.storage")

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

SECONDS = 3.0
# How long a database that failed is left alone.
_PAUSE = 1.0
# Threads that wait for a database that hangs; with so many there is no further try until one comes back.
_MOST_HUNG = 4
_MOST_CHANGES = 100_000


class Change(NamedTuple):
    """One changed account: its kind (a table's name) and id."""

    kind: str
    id: str


class Database:
    """Safe for threads and greenlets. Made before a fork, it connects after it."""

    def __init__(self, url: str, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = sa.make_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.path = Path(self._url.database) if self.is_sqlite and self._url.database else None
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._session: _Session | None = None
        self._hung: list[_Session] = []
        self._paused_until = 0.0

    def read(self, work: Work[T], seconds: float | None = None) -> T:
        """What `work` makes of a connection; nothing that it changes is kept. Raise DatabaseDownError."""
        return self._run(lambda session: session.read(work), seconds)

    def write(self, work: Work[tuple[T, Sequence[Change]]], seconds: float | None = None) -> tuple[T, int]:
        """Run `work` in a transaction of its own and note what it says to have changed; the version after it (0: none).

        Raise ConflictingRowError for a row that exists already, DatabaseDownError. What `work` raises undoes it all.
        """
        return self._run(lambda session: session.write(work), seconds)

    def check(self) -> None:
        """Connect, and bring the tables to their form. Raise DatabaseDownError; NewerSchemaError for a newer one."""
        self.read(lambda connection: connection.exec_driver_sql("SELECT 1").close())

    def is_down(self) -> bool:
        """Whether it failed just now: a statement would not be tried."""
        return self._clock() < self._paused_until

    def close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _run(self, work: "Callable[[_Session], T]", seconds: float | None) -> T:
        if self.is_down():
            raise DatabaseDownError("the database failed a moment ago")
        session = self._open()
        try:
            return session.thread.run(lambda: work(session), seconds or self._seconds)
        except TimeoutError:
            self._give_up(session)
            raise DatabaseDownError("the database did not answer in time") from None
        except sa.exc.IntegrityError as error:
            raise ConflictingRowError(str(error.orig)) from None
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | OSError):
                self._pause()
            raise DatabaseDownError(_reason(error)) from None

    def _open(self) -> "_Session":
        with self._lock:
            if self._process != os.getpid():
                # A child of fork: the parent's connections are not ours.
                self._process, self._session, self._hung = os.getpid(), None, []
            if self._session is None:
                self._hung = [session for session in self._hung if session.is_busy]
                if len(self._hung) >= _MOST_HUNG:
                    self._paused_until = self._clock() + _PAUSE
                    raise DatabaseDownError("the database hangs")
                self._session = _Session(self._url, self.path)
            return self._session

    def _give_up(self, session: "_Session") -> None:
        with self._lock:
            self._hung.append(session)
            if self._session is session:
                self._session = None
        self._pause()

    def _pause(self) -> None:
        self._paused_until = self._clock() + _PAUSE


class _Session:
    """One native thread with its connection. Only the thread touches the connection."""

    def __init__(self, url: sa.URL, path: Path | None) -> None:
        self.thread: NativeThread = open_thread()
        self.is_busy = False
        self._engine = open_engine(url)
        self._path = path
        self._connection: sa.Connection | None = None

    def read(self, work: Work[T]) -> T:
        return self._with_connection(lambda connection: _undone(connection, work))

    def write(self, work: Work[tuple[T, Sequence[Change]]]) -> tuple[T, int]:
        return self._with_connection(lambda connection: self._transact(connection, work))

    def close(self) -> None:
        self.thread.run(self._forget, 1.0)

    def _with_connection(self, use: Work[T]) -> T:
        """`use` with the open connection; once more with a new one where the server closed the old one meanwhile."""
        self.is_busy = True
        try:
            was_open = self._connection is not None
            try:
                return use(self._connect())
            except sa.exc.DBAPIError as error:
                self._forget()
                if not (was_open and error.connection_invalidated):
                    raise
            return use(self._connect())
        finally:
            self.is_busy = False

    def _connect(self) -> sa.Connection:
        if self._connection is None:
            if self._path is not None:
                make_private(self._path)
            connection = self._engine.connect()
            try:
                migrate(connection, self._path.with_name(f"{self._path.name}.lock") if self._path else None)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _transact(self, connection: sa.Connection, work: Work[tuple[T, Sequence[Change]]]) -> tuple[T, int]:
        try:
            if self._path is None:
                # Commits in the order of the versions: a reader that has seen one has seen all before it.
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CHANGE_LOCK})
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            result, changes = work(connection)
            version = note_changes(connection, dict.fromkeys(changes))
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return result, version


def _undone(connection: sa.Connection, work: Work[T]) -> T:
    try:
        return work(connection)
    finally:
        connection.rollback()


def note_changes(connection: sa.Connection, changes: Iterable[Change]) -> int:
    """Append the changes; the version of the last one. Old ones go: a gateway that has missed them forgets everything."""
    version = 0
    for change in changes:
        statement = sa.insert(CHANGES).values(kind=change.kind, id=change.id, at=time.time())
        version = connection.execute(statement.returning(CHANGES.c.version)).scalar_one()
    if version and version % 1000 == 0:
        connection.execute(sa.delete(CHANGES).where(CHANGES.c.version < version - _MOST_CHANGES))
    return version


def open_engine(url: sa.URL) -> sa.Engine:
    options: dict[str, Any] = {
        "poolclass": sa.pool.NullPool,
        "json_serializer": lambda value: dumps(value).decode(),
        "json_deserializer": loads,
    }
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, **options, connect_args={"timeout": 2.0, "check_same_thread": False})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        return engine
    # Values that are bound in the client: no statement is prepared, which poolers such as PgBouncer do not take.
    arguments = {
        "connect_timeout": 2,
        "prepare_threshold": None,
        "options": "-c statement_timeout=5000 -c lock_timeout=5000",
    }
    return sa.create_engine(url.set(drivername="postgresql+psycopg"), **options, connect_args=arguments)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions begin where the statements say so.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=2000"):
        connection.execute(f"PRAGMA {pragma}").close()


def make_private(path: Path) -> None:
    """A folder for this user only, and a file that no other user reads. Raise OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(file).st_uid == os.geteuid():
            os.fchmod(file, 0o600)
    finally:
        os.close(file)


def _reason(error: Exception) -> str:
    """Without statements and values, which may hold anything."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0][:200] if str(cause) else ''}"
