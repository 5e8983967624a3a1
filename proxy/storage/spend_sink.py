"""Writes the spend of finished calls: each process keeps its rows in the spool, one process at a time stores them all."""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.record import CallRecord
from proxy.runtime import Runtime
from proxy.sinks.contract import SinkError
from proxy.storage.errors import DatabaseDownError
from proxy.storage.spend_rows import build_row
from proxy.storage.spend_spool import Spool, SpoolFullError

_log = logging.getLogger("patchbay.spend")
_HOUR = 3600.0
# Rows of one transaction.
_MOST_ROWS = 1000


class Store(Protocol):
    """See SpendStore."""

    def store(self, rows: Sequence[dict[str, Any]]) -> int: ...
    def forget(self, before: float) -> int: ...


class SpendSink:
    """See proxy.sinks.contract.Sink. It sees all calls, those that ask not to be logged, too: their spend counts.

    `store` opens the tables; `is_on` is false where nothing is stored yet. `seconds` is how long rows wait to be stored
    together, `kept_seconds` how long rows are kept; None: for good.
    """

    name = "spend"
    tries = 1
    anonymous = True

    def __init__(
        self,
        folder: Path,
        is_on: Callable[[], bool],
        store: Callable[[], Store],
        runtime: Runtime,
        seconds: float = 2.0,
        kept_seconds: float | None = None,
    ) -> None:
        self._spool = Spool(folder)
        self._is_on = is_on
        self._store = store
        self._runtime = runtime
        self._seconds = seconds
        self._kept_seconds = kept_seconds
        self._forgot_at = 0.0
        self._waiting = threading.Event()
        self._closed = threading.Event()
        self._writer: threading.Thread | None = None

    def write(self, records: Sequence[CallRecord]) -> None:
        """Keep the rows; raise SinkError where there is no room for them."""
        if not self._is_on():
            return
        rows = [build_row(record, self._runtime.new_id()) for record in records if is_accounted(record)]
        if not rows:
            return
        try:
            self._spool.append(b"".join(dumps(row) + b"\n" for row in rows))
        except SpoolFullError:
            raise SinkError("so many rows wait for the database that no more are kept") from None
        except OSError as error:
            raise SinkError(f"rows can't be kept: {error.strerror}") from None
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name="spend-writer", daemon=True)
            self._writer.start()
        self._waiting.set()

    def close(self) -> None:
        """What is left is stored by another process, or at the next start."""
        self._closed.set()
        self._waiting.set()
        with contextlib.suppress(DatabaseDownError, OSError):
            self.flush()

    def flush(self) -> bool:
        """Store what all processes of the host have kept; False if another one is at it. Raise DatabaseDownError."""
        with self._spool.turn() as mine:
            if not mine or not self._is_on():
                return False
            for path in self._spool.take():
                rows = [loads(line) for line in self._spool.read(path)]
                for start in range(0, len(rows), _MOST_ROWS):
                    self._store().store(rows[start : start + _MOST_ROWS])
                path.unlink(missing_ok=True)
            self._forget()
        return True

    def _forget(self) -> None:
        """Once an hour, the rows that are older than the operator keeps them."""
        now = self._runtime.now()
        if self._kept_seconds is not None and now - self._forgot_at >= _HOUR:
            self._forgot_at = now
            self._store().forget(now - self._kept_seconds)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._waiting.wait()
            self._runtime.sleep(self._seconds)
            self._waiting.clear()
            try:
                if not self.flush():
                    self._waiting.set()
            except (DatabaseDownError, OSError) as error:
                _log.warning("spend waits to be stored: %s", type(error).__name__)
                self._waiting.set()
            except Exception:  # noqa: BLE001  the next rows must find a writer
                _log.exception("spend could not be stored")


def is_accounted(record: CallRecord) -> bool:
    """Not a request whose key was not good: it is no caller's."""
    return record.status_code != 401 or record.key_token is not None
