"""Budgets, customers, tags and organizations are made, changed, shown and deleted: rows with limits of their own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy.accounts.permissions import Actor
from proxy.accounts.rows import Row
from proxy.errors import BadRequestError, PermissionDeniedError
from proxy.management.context import Management, missing
from proxy.management.key_rows import columns_of
from proxy.management.presentation import show, show_budget

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

Fields = Mapping[str, Any]


class LimitedRows:
    """One table of rows with limits. `column` is its key, `kind` what an error calls a row. For administrators."""

    def __init__(self, management: Management, table: str, column: str, kind: str) -> None:
        self._management = management
        self._table = table
        self._column = column
        self._kind = kind

    def create(self, actor: Actor, fields: Fields) -> dict[str, Any]:
        check_may_change(actor, self._kind)
        given = {name: value for name, value in fields.items() if value is not None}
        identifier = given.get(self._column) or self._management.new_id()

        def work(rows: "Rows") -> Row:
            if rows.find(self._table, identifier) is not None or self._is_declared(identifier):
                raise BadRequestError(
                    f"The {self._kind} {identifier[:200]} exists already: choose another {self._column}.",
                    param=self._column,
                    error_type="bad_request_error",
                )
            self._check_budget(rows, given)
            now = self._management.now()
            stamps = {"created_at": now, "updated_at": now, "created_by": actor.name, "updated_by": actor.name}
            rows.insert(self._table, {**self._columns(given), self._column: identifier, **stamps})
            return self.find(rows, identifier)

        return self.show(self._management.change(work, self._column))

    def update(self, actor: Actor, fields: Fields) -> dict[str, Any]:
        check_may_change(actor, self._kind)
        identifier = fields[self._column]

        def work(rows: "Rows") -> Row:
            before = self.find(rows, identifier)
            self._check_budget(rows, fields)
            columns = self._columns(fields, before)
            stamps = {"updated_at": self._management.now(), "updated_by": actor.name}
            rows.update(self._table, [identifier], {**columns, **stamps})
            return self.find(rows, identifier)

        return self.show(self._management.change(work))

    def set(self, actor: Actor, ids: Sequence[str], **columns: Any) -> list[dict[str, Any]]:
        """Set columns of several rows: of all, or of none."""
        check_may_change(actor, self._kind)

        def work(rows: "Rows") -> list[Row]:
            for identifier in dict.fromkeys(ids):
                self.find(rows, identifier)
                rows.update(self._table, [identifier], {**columns, "updated_at": self._management.now()})
            return [self.find(rows, identifier) for identifier in dict.fromkeys(ids)]

        return [self.show(row) for row in self._management.change(work)]

    def delete(self, actor: Actor, ids: Sequence[str]) -> list[dict[str, Any]]:
        check_may_change(actor, self._kind)

        def work(rows: "Rows") -> list[Row]:
            found = [self.find(rows, identifier) for identifier in dict.fromkeys(ids)]
            for row in found:
                rows.delete(self._table, [row[self._column]], actor.name)
            return found

        return [self.show(row) for row in self._management.change(work)]

    def info(self, actor: Actor, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The rows in the order of the ids. Raise NotFoundError for one that there is not."""
        check_may_read(actor, self._kind)
        return self._management.look(
            lambda rows: [self.show(self.find(rows, identifier), self._budgets(rows)) for identifier in ids]
        )

    def list_all(self, actor: Actor) -> list[dict[str, Any]]:
        check_may_read(actor, self._kind)

        def work(rows: "Rows") -> list[dict[str, Any]]:
            budgets = self._budgets(rows)
            return [self.show(row, budgets) for row in rows.all(self._table)]

        return self._management.look(work)

    def _columns(self, fields: Fields, before: Row | None = None) -> dict[str, Any]:
        """A budget has no spend of its own: what refers to it has."""
        columns = columns_of(fields, self._management, before)
        if self._table == "budgets":
            columns.pop("spend", None)
        return columns

    def find(self, rows: "Rows", identifier: str) -> Row:
        row = rows.find(self._table, identifier)
        if row is None:
            raise missing(self._kind, identifier, self._column)
        return row

    def show(self, row: Row, budgets: Mapping[str, Row] | None = None) -> dict[str, Any]:
        shown = show(row)
        if self._table != "budgets":
            shown["litellm_budget_table"] = show_budget(row, budgets or {})
        return shown

    def _budgets(self, rows: "Rows") -> dict[str, Row]:
        if self._table == "budgets":
            return {}
        return {**self._management.declared().budgets, **{row["budget_id"]: row for row in rows.all("budgets")}}

    def _is_declared(self, identifier: str) -> bool:
        return self._table == "budgets" and identifier in self._management.declared().budgets

    def _check_budget(self, rows: "Rows", fields: Fields) -> None:
        """A row may refer to a budget that there is."""
        budget_id = fields.get("budget_id")
        if self._table == "budgets" or budget_id is None or budget_id in self._management.declared().budgets:
            return
        if rows.find("budgets", budget_id) is None:
            raise BadRequestError(f"There is no budget {budget_id[:200]}.", param="budget_id")


class Organizations(LimitedRows):
    """Organizations also have members, each with a role."""

    def __init__(self, management: Management) -> None:
        super().__init__(management, "organizations", "organization_id", "organization")

    def add_members(self, actor: Actor, fields: Fields) -> dict[str, Any]:
        return self._change_members(
            actor,
            fields["organization_id"],
            lambda before: [
                *(one for one in before if not any(_same(one, new) for new in fields["member"])),
                *fields["member"],
            ],
        )

    def update_member(self, actor: Actor, fields: Fields) -> dict[str, Any]:
        check_named(fields)

        def change(before: list[dict[str, Any]]) -> list[dict[str, Any]]:
            found = _member_of(before, fields)
            return [{**one, "role": fields.get("role") or one["role"]} if one is found else one for one in before]

        return self._change_members(actor, fields["organization_id"], change)

    def remove_member(self, actor: Actor, fields: Fields) -> dict[str, Any]:
        check_named(fields)

        def change(before: list[dict[str, Any]]) -> list[dict[str, Any]]:
            found = _member_of(before, fields)
            return [one for one in before if one is not found]

        return self._change_members(actor, fields["organization_id"], change)

    def _change_members(self, actor: Actor, identifier: str, change: Any) -> dict[str, Any]:
        check_may_change(actor, self._kind)

        def work(rows: "Rows") -> Row:
            members = change(list(self.find(rows, identifier).get("members") or ()))
            rows.update(self._table, [identifier], {"members": members, "updated_at": self._management.now()})
            return self.find(rows, identifier)

        row = self._management.change(work)
        return {
            "organization_id": identifier,
            "updated_users": [{"user_id": one.get("user_id")} for one in row["members"]],
            "updated_organization_memberships": [
                {"user_id": one.get("user_id"), "organization_id": identifier, "user_role": one["role"], "spend": 0.0}
                for one in row["members"]
            ],
        }


def check_may_change(actor: Actor, kind: str) -> None:
    if not actor.is_admin:
        raise PermissionDeniedError(f"Only an administrator may change a {kind}.", error_type="auth_error")


def check_may_read(actor: Actor, kind: str) -> None:
    if not actor.sees_all:
        raise PermissionDeniedError(f"Only an administrator may read a {kind}.", error_type="auth_error")


def check_named(fields: Fields) -> None:
    if fields.get("user_id") is None and fields.get("user_email") is None:
        raise BadRequestError("Name the member: user_id or user_email.", param="user_id")


def _same(one: Fields, other: Fields) -> bool:
    return any(one.get(name) is not None and one.get(name) == other.get(name) for name in ("user_id", "user_email"))


def _member_of(members: Sequence[dict[str, Any]], fields: Fields) -> dict[str, Any]:
    for one in members:
        if _same(one, fields):
            return one
    raise missing("member", str(fields.get("user_id") or fields.get("user_email")), "user_id")
