"""Keys are looked at: one, several, and listed page by page."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy.accounts.key_form import to_hash
from proxy.accounts.permissions import Actor, member_permissions, role_in_team
from proxy.accounts.rows import Row
from proxy.errors import BadRequestError
from proxy.management.context import Management, missing
from proxy.management.keys import readable
from proxy.management.presentation import show_key

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

_SORTED = frozenset(
    "spend max_budget created_at updated_at token key_alias expires rpm_limit tpm_limit user_id team_id".split()
)


class KeyViews:
    """One per application."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def info(self, actor: Actor, name: str | None) -> dict[str, Any]:
        """A key, by default the caller's own."""
        if name is None and actor.token is None:
            raise BadRequestError("Name the key: ?key=", param="key")
        asked = name or actor.token or ""

        def work(rows: "Rows") -> dict[str, Any]:
            token = to_hash(asked)
            row, status = self._find(rows, token)
            if row is None:
                raise missing("key", asked, "key")
            readable(actor, row, self._management.team(rows, row.get("team_id")))
            return self._shown(rows, row, status)

        return {"key": asked, "info": self._management.look(work)}

    def several(self, actor: Actor, names: Sequence[str]) -> dict[str, Any]:
        """What the caller may see of them; nothing of those that there are not."""

        def work(rows: "Rows") -> list[dict[str, Any]]:
            found = []
            for name in names:
                row, status = self._find(rows, to_hash(name))
                if row is not None:
                    readable(actor, row, self._management.team(rows, row.get("team_id")))
                    found.append(self._shown(rows, row, status))
            return found

        return {"key": list(names), "info": self._management.look(work)}

    def page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the keys that the caller may see: hashes, or whole rows with `return_full_object`."""
        if query["sort_by"] is not None and query["sort_by"] not in _SORTED:
            raise BadRequestError(f"sort_by must be one of {', '.join(sorted(_SORTED))}.", param="sort_by")
        page, size = query["page"], query["size"]

        def work(rows: "Rows") -> tuple[list[dict[str, Any]], int]:
            found, total = rows.page(
                "keys",
                *self._visible(rows, actor, query),
                equal=_equal(query),
                contains=_contains(query),
                order=query["sort_by"] or "created_at",
                descending=query["sort_order"] == "desc",
                start=(page - 1) * size,
                size=size,
            )
            if not query["return_full_object"]:
                return found, total
            return [{**self._shown(rows, row, None), "token": row["token"]} for row in found], total

        listed, total = self._management.look(work)
        shown = listed if query["return_full_object"] else [row["token"] for row in listed]
        return {"keys": shown, "total_count": total, "current_page": page, "total_pages": -(-total // size)}

    def aliases(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        listed = self.page(
            actor, {**_EVERY, **query, "return_full_object": True, "sort_by": "key_alias", "sort_order": "asc"}
        )
        aliases = [row["key_alias"] for row in listed["keys"] if row["key_alias"] is not None]
        return {
            **{name: value for name, value in listed.items() if name != "keys"},
            "aliases": aliases,
            "size": query["size"],
        }

    def _visible(self, rows: "Rows", actor: Actor, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a row must have, one of it, for the caller to see it; nothing for who sees all."""
        if actor.sees_all:
            return []
        alternatives: list[dict[str, Any]] = [{"token": actor.token}]
        if actor.user_id is None:
            return alternatives
        alternatives.append({"user_id": actor.user_id})
        if query["include_created_by_keys"]:
            alternatives.append({"created_by": actor.user_id, "user_id": actor.user_id})
        if query["include_team_keys"] or query["team_id"] is not None:
            mine = [row["team_id"] for row in rows.all("team_members", {"user_id": actor.user_id})]
            teams = [self._management.team(rows, team_id) for team_id in mine]
            seen = [team["team_id"] for team in teams if team is not None and _lists_keys(team, actor.user_id)]
            alternatives.append({"team_id": seen})
        return alternatives

    def _find(self, rows: "Rows", token: str) -> tuple[Row | None, str | None]:
        """A key's row, and its status if it is not worked out from the row."""
        row = rows.find("keys", token)
        if row is not None:
            return row, None
        declared = self._management.declared().keys.get(token)
        if declared is not None:
            return declared, None
        deleted = rows.find_deleted("keys", token)
        return deleted, "deleted" if deleted is not None else None

    def _shown(self, rows: "Rows", row: Row, status: str | None) -> dict[str, Any]:
        budget_id = row.get("budget_id")
        budget = rows.find("budgets", budget_id) if budget_id else None
        budgets: dict[str, Row] = dict(self._management.declared().budgets)
        if budget_id and budget is not None:
            budgets[budget_id] = budget
        shown = {
            name: value
            for name, value in show_key(self._management.with_spend("key", row), budgets).items()
            if name != "token"
        }
        return {
            **shown,
            "status": status or self._status(row),
            "object_permission": row.get("object_permission"),
            "model_max_budget_usage": {},
            "budget_limits_usage": {},
        }

    def _status(self, row: Row) -> str:
        if row.get("blocked"):
            return "revoked"
        expires = row.get("expires")
        return "expired" if expires is not None and expires <= self._management.now() else "active"


_EVERY: Mapping[str, Any] = {
    **dict.fromkeys(("user_id", "organization_id", "key_hash", "key_alias", "search", "team_id", "project_id")),
    "include_created_by_keys": False,
    "include_team_keys": False,
    "substring_matching": False,
}


def _lists_keys(team: Row, user_id: str) -> bool:
    return role_in_team(team, user_id) == "admin" or "/key/list" in member_permissions(team)


def _equal(query: Mapping[str, Any]) -> dict[str, Any]:
    columns = {"user_id": "user_id", "team_id": "team_id", "organization_id": "organization_id", "key_hash": "token",
               "project_id": "project_id"}  # fmt: skip
    equal = {column: query[name] for name, column in columns.items() if query.get(name) is not None}
    if query.get("key_alias") is not None and not query["substring_matching"]:
        equal["key_alias"] = query["key_alias"]
    return equal


def _contains(query: Mapping[str, Any]) -> dict[str, str]:
    if query.get("search"):
        return dict.fromkeys(("key_alias", "token", "user_id", "team_id"), query["search"])
    if query.get("key_alias") is not None and query["substring_matching"]:
        return {"key_alias": query["key_alias"]}
    return {}
