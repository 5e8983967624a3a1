"""Rows as a management request works on them, over the connection of its transaction; what it changes is noted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from proxy.accounts.rows import Row
from proxy.storage import account_rows
from proxy.storage.account_rows import TABLES
from proxy.storage.database import Change

# Columns and values that a row must have; a list of values: one of them. None: the column is empty.
Equal = Mapping[str, Any]


class Rows:
    """One per transaction."""

    def __init__(self, connection: sa.Connection, now: float) -> None:
        self._connection = connection
        self.now = now
        self.changes: list[Change] = []

    def find(self, table: str, *ids: Any) -> dict[str, Any] | None:
        return account_rows.find(self._connection, table, *ids)

    def find_many(self, table: str, column: str, values: Iterable[Any]) -> list[dict[str, Any]]:
        return account_rows.find_many(self._connection, table, column, values)

    def find_deleted(self, table: str, identifier: str) -> dict[str, Any] | None:
        return account_rows.find_deleted(self._connection, table, identifier)

    def insert(self, table: str, row: Row) -> None:
        account_rows.insert(self._connection, table, row)
        self._note(table, [row[column.name] for column in TABLES[table].primary_key.columns])

    def update(self, table: str, ids: Sequence[Any], changes: Row) -> None:
        account_rows.update(self._connection, table, ids, changes)
        self._note(table, ids)
        for column in TABLES[table].primary_key.columns:
            if column.name in changes:
                self._note(table, [changes[column.name]])

    def delete(self, table: str, ids: Sequence[Any], by: str | None) -> None:
        account_rows.delete(self._connection, table, ids, self.now, by)
        self._note(table, ids)

    def deprecate_key(self, token: str, active: str, revoke_at: float) -> None:
        """`token` works until `revoke_at` as `active` does."""
        account_rows.deprecate(self._connection, token, active, revoke_at)
        self.forget_former(active)

    def drop_former(self, tokens: Sequence[str]) -> None:
        """The former hashes of these keys end."""
        for token in tokens:
            self.forget_former(token)
        account_rows.drop_deprecated(self._connection, tokens)

    def forget_former(self, active: str) -> None:
        for token in account_rows.find_deprecated(self._connection, [active]):
            self._note("keys", [token])

    def page(
        self,
        table: str,
        *alternatives: Equal,
        equal: Equal | None = None,
        contains: Mapping[str, str] | None = None,
        order: str = "created_at",
        descending: bool = True,
        start: int = 0,
        size: int = 100,
    ) -> tuple[list[dict[str, Any]], int]:
        """Rows that have all of `equal`, one of the alternatives (if there are any) and the texts; and their number."""
        where = [*self._equal(table, equal or {})]
        columns = TABLES[table].columns
        if alternatives:
            where.append(sa.or_(*(sa.and_(sa.true(), *self._equal(table, wanted)) for wanted in alternatives)))
        if contains:
            where.append(sa.or_(*(columns[name].icontains(text, autoescape=True) for name, text in contains.items())))
        by = columns[order]
        ordered = [by.desc().nulls_last() if descending else by.asc().nulls_last(), *TABLES[table].primary_key.columns]
        return account_rows.select_page(self._connection, table, where, ordered, start, size)

    def all(self, table: str, equal: Equal | None = None) -> list[dict[str, Any]]:
        statement = sa.select(TABLES[table]).where(*self._equal(table, equal or {}))
        rows = self._connection.execute(statement.order_by(*TABLES[table].primary_key.columns)).mappings()
        return [dict(row) for row in rows]

    def count_by(self, table: str, column: str, values: Sequence[Any]) -> dict[Any, int]:
        """How many rows have each of the values."""
        by = TABLES[table].columns[column]
        statement = sa.select(by, sa.func.count()).where(by.in_(list(values))).group_by(by)
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def _equal(self, table: str, equal: Equal) -> list[sa.ColumnElement[bool]]:
        columns = TABLES[table].columns
        return [
            columns[name].in_(list(value)) if isinstance(value, list | tuple | set) else columns[name] == value
            for name, value in equal.items()
        ]

    def _note(self, table: str, ids: Sequence[Any]) -> None:
        self.changes.append(Change(table, ":".join(map(str, ids))))
