"""Teams are made, changed, shown, listed and deleted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy.accounts.permissions import (
    DEFAULT_MEMBER_PERMISSIONS,
    MEMBER_PERMISSIONS,
    Actor,
    check_admin,
    check_team,
    check_user,
    role_in_team,
)
from proxy.accounts.rows import Row
from proxy.errors import BadRequestError
from proxy.management.context import Management, missing
from proxy.management.key_rows import columns_of
from proxy.management.members import Members
from proxy.management.presentation import page_of, show_key, show_membership, show_team

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

_SORTED = frozenset("team_id team_alias created_at updated_at spend max_budget".split())


class Teams:
    """One per application."""

    def __init__(self, management: Management, members: Members) -> None:
        self._management = management
        self._members = members

    def create(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        check_admin(actor, "/team/new")
        team_id = fields.get("team_id") or self._management.new_id()
        given = {name: value for name, value in fields.items() if value is not None}
        # LiteLLM's older fields: ids of members by role.
        listed = list(given.pop("members_with_roles", ()))
        listed += [{"user_id": name, "role": "admin"} for name in given.pop("admins", ())]
        listed += [{"user_id": name, "role": "user"} for name in given.pop("members", ())]

        def work(rows: "Rows") -> Row:
            if rows.find("teams", team_id) is not None or team_id in self._management.declared().teams:
                raise BadRequestError(
                    f"The team_id {team_id} is taken: choose another one.",
                    param="team_id",
                    error_type="bad_request_error",
                )
            self._check_organization(rows, given)
            now = self._management.now()
            row = columns_of(given, self._management) | {"team_id": team_id, "created_at": now, "updated_at": now}
            row |= {"created_by": actor.name, "updated_by": actor.name, "members_with_roles": []}
            rows.insert("teams", row)
            if listed:
                self._members.insert(rows, actor, row, listed, {})
            return self._members.find_team(rows, team_id)

        return show_team(self._management.change(work, "team_id"))

    def update(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        row = self._change(actor, fields, "/team/update")
        return {"team_id": row["team_id"], "data": show_team(row)}

    def patch(self, actor: Actor, team_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return show_team(self._change(actor, {**fields, "team_id": team_id}, "/team/{team_id}"))

    def _change(self, actor: Actor, fields: Mapping[str, Any], route: str) -> Row:
        def work(rows: "Rows") -> Row:
            team = self._members.find_team(rows, fields["team_id"])
            check_team(actor, team, "change", route, fields)
            self._check_organization(rows, fields)
            columns = columns_of(fields, self._management, team)
            columns.pop("members_with_roles", None)
            rows.update("teams", [team["team_id"]], {**columns, **self._stamp(actor)})
            return self._members.find_team(rows, team["team_id"])

        return self._management.change(work)

    def set_blocked(self, actor: Actor, team_id: str, *, blocked: bool) -> dict[str, Any]:
        check_admin(actor, "/team/block" if blocked else "/team/unblock")

        def work(rows: "Rows") -> Row:
            team = self._members.find_team(rows, team_id)
            rows.update("teams", [team_id], {"blocked": blocked, **self._stamp(actor)})
            return {**team, "blocked": blocked}

        return show_team(self._management.change(work))

    def change_models(self, actor: Actor, fields: Mapping[str, Any], *, add: bool) -> dict[str, Any]:
        check_admin(actor, "/team/model/add" if add else "/team/model/delete")
        names = fields["models"]

        def work(rows: "Rows") -> Row:
            team = self._members.find_team(rows, fields["team_id"])
            before = team.get("models") or []
            models = [*before, *names] if add else [model for model in before if model not in names]
            if before and not models:
                # An empty list would allow everything.
                models = ["no-default-models"]
            changes = {"models": list(dict.fromkeys(models)), **self._stamp(actor)}
            rows.update("teams", [team["team_id"]], changes)
            return {**team, **changes}

        return show_team(self._management.change(work))

    def delete(self, actor: Actor, ids: Sequence[str]) -> dict[str, Any]:
        """Teams with their memberships and keys."""
        check_admin(actor, "/team/delete")

        def work(rows: "Rows") -> None:
            for team_id in dict.fromkeys(ids):
                team = self._members.find_team(rows, team_id)
                for membership in rows.all("team_members", {"team_id": team_id}):
                    self._members.drop(rows, actor, team, membership["user_id"])
                for key in rows.all("keys", {"team_id": team_id}):
                    rows.drop_former([key["token"]])
                    rows.delete("keys", [key["token"]], actor.name)
                rows.delete("teams", [team_id], actor.name)

        self._management.change(work)
        return {"deleted_teams": list(ids)}

    def info(self, actor: Actor, team_id: str | None) -> dict[str, Any]:
        name = team_id or actor.team_id
        if name is None:
            raise BadRequestError("Name the team: ?team_id=", param="team_id")

        def work(rows: "Rows") -> dict[str, Any]:
            team = self._management.team(rows, name)
            if team is None:
                raise missing("team", name, "team_id")
            check_team(actor, team, "read", "/team/info")
            return {
                "team_id": name,
                "team_info": show_team(self._management.with_spend("team", team)),
                "keys": [show_key(key) for key in self._keys(rows, actor, team)],
                "team_memberships": [show_membership(row, {}) for row in rows.all("team_members", {"team_id": name})],
            }

        return self._management.look(work)

    def list_all(self, actor: Actor, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every team that the caller may see, each with its keys and memberships, as LiteLLM's older route has it."""

        def work(rows: "Rows") -> list[dict[str, Any]]:
            teams, _ = self._select(rows, actor, {**query, "sort_by": "team_id", "sort_order": "asc"}, 0, _MOST_LISTED)
            return [
                {
                    **show_team(team),
                    "keys": [show_key(key) for key in self._keys(rows, actor, team)],
                    "team_memberships": [
                        show_membership(row, {}) for row in rows.all("team_members", {"team_id": team["team_id"]})
                    ],
                }
                for team in teams
            ]

        return self._management.look(work)

    def page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        page, size = query["page"], query["page_size"]
        if query["sort_by"] is not None and query["sort_by"] not in _SORTED:
            raise BadRequestError(f"sort_by must be one of {', '.join(sorted(_SORTED))}.", param="sort_by")

        def work(rows: "Rows") -> dict[str, Any]:
            teams, total = self._select(rows, actor, query, (page - 1) * size, size)
            keys = rows.count_by("keys", "team_id", [team["team_id"] for team in teams])
            shown = [
                {
                    **show_team(team),
                    "members_count": len(team.get("members_with_roles") or ()),
                    "keys_count": keys.get(team["team_id"], 0),
                }
                for team in teams
            ]
            return page_of("teams", shown, total, page, size)

        return self._management.look(work)

    def permissions(self, actor: Actor, team_id: str) -> dict[str, Any]:
        def work(rows: "Rows") -> Row:
            team = self._management.team(rows, team_id)
            if team is None:
                raise missing("team", team_id, "team_id")
            check_team(actor, team, "read", "/team/permissions_list")
            return team

        team = self._management.look(work)
        given = team.get("team_member_permissions")
        return {
            "team_id": team_id,
            "team_member_permissions": list(DEFAULT_MEMBER_PERMISSIONS) if given is None else given,
            "all_available_permissions": list(MEMBER_PERMISSIONS),
        }

    def set_permissions(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        wrong = [name for name in fields["team_member_permissions"] if name not in MEMBER_PERMISSIONS]
        if wrong:
            raise BadRequestError(f"There is no permission {wrong[0][:200]}.", param="team_member_permissions")

        def work(rows: "Rows") -> Row:
            team = self._members.find_team(rows, fields["team_id"])
            check_team(actor, team, "change", "/team/permissions_update")
            changes = {"team_member_permissions": fields["team_member_permissions"], **self._stamp(actor)}
            rows.update("teams", [team["team_id"]], changes)
            return {**team, **changes}

        return show_team(self._management.change(work))

    def _select(
        self, rows: "Rows", actor: Actor, query: Mapping[str, Any], start: int, size: int
    ) -> tuple[list[dict[str, Any]], int]:
        """The teams that the caller may see and asks for."""
        user_id = query.get("user_id")
        if not actor.sees_all:
            check_user(actor, user_id or actor.user_id, "read", "/team/list")
            user_id = actor.user_id
        equal = {
            name: query[name] for name in ("organization_id", "team_id", "team_alias") if query.get(name) is not None
        }
        if user_id is not None:
            mine = [row["team_id"] for row in rows.all("team_members", {"user_id": user_id})]
            equal["team_id"] = [name for name in mine if equal.get("team_id") in (None, name)]
        search = query.get("search")
        return rows.page(
            "teams",
            equal=equal,
            contains={"team_id": search, "team_alias": search} if search else None,
            order=query.get("sort_by") or "created_at",
            descending=query.get("sort_order") == "desc",
            start=start,
            size=size,
        )

    def _keys(self, rows: "Rows", actor: Actor, team: Row) -> list[dict[str, Any]]:
        """A plain member sees its own keys."""
        equal = {"team_id": team["team_id"]}
        if not actor.sees_all and role_in_team(team, actor.user_id) != "admin":
            if actor.user_id is None:
                return [row for row in rows.all("keys", equal) if row["token"] == actor.token]
            equal["user_id"] = actor.user_id
        return rows.all("keys", equal)

    def _check_organization(self, rows: "Rows", fields: Mapping[str, Any]) -> None:
        name = fields.get("organization_id")
        if name is not None and rows.find("organizations", name) is None:
            raise BadRequestError(f"There is no organization {name[:200]}.", param="organization_id")

    def _stamp(self, actor: Actor) -> dict[str, Any]:
        return {"updated_at": self._management.now(), "updated_by": actor.name}


_MOST_LISTED = 10_000
