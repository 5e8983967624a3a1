"""Users of the gateway are made, changed, shown, listed and deleted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from proxy.accounts.permissions import Actor, check_admin, check_user
from proxy.accounts.rows import Row
from proxy.errors import BadRequestError, ConflictError, GatewayError
from proxy.management.context import Management, missing
from proxy.management.key_rows import columns_of
from proxy.management.keys import Keys
from proxy.management.members import Members
from proxy.management.presentation import page_of, show_generated, show_key, show_team, show_user

if TYPE_CHECKING:
    from proxy.storage.rows import Rows

# What makes a user rather than its first key; budgets and limits are the user's.
_USER_ONLY = frozenset({"user_email", "user_alias", "user_role", "teams", "organizations", "sso_user_id", "password"})
_OF_KEYS = frozenset("key_alias duration key_type aliases config permissions allowed_routes team_id".split())
_SORTED = frozenset("user_id user_email user_alias user_role created_at updated_at spend".split())


class Users:
    """One per application. A password is taken for compatibility; nothing signs in with it, and it is not kept."""

    def __init__(self, management: Management, keys: Keys, members: Members) -> None:
        self._management = management
        self._keys = keys
        self._members = members

    def create(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A user, by default with a first key."""
        check_admin(actor, "/user/new")
        given = {name: value for name, value in fields.items() if value is not None}
        user_id = given.get("user_id") or self._management.new_id()
        key = self._management.random_key() if given.get("auto_create_key", True) else None

        def work(rows: "Rows") -> tuple[Row, Row | None]:
            self._check_free(rows, user_id, given.get("user_email"))
            self.insert(rows, actor, user_id, given)
            of_key = {
                name: value for name, value in given.items() if name in _OF_KEYS or name in ("metadata", "models")
            }
            created = None
            if key is not None:
                created = self._keys.insert(rows, actor, {**of_key, "user_id": user_id}, key, "/key/generate")
            return rows.find("users", user_id) or {}, created

        user, created = self._management.change(work, "key_alias")
        shown = show_user(user)
        if created is None or key is None:
            return {**shown, "key": "", "token": None}
        return {**show_generated(created, given, key), **shown, "key": key, "created_at": shown["created_at"]}

    def insert(self, rows: "Rows", actor: Actor, user_id: str, given: Mapping[str, Any]) -> None:
        now = self._management.now()
        own = {
            name: value for name, value in given.items() if name not in _OF_KEYS and name not in ("teams", "password")
        }
        columns = columns_of(own, self._management)
        role = given.get("user_role") or "internal_user"
        stamp = {"created_at": now, "updated_at": now, "created_by": actor.name, "updated_by": actor.name}
        rows.insert("users", {**columns, "user_id": user_id, "user_role": role, "teams": [], **stamp})
        for team_id in given.get("teams") or ():
            team = self._members.find_team(rows, team_id)
            self._members.insert(rows, actor, team, [{"user_id": user_id, "role": "user"}], {})

    def update(self, actor: Actor, fields: Mapping[str, Any], route: str = "/user/update") -> dict[str, Any]:
        def work(rows: "Rows") -> Row:
            user = self._find(rows, fields)
            check_user(actor, user["user_id"], "change", route, fields)
            email = fields.get("user_email")
            if email is not None and email != user["user_email"] and rows.find_many("users", "user_email", [email]):
                raise ConflictError("This user_email belongs to another user.", param="user_email")
            columns = columns_of(
                {
                    name: value
                    for name, value in fields.items()
                    if name not in ("user_id", "teams", "password", *_OF_KEYS)
                },
                self._management,
                user,
            )
            columns |= {"updated_at": self._management.now(), "updated_by": actor.name}
            rows.update("users", [user["user_id"]], columns)
            return {**user, **columns}

        row = self._management.change(work)
        return {"user_id": row["user_id"], "data": show_user(row)}

    def update_many(self, actor: Actor, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Each on its own: one that fails leaves the others."""
        check_admin(actor, "/user/bulk_update")
        items = list(fields.get("users") or ())
        if fields.get("all_users"):
            ids = self._management.look(lambda rows: [row["user_id"] for row in rows.all("users")])
            items = [{**(fields.get("user_updates") or {}), "user_id": user_id} for user_id in ids]
        results = []
        for item in items:
            named = {"user_id": item.get("user_id"), "user_email": item.get("user_email")}
            try:
                updated = self.update(actor, item, "/user/bulk_update")
            except GatewayError as error:
                results.append({**named, "success": False, "error": error.message, "updated_user": None})
            else:
                results.append({**named, "success": True, "error": None, "updated_user": updated["data"]})
        done = sum(bool(result["success"]) for result in results)
        return {
            "results": results,
            "total_requested": len(results),
            "successful_updates": done,
            "failed_updates": len(results) - done,
        }

    def delete(self, actor: Actor, ids: Sequence[str]) -> int:
        """Users with their memberships and keys; how many."""
        check_admin(actor, "/user/delete")
        names = list(dict.fromkeys(ids))

        def work(rows: "Rows") -> None:
            for user_id in names:
                if rows.find("users", user_id) is None:
                    raise missing("user", user_id, "user_ids")
                for membership in rows.all("team_members", {"user_id": user_id}):
                    team = rows.find("teams", membership["team_id"])
                    if team is not None:
                        self._members.drop(rows, actor, team, user_id)
                for key in rows.all("keys", {"user_id": user_id}):
                    rows.drop_former([key["token"]])
                    rows.delete("keys", [key["token"]], actor.name)
                rows.delete("users", [user_id], actor.name)

        self._management.change(work)
        return len(names)

    def info(self, actor: Actor, user_id: str | None) -> dict[str, Any]:
        """A user, by default the caller, with its keys and teams."""
        asked = user_id or actor.user_id
        check_user(actor, asked, "read", "/user/info")

        def work(rows: "Rows") -> dict[str, Any]:
            user = self._shown_user(rows, actor, asked)
            keys = rows.all("keys", {"user_id": asked}) if asked is not None else []
            teams = [self._management.team(rows, name) for name in self._team_ids(rows, asked)]
            return {
                "user_id": asked,
                "user_info": show_user(self._management.with_spend("user", user)) if user is not None else None,
                "keys": [show_key(key) for key in keys],
                "teams": [show_team(team) for team in teams if team is not None],
            }

        return self._management.look(work)

    def short_info(self, actor: Actor, user_id: str | None) -> dict[str, Any]:
        """As `/v2/user/info`: without keys, and teams by their ids."""
        asked = user_id or actor.user_id
        check_user(actor, asked, "read", "/v2/user/info")

        def work(rows: "Rows") -> dict[str, Any]:
            user = self._shown_user(rows, actor, asked)
            if user is None:
                raise missing("user", str(asked), "user_id")
            shown = show_user(self._management.with_spend("user", user))
            return {
                **{name: shown.get(name) for name in _SHORT},
                "teams": self._team_ids(rows, asked),
                "model_max_budget_usage": {},
            }

        return self._management.look(work)

    def page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        if not actor.sees_all:
            check_admin(actor, "/user/list")
        if query["sort_by"] is not None and query["sort_by"] not in _SORTED:
            raise BadRequestError(f"sort_by must be one of {', '.join(sorted(_SORTED))}.", param="sort_by")
        page, size = query["page"], query["page_size"]
        equal: dict[str, Any] = {"user_role": query["role"]} if query["role"] is not None else {}
        for name, column in (("user_ids", "user_id"), ("sso_user_ids", "sso_user_id")):
            if query[name] is not None:
                equal[column] = [part.strip() for part in query[name].split(",")]
        contains = {"user_email": query["user_email"]} if query["user_email"] else {}
        if query["search"]:
            contains = dict.fromkeys(("user_id", "user_email", "user_alias"), query["search"])

        def work(rows: "Rows") -> dict[str, Any]:
            if query["team"] is not None:
                members = [row["user_id"] for row in rows.all("team_members", {"team_id": query["team"]})]
                equal["user_id"] = [name for name in members if name in equal.get("user_id", members)]
            users, total = rows.page(
                "users",
                equal=equal,
                contains=contains,
                order=query["sort_by"] or "created_at",
                descending=query["sort_order"] == "desc",
                start=(page - 1) * size,
                size=size,
            )
            counts = rows.count_by("keys", "user_id", [user["user_id"] for user in users])
            shown = [{**show_user(user), "key_count": counts.get(user["user_id"], 0)} for user in users]
            return page_of("users", shown, total, page, size)

        return self._management.look(work)

    def _find(self, rows: "Rows", fields: Mapping[str, Any]) -> Row:
        """By `user_id`, else by `user_email`."""
        if fields.get("user_id") is not None:
            found = rows.find("users", fields["user_id"])
        elif fields.get("user_email") is not None:
            found = next(iter(rows.find_many("users", "user_email", [fields["user_email"]])), None)
        else:
            raise BadRequestError("Name the user by user_id or user_email.", param="user_id")
        if found is not None:
            return found
        name = fields.get("user_id") or fields["user_email"]
        if name in self._management.declared().users:
            raise BadRequestError("This user is declared in the configuration file: change it there.", param="user_id")
        raise missing("user", name, "user_id")

    def _shown_user(self, rows: "Rows", actor: Actor, user_id: str | None) -> Row | None:
        """None for the master key's own user, which is not stored."""
        if user_id is None:
            return None
        user = rows.find("users", user_id) or self._management.declared().users.get(user_id)
        if user is None and user_id != actor.user_id:
            raise missing("user", user_id, "user_id")
        return user

    def _team_ids(self, rows: "Rows", user_id: str | None) -> list[str]:
        return [row["team_id"] for row in rows.all("team_members", {"user_id": user_id})] if user_id else []

    def _check_free(self, rows: "Rows", user_id: str, email: str | None) -> None:
        if rows.find("users", user_id) is not None or user_id in self._management.declared().users:
            raise ConflictError("This user_id is taken: choose another one.", param="user_id")
        if email is not None and rows.find_many("users", "user_email", [email]):
            raise ConflictError("This user_email belongs to another user.", param="user_email")


_SHORT = (
    "user_id user_email user_alias user_role spend max_budget tpm_limit rpm_limit models budget_duration budget_reset_at "
    "metadata created_at updated_at sso_user_id object_permission model_max_budget"
).split()
