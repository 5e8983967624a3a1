"""Keys are made, changed, shown, regenerated and deleted."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy.accounts.build import dollars
from proxy.accounts.key_form import hash_key, is_hash, shown_name, to_hash
from proxy.accounts.permissions import (
    Actor,
    check_key_change,
    check_key_creation,
    may_read_key,
)
from proxy.accounts.route_access import MANAGEMENT_ROUTES
from proxy.accounts.rows import Row
from proxy.domain.account import nanodollars
from proxy.errors import BadRequestError, GatewayError, PermissionDeniedError
from proxy.management.context import Management, entity_of, missing
from proxy.management.expiry import expires_at
from proxy.management.key_rows import columns_of, fill_bounds, with_defaults, within_bounds
from proxy.management.presentation import show_generated, show_key

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

_TAKEN = "key_alias"


class Keys:
    """One per application. Fields are as the schemas have read them."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def generate(self, actor: Actor, fields: Mapping[str, Any], route: str = "/key/generate") -> dict[str, Any]:
        rules = self._management.rules
        filled = fill_bounds(with_defaults(fields, rules), rules)
        is_service = route == "/key/service-account/generate"
        if is_service:
            filled = _of_service_account(filled)
        elif filled.get("user_id") is None and not actor.is_admin:
            filled["user_id"] = actor.user_id
        key = filled.get("key") or self._management.random_key()

        def work(rows: "Rows") -> Row:
            return self.insert(rows, actor, filled, key, route)

        return show_generated(self._management.change(work, _TAKEN), filled, key)

    def insert(self, rows: "Rows", actor: Actor, fields: Mapping[str, Any], key: str, route: str) -> Row:
        """The new key's row, stored."""
        management = self._management
        team = self._team(rows, fields.get("team_id"))
        given = {name: value for name, value in fields.items() if value is not None}
        check_key_creation(actor, given, team, route)
        self._check_references(rows, fields)
        now = management.now()
        row = {
            **columns_of(given, management),
            "token": hash_key(key),
            "key_name": shown_name(key),
            "created_at": now,
            "updated_at": now,
            "created_by": actor.name,
            "updated_by": actor.name,
        }
        check_management(actor, row)
        if rows.find("keys", row["token"]) is not None or row["token"] in management.declared().keys:
            raise BadRequestError("This key is taken: choose another one.", param="key", error_type="bad_request_error")
        rows.insert("keys", row)
        return rows.find("keys", row["token"]) or row

    def update(self, actor: Actor, fields: Mapping[str, Any], route: str = "/key/update") -> dict[str, Any]:
        row = self._management.change(lambda rows: self.change(rows, actor, fields, route), _TAKEN)
        if fields.get("spend") is not None:
            self._management.set_spend(entity_of("key", row), row["spend"])
        return {"key": fields["key"], **show_key(row)}

    def change(self, rows: "Rows", actor: Actor, fields: Mapping[str, Any], route: str) -> Row:
        """Change a stored key; its row after it."""
        key, _ = self._changeable(rows, actor, fields["key"], route, fields)
        if fields.get("team_id") is not None:
            self._team(rows, fields["team_id"])
        self._check_references(rows, fields)
        fields = within_bounds(fields, self._management.rules)
        columns = columns_of(fields, self._management, key)
        check_management(actor, {**key, **columns})
        columns |= {"updated_at": self._management.now(), "updated_by": actor.name}
        rows.update("keys", [key["token"]], columns)
        return {**key, **columns}

    def delete(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """All of the named keys, or none."""
        names, aliases = fields.get("keys") or [], fields.get("key_aliases") or []
        if not names and not aliases:
            raise BadRequestError("Name the keys to delete by keys or key_aliases.", param="keys")

        def work(rows: "Rows") -> None:
            found = {row["key_alias"]: row["token"] for row in rows.find_many("keys", "key_alias", aliases)}
            for alias in aliases:
                if alias not in found:
                    raise missing("key with the alias", alias, "key_aliases")
            for name in (*names, *found.values()):
                row, _ = self._changeable(rows, actor, name, "/key/delete")
                rows.drop_former([row["token"]])
                rows.delete("keys", [row["token"]], actor.name)

        self._management.change(work)
        return {"deleted_keys": [*names, *aliases]}

    def set_blocked(self, actor: Actor, name: str, *, blocked: bool) -> dict[str, Any]:
        route = "/key/block" if blocked else "/key/unblock"

        def work(rows: "Rows") -> Row:
            row, _ = self._changeable(rows, actor, name, route)
            changes = {"blocked": blocked, "updated_at": self._management.now(), "updated_by": actor.name}
            rows.update("keys", [row["token"]], changes)
            return {**row, **changes}

        return show_key(self._management.change(work))

    def regenerate(self, actor: Actor, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A new key in the place of the old one, which works on for `grace_period`. What was spent stays counted."""
        new = fields.get("new_key") or self._management.random_key()
        token = hash_key(new)

        def work(rows: "Rows") -> Row:
            changes = {name: value for name, value in fields.items() if name not in ("key", "new_master_key")}
            old, _ = self._changeable(rows, actor, name, "/key/regenerate", changes)
            if rows.find("keys", token) is not None or token in self._management.declared().keys:
                raise BadRequestError("This key is taken: choose another one.", param="new_key")
            now = self._management.now()
            columns = columns_of(within_bounds(changes, self._management.rules), self._management, old) | {
                "token": token,
                "key_name": shown_name(new),
                "counted_as": old.get("counted_as") or old["token"],
                "rotation_count": (old.get("rotation_count") or 0) + 1,
                "last_rotation_at": now,
                "updated_at": now,
                "updated_by": actor.name,
            }
            check_management(actor, {**old, **columns})
            rows.update("keys", [old["token"]], columns)
            grace = fields.get("grace_period")
            if grace is not None:
                rows.deprecate_key(old["token"], token, expires_at(grace, now) or now)
            else:
                rows.drop_former([old["token"]])
            return {**old, **columns}

        return show_generated(self._management.change(work, _TAKEN), fields, new)

    def reset_spend(self, actor: Actor, name: str, reset_to: float) -> dict[str, Any]:
        """Set the spend of the present window to an amount that is not more than it is."""

        def work(rows: "Rows") -> Row:
            row, _ = self._changeable(rows, actor, name, "/key/reset_spend", ("spend",))
            spent = dollars(self._management.spend_of(entity_of("key", row)))
            if reset_to > spent:
                raise BadRequestError(f"reset_to must not be more than the key's spend, {spent}.", param="reset_to")
            changes = {"spend": nanodollars(reset_to), "updated_at": self._management.now(), "updated_by": actor.name}
            rows.update("keys", [row["token"]], changes)
            return {**row, **changes}

        row = self._management.change(work)
        self._management.set_spend(entity_of("key", row), row["spend"])
        return show_key(row)

    def bulk_update(self, actor: Actor, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Each on its own: one that fails leaves the others."""
        done, failed = [], []
        for item in items:
            try:
                row = self._management.change(partial(self._change_of_many, actor, item), _TAKEN)
            except GatewayError as error:
                failed.append({"key": item["key"], "key_info": None, "failed_reason": error.message})
            else:
                done.append({"key": item["key"], "key_info": show_key(row)})
        return {"total_requested": len(items), "successful_updates": done, "failed_updates": failed}

    def _change_of_many(self, actor: Actor, item: Mapping[str, Any], rows: "Rows") -> Row:
        return self.change(rows, actor, item, "/key/bulk_update")

    def update_of_team(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The same change for several keys of a team, or for all of them."""
        team_id = fields["team_id"]
        of_team = self._management.look(lambda rows: [row["token"] for row in rows.all("keys", {"team_id": team_id})])
        if fields.get("all_keys_in_team"):
            names: Iterable[str] = of_team
        else:
            names = fields.get("key_ids") or ()
            for name in names:
                if to_hash(name) not in of_team:
                    raise missing("key of this team", name, "key_ids")
        return self.bulk_update(actor, [{**fields["update_fields"], "key": name} for name in names])

    def _changeable(
        self, rows: "Rows", actor: Actor, name: str, route: str, fields: Iterable[str] = ()
    ) -> tuple[Row, Row | None]:
        """The row of a key that the actor may change so, and its team's."""
        token = to_hash(name)
        row = rows.find("keys", token)
        if row is None:
            if token in self._management.declared().keys:
                raise BadRequestError("This key is declared in the configuration file: change it there.", param="key")
            if not actor.sees_all and not is_hash(token):
                raise PermissionDeniedError(f"You may not call {route} for this key.", error_type="auth_error")
            raise missing("key", name, "key")
        team = self._management.team(rows, row["team_id"])
        check_key_change(actor, row, team, route, fields)
        return row, team

    def _team(self, rows: "Rows", team_id: str | None) -> Row | None:
        team = self._management.team(rows, team_id)
        if team is None and team_id is not None:
            raise missing("team", team_id, "team_id")
        return team

    def _check_references(self, rows: "Rows", fields: Mapping[str, Any]) -> None:
        for field, table in (("budget_id", "budgets"), ("organization_id", "organizations")):
            name = fields.get(field)
            declared = self._management.declared().budgets if field == "budget_id" else {}
            if name is not None and name not in declared and rows.find(table, name) is None:
                raise BadRequestError(f"There is no {table[:-1]} {name[:200]}.", param=field)


def readable(actor: Actor, row: Row, team: Row | None) -> None:
    if not may_read_key(actor, row, team):
        raise PermissionDeniedError("You may not see this key: it is not yours.", error_type="auth_error", param="key")


def check_management(actor: Actor, row: Row) -> None:
    """A key of no user and no team with management routes is an administrator's: only one may make it."""
    if actor.is_admin or row.get("user_id") is not None or row.get("team_id") is not None:
        return
    if MANAGEMENT_ROUTES in (row.get("allowed_routes") or ()):
        raise PermissionDeniedError(
            "Only an administrator may make a key for management routes.",
            error_type="auth_error",
            param="allowed_routes",
        )


def _of_service_account(fields: dict[str, Any]) -> dict[str, Any]:
    if fields.get("team_id") is None:
        raise BadRequestError("A service account belongs to a team: team_id is missing.", param="team_id")
    if fields.get("user_id") is not None:
        raise BadRequestError("A service account has no user: leave user_id out.", param="user_id")
    return {**fields, "user_id": None, "service_account_id": fields.get("key_alias") or "service-account"}
