"""What the directory of accounts asks of the database."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from proxy.accounts.build import Bundle
from proxy.storage import account_rows
from proxy.storage.database import Change, Database
from proxy.storage.rows import Rows

T = TypeVar("T")

_MOST_CHANGES = 1000


class AccountStore:
    """Raise DatabaseDownError from each method."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self.database = database
        self._now = now

    def find(self, tokens: Sequence[str]) -> dict[str, Bundle]:
        """The rows of those keys that exist."""
        return self.database.read(lambda connection: account_rows.find_bundles(connection, tokens, self._now()))

    def changes_since(self, version: int) -> tuple[int, list[Change] | None]:
        """The version of now, and what has changed; None for too much to be listed."""
        found = self.database.read(lambda connection: (
            account_rows.changes_since(connection, version, _MOST_CHANGES), account_rows.last_version(connection)
        ))  # fmt: skip
        changes, last = found
        if changes is None:
            return last, None
        latest = changes[-1][0] if changes else max(version, 0)
        return latest, [Change(kind, identifier) for _, kind, identifier in changes]

    def look(self, work: Callable[[Rows], T]) -> T:
        """What `work` finds."""
        return self.database.read(lambda connection: work(Rows(connection, self._now())))

    def change(self, work: Callable[[Rows], T]) -> tuple[T, int]:
        """Let `work` change rows in one transaction; the version after it. Raise ConflictingRowError."""

        def transact(connection: Connection) -> tuple[T, list[Change]]:
            rows = Rows(connection, self._now())
            result = work(rows)
            return result, rows.changes

        return self.database.write(transact)

    def limited(self) -> dict[str, list[dict[str, Any]]]:
        """All end users and tags that have rows, and the budgets that they may refer to."""
        return self.look(lambda rows: {table: rows.all(table) for table in ("customers", "tags", "budgets")})

    def last_version(self) -> int:
        return self.database.read(account_rows.last_version)
