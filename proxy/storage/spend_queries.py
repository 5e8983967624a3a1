"""What is asked about stored spend: rows of calls, and sums by day."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from proxy.storage.database import Database
from proxy.storage.spend_filters import DayFilter, LogFilter, Order
from proxy.storage.spend_tables import DAILY_SPEND, DAILY_SUMS, SPEND_LOGS

_SECONDS = 10.0


class SpendQueries:
    """Raise DatabaseDownError from each method."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def logs(self, wanted: LogFilter, order: Order, start: int, size: int) -> tuple[list[dict[str, Any]], int]:
        """`size` rows from `start` on, and how many there are in all."""
        where = _where(wanted)
        column = SPEND_LOGS.c[order.column]
        ordered = column.desc() if order.descending else column.asc()

        def work(connection: sa.Connection) -> tuple[list[dict[str, Any]], int]:
            total = connection.execute(sa.select(sa.func.count()).select_from(SPEND_LOGS).where(*where)).scalar_one()
            statement = sa.select(SPEND_LOGS).where(*where).order_by(ordered, SPEND_LOGS.c.row_id)
            rows = connection.execute(statement.offset(start).limit(size)).mappings()
            return [dict(row) for row in rows], total

        return self._database.read(work, _SECONDS)

    def days(self, wanted: DayFilter) -> list[dict[str, Any]]:
        """The sums of all days, keys, models and endpoints, the latest day first."""
        statement = sa.select(DAILY_SPEND).where(*_days_where(wanted)).order_by(DAILY_SPEND.c.date.desc())
        return self._database.read(
            lambda connection: [dict(row) for row in connection.execute(statement).mappings()], _SECONDS
        )

    def sums(self, wanted: DayFilter, by: Sequence[str]) -> list[dict[str, Any]]:
        """The sums by columns of DAILY_SPEND, the most expensive first."""
        columns = [DAILY_SPEND.c[name] for name in by]
        totals = [sa.func.sum(DAILY_SPEND.c[name]).label(name) for name in DAILY_SUMS]
        statement = (
            sa.select(*columns, *totals)
            .where(*_days_where(wanted))
            .group_by(*columns)
            .order_by(sa.desc("spend"), *columns)
        )

        def work(connection: sa.Connection) -> list[dict[str, Any]]:
            rows = connection.execute(statement).mappings()
            # PostgreSQL's sums of big integers are decimals.
            return [{name: int(value) if name in DAILY_SUMS else value for name, value in row.items()} for row in rows]

        return self._database.read(work, _SECONDS)


def _where(wanted: LogFilter) -> list[sa.ColumnElement[bool]]:
    where = [SPEND_LOGS.c[name] == value for name, value in wanted.equal.items()]
    if wanted.start is not None:
        where.append(SPEND_LOGS.c.start_time >= wanted.start)
    if wanted.end is not None:
        where.append(SPEND_LOGS.c.start_time < wanted.end)
    if wanted.least is not None:
        where.append(SPEND_LOGS.c.spend >= wanted.least)
    if wanted.most is not None:
        where.append(SPEND_LOGS.c.spend <= wanted.most)
    return where


def _days_where(wanted: DayFilter) -> list[sa.ColumnElement[bool]]:
    columns = DAILY_SPEND.c
    where = [columns.entity_kind == wanted.kind, columns.date >= wanted.start, columns.date <= wanted.end]
    if wanted.ids is not None:
        where.append(columns.entity_id.in_(list(wanted.ids)))
    if wanted.without:
        where.append(columns.entity_id.not_in(list(wanted.without)))
    if wanted.model is not None:
        where.append(columns.model == wanted.model)
    if wanted.api_key is not None:
        where.append(columns.api_key.in_(list(wanted.api_key)))
    return where
