"""Reading and changing rows of accounts over one connection: the statements, without rules."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from proxy.accounts.build import Bundle
from proxy.accounts.rows import Row
from proxy.storage.tables import (
    ARCHIVE,
    BUDGETS,
    CHANGES,
    CUSTOMERS,
    DEPRECATED_KEYS,
    KEYS,
    ORGANIZATIONS,
    TAGS,
    TEAM_MEMBERS,
    TEAMS,
    USERS,
)

TABLES: Mapping[str, sa.Table] = {
    table.name: table for table in (KEYS, TEAMS, TEAM_MEMBERS, USERS, ORGANIZATIONS, BUDGETS, CUSTOMERS, TAGS)
}
# As many values as both databases take in one statement.
_MOST_VALUES = 500


def find(connection: sa.Connection, table: str, *ids: Any) -> dict[str, Any] | None:
    """The row with this primary key."""
    columns = TABLES[table].primary_key.columns
    statement = sa.select(TABLES[table]).where(*(column == value for column, value in zip(columns, ids, strict=True)))
    row = connection.execute(statement).mappings().first()
    return dict(row) if row is not None else None


def find_many(connection: sa.Connection, table: str, column: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    """All rows whose column has one of the values."""
    wanted = list(dict.fromkeys(values))
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), _MOST_VALUES):
        part = wanted[start : start + _MOST_VALUES]
        rows = connection.execute(sa.select(TABLES[table]).where(TABLES[table].c[column].in_(part))).mappings()
        found += [dict(row) for row in rows]
    return found


def select_page(
    connection: sa.Connection,
    table: str,
    where: Sequence[sa.ColumnElement[bool]],
    order: Sequence[sa.ColumnElement[Any]],
    start: int,
    size: int,
) -> tuple[list[dict[str, Any]], int]:
    """`size` rows from `start` on, and how many there are in all."""
    total = connection.execute(sa.select(sa.func.count()).select_from(TABLES[table]).where(*where)).scalar_one()
    statement = sa.select(TABLES[table]).where(*where).order_by(*order).offset(start).limit(size)
    return [dict(row) for row in connection.execute(statement).mappings()], total


def insert(connection: sa.Connection, table: str, row: Row) -> None:
    connection.execute(sa.insert(TABLES[table]).values(known(table, row)))


def update(connection: sa.Connection, table: str, ids: Sequence[Any], changes: Row) -> None:
    columns = TABLES[table].primary_key.columns
    values = known(table, changes)
    if values:
        statement = sa.update(TABLES[table]).where(*(column == item for column, item in zip(columns, ids, strict=True)))
        connection.execute(statement.values(values))


def delete(connection: sa.Connection, table: str, ids: Sequence[Any], now: float, by: str | None) -> None:
    """Remove the row; the archive keeps it."""
    row = find(connection, table, *ids)
    if row is None:
        return
    columns = TABLES[table].primary_key.columns
    connection.execute(
        sa.delete(TABLES[table]).where(*(column == item for column, item in zip(columns, ids, strict=True)))
    )
    name = ":".join(map(str, ids))
    connection.execute(sa.insert(ARCHIVE).values(kind=table, id=name, deleted_at=now, deleted_by=by, row=row))


def find_deleted(connection: sa.Connection, table: str, identifier: str) -> dict[str, Any] | None:
    """The latest deleted row of this id."""
    statement = (
        sa.select(ARCHIVE.c.row)
        .where(ARCHIVE.c.kind == table, ARCHIVE.c.id == identifier)
        .order_by(ARCHIVE.c.number.desc())
    )
    found: dict[str, Any] | None = connection.execute(statement).scalars().first()
    return found


def known(table: str, row: Row) -> dict[str, Any]:
    """What the table has columns for."""
    columns = TABLES[table].columns
    return {name: value for name, value in row.items() if name in columns}


def deprecate(connection: sa.Connection, token: str, active: str, revoke_at: float) -> None:
    """A former hash works until `revoke_at`; earlier ones of the same key now lead to the new one."""
    connection.execute(
        sa.update(DEPRECATED_KEYS).where(DEPRECATED_KEYS.c.active_token_id == token).values(active_token_id=active)
    )
    connection.execute(sa.delete(DEPRECATED_KEYS).where(DEPRECATED_KEYS.c.token == token))
    connection.execute(sa.insert(DEPRECATED_KEYS).values(token=token, active_token_id=active, revoke_at=revoke_at))


def find_deprecated(connection: sa.Connection, active: Iterable[str]) -> list[str]:
    """The former hashes of keys."""
    statement = sa.select(DEPRECATED_KEYS.c.token).where(DEPRECATED_KEYS.c.active_token_id.in_(list(active)))
    return list(connection.execute(statement).scalars())


def drop_deprecated(connection: sa.Connection, active: Iterable[str]) -> None:
    connection.execute(sa.delete(DEPRECATED_KEYS).where(DEPRECATED_KEYS.c.active_token_id.in_(list(active))))


def find_bundles(connection: sa.Connection, tokens: Sequence[str], now: float) -> dict[str, Bundle]:
    """The rows of keys by the hashes that were shown, former hashes in their grace period among them."""
    keys = {row["token"]: row for row in find_many(connection, "keys", "token", tokens)}
    grace: dict[str, tuple[str, float]] = {}
    missing = [token for token in tokens if token not in keys]
    if missing:
        columns = DEPRECATED_KEYS.c
        rows = connection.execute(
            sa.select(columns.token, columns.active_token_id, columns.revoke_at).where(
                columns.token.in_(missing), columns.revoke_at > now
            )
        )
        grace = {row.token: (row.active_token_id, row.revoke_at) for row in rows}
        active = find_many(connection, "keys", "token", [token for token, _ in grace.values()])
        keys |= {row["token"]: row for row in active}
    related = _Related(connection, list(keys.values()))
    bundles = {token: related.bundle(keys[token], None) for token in tokens if token in keys}
    for token, (active_token, revoke_at) in grace.items():
        if active_token in keys:
            bundles[token] = related.bundle(keys[active_token], revoke_at)
    return bundles


class _Related:
    """What some keys belong to, read in one statement a table."""

    def __init__(self, connection: sa.Connection, keys: Sequence[Row]) -> None:
        self._teams = _by(connection, "teams", "team_id", [key["team_id"] for key in keys])
        self._users = _by(connection, "users", "user_id", [key["user_id"] for key in keys])
        pairs = {(key["team_id"], key["user_id"]) for key in keys if key["team_id"] and key["user_id"]}
        members = find_many(connection, "team_members", "user_id", [user for _, user in pairs])
        self._members = {(row["team_id"], row["user_id"]): row for row in members}
        organizations = [key["organization_id"] for key in keys]
        organizations += [team["organization_id"] for team in self._teams.values()]
        self._organizations = _by(connection, "organizations", "organization_id", organizations)
        groups: list[Iterable[Row]] = [keys, self._teams.values(), self._users.values(), members]
        named = [row.get("budget_id") for rows in (*groups, self._organizations.values()) for row in rows]
        self._budgets = _by(connection, "budgets", "budget_id", named)

    def bundle(self, key: Row, expires: float | None) -> Bundle:
        team = self._teams.get(key["team_id"])
        organization = key["organization_id"] or (team or {}).get("organization_id")
        return Bundle(
            key=key,
            team=team,
            member=self._members.get((key["team_id"], key["user_id"])),
            user=self._users.get(key["user_id"]),
            organization=self._organizations.get(organization),
            budgets=self._budgets,
            expires=expires,
        )


def _by(connection: sa.Connection, table: str, column: str, values: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    wanted = [value for value in values if value is not None]
    return {row[column]: row for row in find_many(connection, table, column, wanted)} if wanted else {}


def changes_since(connection: sa.Connection, version: int, most: int) -> list[tuple[int, str, str]] | None:
    """(version, kind, id) of each later change; None if some are missing or there are too many."""
    columns = CHANGES.c
    first = connection.execute(sa.select(sa.func.min(columns.version))).scalar()
    if first is not None and first > version + 1 and version:
        return None
    statement = (
        sa.select(columns.version, columns.kind, columns.id)
        .where(columns.version > version)
        .order_by(columns.version)
        .limit(most + 1)
    )
    found = [(row.version, row.kind, row.id) for row in connection.execute(statement)]
    return None if len(found) > most else found


def last_version(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.max(CHANGES.c.version))).scalar() or 0
