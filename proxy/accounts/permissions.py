"""Who may do what to which object: one table for the management API.

An administrator may do everything, a viewer read everything. A user acts on its own keys; an admin of a team on the keys and
members of that team. What only an administrator may set is named field by field.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from proxy.accounts.rows import Row
from proxy.domain.account import Account, Role
from proxy.errors import PermissionDeniedError

Action = Literal["read", "create", "change", "delete"]
# The id of the master key's identity, as LiteLLM has it.
MASTER_USER = "default_user_id"


class Actor(NamedTuple):
    """Who sends a management request. `token` is the hash of its key; None for the master key."""

    role: Role
    user_id: str | None
    token: str | None = None
    team_id: str | None = None

    @property
    def is_admin(self) -> bool:
        return self.role == "proxy_admin"

    @property
    def sees_all(self) -> bool:
        return self.role in ("proxy_admin", "proxy_admin_viewer")

    @property
    def name(self) -> str:
        """For `created_by` and `updated_by`."""
        return self.user_id or self.token or MASTER_USER


MASTER = Actor("proxy_admin", MASTER_USER)


def actor_of(account: Account | None) -> Actor:
    """None: the master key."""
    if account is None:
        return MASTER
    return Actor(account.role, account.user_id, account.token, account.team_id)


# Fields of keys that only an administrator may set: they lift a protection, or touch what is not the caller's.
ADMIN_KEY_FIELDS = frozenset(
    "spend permissions disable_global_guardrails budget_id config allowed_passthrough_routes router_settings "
    "temp_budget_increase temp_budget_expiry object_permission project_id agent_id throttle_on_budget_exceeded blocked "
    "end_user_budget_id organization_id".split()
)
# Fields that users may change on their own keys when someone else created them.
HARMLESS_KEY_FIELDS = frozenset({"key", "key_alias", "metadata", "tags", "grace_period", "new_key"})
# What a team's admin may change of the team itself.
TEAM_ADMIN_FIELDS = frozenset({"team_id", "team_alias", "metadata", "tags"})
# What a user may change of itself. An e-mail address is not among it: others are added to teams by theirs.
SELF_FIELDS = frozenset({"user_id", "user_alias"})
# LiteLLM's names of what a team's plain members may do; the first two they always may.
MEMBER_PERMISSIONS = (
    "/key/info", "/key/health", "/key/list", "/key/generate", "/key/update", "/key/delete", "/key/regenerate",
    "/key/block", "/key/unblock", "/key/bulk_update", "/key/service-account/generate",
)  # fmt: skip
DEFAULT_MEMBER_PERMISSIONS = ("/key/info", "/key/health")


def role_in_team(team: Row | None, user_id: str | None) -> str | None:
    """`admin`, `user`, or None for one that is no member."""
    if team is None or user_id is None:
        return None
    for member in team.get("members_with_roles") or ():
        if member.get("user_id") == user_id:
            return str(member.get("role") or "user")
    return None


def may_read_key(actor: Actor, key: Row, team: Row | None) -> bool:
    """A key may always read itself."""
    if actor.sees_all or key["token"] == actor.token or _owns(actor, key):
        return True
    role = role_in_team(team, actor.user_id)
    return role == "admin" or (role is not None and "/key/list" in member_permissions(team))


def check_key_change(actor: Actor, key: Row, team: Row | None, route: str, fields: Iterable[str] = ()) -> None:
    """Raise PermissionDeniedError unless the actor may do what the route does, to this key, with these fields."""
    if actor.is_admin:
        return None
    if actor.role == "internal_user":
        if role_in_team(team, actor.user_id) == "admin":
            return refuse_fields(fields, ADMIN_KEY_FIELDS - {"blocked"} | {"user_id", "team_id"})
        if _owns(actor, key) and _may_in_team(actor, team, route) and route not in ("/key/block", "/key/unblock"):
            refuse_fields(fields, ADMIN_KEY_FIELDS | {"user_id", "team_id"})
            if key.get("created_by") != actor.user_id:
                refuse_fields(set(fields) - HARMLESS_KEY_FIELDS, None)
            return None
    raise PermissionDeniedError(
        f"You may not call {route} for this key: it is neither yours nor your team's to manage.",
        error_type="auth_error",
    )


def check_key_creation(actor: Actor, fields: Mapping[str, Any], team: Row | None, route: str = "/key/generate") -> None:
    """`fields` have the owner filled in: a user makes keys for itself, a team's admin for the team's members too."""
    if actor.is_admin:
        return
    if actor.role != "internal_user" or actor.user_id is None:
        raise PermissionDeniedError(
            f"Your key may not call {route}: it takes an administrator, or the key of an internal user.",
            error_type="auth_error",
        )
    refuse_fields(fields, ADMIN_KEY_FIELDS)
    leads = role_in_team(team, actor.user_id) == "admin"
    if fields.get("team_id") is not None and not leads and not _may_in_team(actor, team, route):
        raise PermissionDeniedError(
            f"You may not make keys for the team {fields['team_id']}: it takes one of its admins, or the "
            f"permission {route} for its members.",
            error_type="auth_error",
            param="team_id",
        )
    user_id = fields.get("user_id")
    is_for_team = leads and (user_id is None or role_in_team(team, user_id) is not None)
    if user_id != actor.user_id and not is_for_team:
        raise PermissionDeniedError(
            "You may make keys for yourself only: user_id must be your own.", error_type="auth_error", param="user_id"
        )


def check_team(actor: Actor, team: Row, action: Action, route: str, fields: Iterable[str] = ()) -> None:
    """`change` is of members and harmless fields, for a team's admin; `create` and `delete` take an administrator."""
    if actor.is_admin or (action == "read" and actor.sees_all):
        return
    role = role_in_team(team, actor.user_id)
    if action == "read" and (role is not None or actor.team_id == team["team_id"]):
        return
    if action == "change" and role == "admin" and actor.role == "internal_user":
        refuse_fields(set(fields) - TEAM_ADMIN_FIELDS, None)
        return
    raise PermissionDeniedError(f"You may not call {route} for this team.", error_type="auth_error")


def check_user(actor: Actor, user_id: str | None, action: Action, route: str, fields: Iterable[str] = ()) -> None:
    """A user may read itself and change what is harmless; never its role, its budget or its models."""
    if actor.is_admin or (action == "read" and actor.sees_all):
        return
    if user_id is not None and user_id == actor.user_id and action in ("read", "change"):
        if action == "change":
            if actor.role != "internal_user":
                raise PermissionDeniedError(f"Your role may not call {route}.", error_type="auth_error")
            refuse_fields(set(fields) - SELF_FIELDS, None)
        return
    raise PermissionDeniedError(f"You may not call {route} for this user.", error_type="auth_error")


def check_admin(actor: Actor, route: str) -> None:
    if not actor.is_admin:
        raise PermissionDeniedError(f"Only an administrator may call {route}.", error_type="auth_error")


def refuse_fields(fields: Iterable[str], closed: Iterable[str] | None) -> None:
    """Raise PermissionDeniedError, naming it, for the first field that is closed; None: each is."""
    names = sorted(fields if closed is None else set(fields) & set(closed))
    if names:
        raise PermissionDeniedError(
            f"'{names[0]}' may be set by an administrator only.", error_type="auth_error", param=names[0]
        )


def member_permissions(team: Row | None) -> tuple[str, ...]:
    given = (team or {}).get("team_member_permissions")
    return (*DEFAULT_MEMBER_PERMISSIONS, *(given or ()))


def _owns(actor: Actor, key: Row) -> bool:
    return actor.user_id is not None and key.get("user_id") == actor.user_id


def _may_in_team(actor: Actor, team: Row | None, route: str) -> bool:
    """A plain member acts on its keys in a team as the team's permissions say."""
    if team is None:
        return True
    return role_in_team(team, actor.user_id) is not None and route in member_permissions(team)
