"""Stores rows of spend: the rows themselves, the sums by day, and the spend of keys, teams, users and others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from proxy.storage.database import Change, Database
from proxy.storage.spend_rows import entities_of
from proxy.storage.spend_tables import DAILY_KEYS, DAILY_SPEND, DAILY_SUMS, SPEND_LOGS
from proxy.storage.tables import BUDGETS, CUSTOMERS, KEYS, ORGANIZATIONS, TAGS, TEAM_MEMBERS, TEAMS, USERS

Row = dict[str, Any]
_SECONDS = 20.0
_MOST_VALUES = 500
_LOG_COLUMNS = tuple(SPEND_LOGS.c.keys())
# The table, and the columns of the key, of what is limited.
_ENTITIES: Mapping[str, tuple[sa.Table, tuple[str, ...]]] = {
    "key": (KEYS, ("token",)),
    "team": (TEAMS, ("team_id",)),
    "user": (USERS, ("user_id",)),
    "member": (TEAM_MEMBERS, ("team_id", "user_id")),
    "organization": (ORGANIZATIONS, ("organization_id",)),
    "customer": (CUSTOMERS, ("user_id",)),
    "tag": (TAGS, ("name",)),
}


class Windowed(Protocol):
    def bounds(self, now: float) -> tuple[int, int]: ...


# (duration, anchor) -> the windows of a budget.
WindowOf = Callable[[str | None, float], Windowed]


class SpendStore:
    """`keeps_rows` is false where the operator wants sums only."""

    def __init__(self, database: Database, window_of: WindowOf, *, keeps_rows: bool = True) -> None:
        self._database = database
        self._window_of = window_of
        self._keeps_rows = keeps_rows
        self._insert: Any = insert_sqlite if database.is_sqlite else insert_postgres

    def store(self, rows: Sequence[Row]) -> int:
        """How many were new: rows that are stored already change nothing. Raise DatabaseDownError."""

        def work(connection: sa.Connection) -> tuple[int, Sequence[Change]]:
            new = self._insert_new(connection, rows)
            self._add_days(connection, new)
            self._add_spend(connection, new)
            return len(new), ()

        return self._database.write(work, _SECONDS)[0]

    def forget(self, before: float) -> int:
        """Remove rows of calls that began earlier; the sums stay."""

        def work(connection: sa.Connection) -> tuple[int, Sequence[Change]]:
            return connection.execute(sa.delete(SPEND_LOGS).where(SPEND_LOGS.c.start_time < before)).rowcount, ()

        return self._database.write(work, _SECONDS)[0]

    def _insert_new(self, connection: sa.Connection, rows: Sequence[Row]) -> list[Row]:
        """Those that are not stored yet: a writer that was killed after its transaction leaves its file to be stored again."""
        known: set[str] = set()
        ids = [row["row_id"] for row in rows]
        for start in range(0, len(ids), _MOST_VALUES):
            part = ids[start : start + _MOST_VALUES]
            known.update(
                connection.execute(sa.select(SPEND_LOGS.c.row_id).where(SPEND_LOGS.c.row_id.in_(part))).scalars()
            )
        new = list({row["row_id"]: row for row in rows if row["row_id"] not in known}.values())
        if new and self._keeps_rows:
            values = [{name: row.get(name) for name in _LOG_COLUMNS} for row in new]
            connection.execute(sa.insert(SPEND_LOGS), values)
        return new

    def _add_days(self, connection: sa.Connection, rows: Iterable[Row]) -> None:
        sums: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(DAILY_SUMS))
        for row in rows:
            amounts = _amounts(row)
            for kind, identifier in entities_of(row):
                total = sums[_day_key(row, kind, identifier)]
                for position, amount in enumerate(amounts):
                    total[position] += amount
        if not sums:
            return
        values = [
            {**dict(zip(DAILY_KEYS, key, strict=True)), **dict(zip(DAILY_SUMS, total, strict=True))}
            for key, total in sums.items()
        ]
        statement = self._insert(DAILY_SPEND)
        added = {name: DAILY_SPEND.c[name] + statement.excluded[name] for name in DAILY_SUMS}
        connection.execute(statement.on_conflict_do_update(index_elements=list(DAILY_KEYS), set_=added), values)

    def _add_spend(self, connection: sa.Connection, rows: Iterable[Row]) -> None:
        """Add to the present window of each entity that is stored, and to its lifetime."""
        spent: defaultdict[tuple[str, str], int] = defaultdict(int)
        at: dict[tuple[str, str], float] = {}
        for row in rows:
            if row["spend"]:
                for entity in entities_of(row):
                    spent[entity] += row["spend"]
                    at[entity] = max(at.get(entity, 0.0), row["end_time"])
        for entity, amount in sorted(spent.items()):
            self._add_to(connection, entity, amount, at[entity])

    def _add_to(self, connection: sa.Connection, entity: tuple[str, str], amount: int, now: float) -> None:
        kind, identifier = entity
        table, columns = _ENTITIES[kind]
        ids = identifier.split(":", 1) if len(columns) > 1 else [identifier]
        if len(ids) != len(columns):
            return
        where = [table.c[column] == value for column, value in zip(columns, ids, strict=True)]
        row = connection.execute(sa.select(table).where(*where)).mappings().first()
        if row is None:
            return
        duration = row["budget_duration"] or self._shared_duration(connection, row["budget_id"])
        values: dict[str, Any] = {"spend": row["spend"] + amount, "total_spend": row["total_spend"] + amount}
        if duration:
            _, end = self._window_of(duration, row["created_at"] or 0.0).bounds(now)
            if row["budget_reset_at"] is None or row["budget_reset_at"] <= now:
                values.update(spend=amount, budget_reset_at=float(end))
        connection.execute(sa.update(table).where(*where).values(values))

    def _shared_duration(self, connection: sa.Connection, budget_id: str | None) -> str | None:
        if budget_id is None:
            return None
        statement = sa.select(BUDGETS.c.budget_duration).where(BUDGETS.c.budget_id == budget_id)
        return connection.execute(statement).scalar_one_or_none()


def day_of(moment: float) -> str:
    """The UTC day of a call: LiteLLM's days."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _day_key(row: Row, kind: str, identifier: str) -> tuple[str, ...]:
    return (
        day_of(row["start_time"]),
        kind,
        identifier,
        row["api_key"] or "",
        row["model"] or "",
        row["model_group"] or "",
        row["custom_llm_provider"] or "",
        row.get("route") or "",
    )


def _amounts(row: Row) -> tuple[int, ...]:
    """In the order of DAILY_SUMS."""
    succeeded = row["status"] == "success"
    return (
        row["spend"],
        row["prompt_tokens"],
        row["completion_tokens"],
        row.get("cache_read") or 0,
        row.get("cache_write") or 0,
        1,
        int(succeeded),
        int(not succeeded),
    )
