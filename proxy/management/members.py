"""Members of teams: who belongs to a team, in which role, with which budget of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy.accounts.permissions import Actor, check_team, role_in_team
from proxy.accounts.rows import Row
from proxy.errors import BadRequestError, GatewayError
from proxy.management.context import Management, missing
from proxy.management.key_rows import window_columns
from proxy.management.presentation import show_membership, show_team, show_user

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

# A member's own limits: LiteLLM's name in requests, and the column.
_OWN = {
    "max_budget_in_team": "max_budget",
    "budget_duration": "budget_duration",
    "tpm_limit": "tpm_limit",
    "rpm_limit": "rpm_limit",
    "allowed_models": "allowed_models",
    "model_max_budget": "model_max_budget",
}
_INCREASE = ("temp_budget_increase", "temp_budget_expiry")


class Members:
    """One per application. A member that is no user yet becomes one."""

    def __init__(self, management: Management) -> None:
        self._management = management

    def add(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        members = fields["member"]

        def work(rows: "Rows") -> dict[str, Any]:
            team = self.find_team(rows, fields["team_id"])
            check_team(actor, team, "change", "/team/member_add")
            added = self.insert(rows, actor, team, members if isinstance(members, list) else [members], fields)
            team = self.find_team(rows, fields["team_id"])
            ids = [member["user_id"] for member in added]
            users = rows.find_many("users", "user_id", ids)
            memberships = [rows.find("team_members", team["team_id"], user_id) for user_id in ids]
            return {
                **show_team(team),
                "updated_users": [show_user(user) for user in users],
                "updated_team_memberships": [show_membership(row, {}) for row in memberships if row is not None],
            }

        return self._management.change(work)

    def insert(
        self, rows: "Rows", actor: Actor, team: Row, members: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Add members to a stored team. Raise BadRequestError for one that it has already."""
        now, listed = self._management.now(), list(team.get("members_with_roles") or ())
        added: list[dict[str, Any]] = []
        for member in members:
            user = self._find_or_make(rows, actor, member)
            known = {**team, "members_with_roles": [*listed, *added]}
            if role_in_team(known, user["user_id"]) is not None:
                raise BadRequestError(f"{user['user_id']} is a member of this team already.", param="member")
            added.append({"user_id": user["user_id"], "user_email": user["user_email"], "role": member["role"]})
            own = self._own_columns(fields, None)
            row = {"team_id": team["team_id"], "user_id": user["user_id"], "created_at": now, "created_by": actor.name}
            rows.insert("team_members", {**row, **own})
            teams = [*(user.get("teams") or ()), team["team_id"]]
            rows.update("users", [user["user_id"]], {"teams": list(dict.fromkeys(teams)), "updated_at": now})
        rows.update("teams", [team["team_id"]], {"members_with_roles": [*listed, *added], "updated_at": now})
        return added

    def update(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        def work(rows: "Rows") -> dict[str, Any]:
            team = self.find_team(rows, fields["team_id"])
            check_team(actor, team, "change", "/team/member_update")
            member = self._find_member(team, fields)
            user_id = member["user_id"]
            if fields.get("role") is not None:
                members = [
                    {**one, "role": fields["role"]} if one.get("user_id") == user_id else one
                    for one in team["members_with_roles"]
                ]
                rows.update("teams", [team["team_id"]], {"members_with_roles": members})
            before = rows.find("team_members", team["team_id"], user_id)
            columns = self._own_columns(fields, before) | {"updated_at": self._management.now()}
            if before is None:
                rows.insert("team_members", {"team_id": team["team_id"], "user_id": user_id, **columns})
            else:
                rows.update("team_members", [team["team_id"], user_id], columns)
            after = rows.find("team_members", team["team_id"], user_id) or {}
            shown = {name: after.get(column) for name, column in _OWN.items()}
            extra = {name: (after.get("metadata") or {}).get(name) for name in _INCREASE}
            return {
                "team_id": team["team_id"],
                "user_id": user_id,
                "user_email": member.get("user_email"),
                **shown,
                **extra,
            }

        return self._management.change(work)

    def remove(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A member leaves; its own keys of this team end with it."""

        def work(rows: "Rows") -> Row:
            team = self.find_team(rows, fields["team_id"])
            check_team(actor, team, "change", "/team/member_delete")
            member = self._find_member(team, fields)
            self.drop(rows, actor, team, member["user_id"])
            return self.find_team(rows, fields["team_id"])

        return show_team(self._management.change(work))

    def drop(self, rows: "Rows", actor: Actor, team: Row, user_id: str) -> None:
        members = [one for one in team.get("members_with_roles") or () if one.get("user_id") != user_id]
        rows.update("teams", [team["team_id"]], {"members_with_roles": members})
        rows.delete("team_members", [team["team_id"], user_id], actor.name)
        user = rows.find("users", user_id)
        if user is not None:
            teams = [name for name in user.get("teams") or () if name != team["team_id"]]
            rows.update("users", [user_id], {"teams": teams})
        for key in rows.all("keys", {"team_id": team["team_id"], "user_id": user_id}):
            rows.drop_former([key["token"]])
            rows.delete("keys", [key["token"]], actor.name)

    def add_many(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Each on its own: one that fails leaves the others."""
        results: list[dict[str, Any]] = []
        for member in fields.get("members") or ():
            named = {"user_id": member.get("user_id"), "user_email": member.get("user_email")}
            try:
                added = self.add(actor, {**fields, "member": member})
            except GatewayError as error:
                results.append({**named, "success": False, "error": error.message})
            else:
                results.append(
                    {
                        **named,
                        "success": True,
                        "error": None,
                        "updated_user": next(iter(added["updated_users"]), None),
                        "updated_team_membership": next(iter(added["updated_team_memberships"]), None),
                    }
                )
        done = sum(result["success"] for result in results)
        return {
            "team_id": fields["team_id"],
            "results": results,
            "total_requested": len(results),
            "successful_additions": done,
            "failed_additions": len(results) - done,
            "updated_team": self._management.look(lambda rows: show_team(self.find_team(rows, fields["team_id"]))),
        }

    def about_caller(self, actor: Actor, team_id: str) -> dict[str, Any]:
        def work(rows: "Rows") -> dict[str, Any]:
            team = self.find_team(rows, team_id)
            role = role_in_team(team, actor.user_id)
            if role is None:
                raise missing("membership of this team", str(actor.user_id), "team_id")
            own = {"team_id": team_id, "user_id": str(actor.user_id)}
            row = rows.find("team_members", team_id, actor.user_id) or own
            user = rows.find("users", actor.user_id) or {}
            return {
                **show_membership(row, {}),
                "role": role,
                "user_email": user.get("user_email"),
                "team_alias": team.get("team_alias"),
            }

        return self._management.look(work)

    def find_team(self, rows: "Rows", team_id: str) -> Row:
        """A stored team. Raise NotFoundError, and BadRequestError for one that the file declares."""
        team = rows.find("teams", team_id)
        if team is None:
            if team_id in self._management.declared().teams:
                raise BadRequestError(
                    "This team is declared in the configuration file: change it there.", param="team_id"
                )
            raise missing("team", team_id, "team_id")
        return team

    def _find_member(self, team: Row, fields: Mapping[str, Any]) -> dict[str, Any]:
        for name in ("user_id", "user_email"):
            value = fields.get(name)
            for member in team.get("members_with_roles") or () if value is not None else ():
                if member.get(name) == value:
                    return dict(member)
        if fields.get("user_id") is None and fields.get("user_email") is None:
            raise BadRequestError("Name the member by user_id or user_email.", param="user_id")
        raise missing("member of this team", str(fields.get("user_id") or fields.get("user_email")), "user_id")

    def _find_or_make(self, rows: "Rows", actor: Actor, member: Mapping[str, Any]) -> Row:
        user_id, email = member.get("user_id"), member.get("user_email")
        user = rows.find("users", user_id) if user_id is not None else None
        if user is None and email is not None:
            found = rows.find_many("users", "user_email", [email])
            if found and user_id is not None:
                raise BadRequestError("This user_email belongs to another user.", param="user_email")
            user = found[0] if found else None
        if user is None:
            now = self._management.now()
            row = {
                "user_id": user_id or self._management.new_id(),
                "user_email": email,
                "user_role": "internal_user",
                "created_at": now,
                "created_by": actor.name,
            }
            rows.insert("users", row)
            user = rows.find("users", row["user_id"]) or row
        return user

    def _own_columns(self, fields: Mapping[str, Any], before: Row | None) -> dict[str, Any]:
        columns = {column: fields[name] for name, column in _OWN.items() if name in fields}
        if columns.get("budget_duration") is not None:
            columns |= window_columns(columns["budget_duration"], self._management, before)
        increase = {name: fields[name] for name in _INCREASE if fields.get(name) is not None}
        if increase:
            columns["metadata"] = {**((before or {}).get("metadata") or {}), **increase}
        return columns
