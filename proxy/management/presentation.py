"""Rows as LiteLLM's JSON: its names and types, times in ISO form, spend in dollars."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from proxy.accounts.build import dollars
from proxy.accounts.rows import IN_METADATA, Row

_TIMES = frozenset(
    "expires created_at updated_at budget_reset_at last_active last_rotation_at key_rotation_at deleted_at".split()
)
_MONEY = frozenset({"spend", "total_spend"})
_OBJECTS = frozenset("aliases config permissions metadata model_max_budget budget_fallbacks model_spend".split())
_LISTS = frozenset("models members_with_roles teams admins members allowed_routes allowed_cache_controls".split())
_HIDDEN = frozenset({"password", "counted_as"})
# What a budget shared by several has.
_BUDGET = (
    "budget_id soft_budget max_budget max_parallel_requests tpm_limit rpm_limit tpd_limit model_max_budget budget_duration"
).split()


def iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def show(row: Row) -> dict[str, Any]:
    """Any row: nothing that is kept from clients, and no nulls where LiteLLM has an empty list or object."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name in _HIDDEN:
            continue
        if name in _TIMES:
            shown[name] = iso(value)
        elif name in _MONEY:
            shown[name] = dollars(value or 0)
        elif value is None and name in _OBJECTS:
            shown[name] = {}
        elif value is None and name in _LISTS:
            shown[name] = []
        else:
            shown[name] = value
    return shown


def show_key(row: Row, budgets: Mapping[str, Row] | None = None) -> dict[str, Any]:
    """A key's row as `LiteLLM_VerificationToken` has it, and the fields that are members of its metadata."""
    shown = show(row)
    shown |= {
        "key_type": key_type(row),
        "model_spend": {},
        "soft_budget_cooldown": False,
        "org_id": row.get("organization_id"),
        "object_permission_id": None,
        "settings_updated_at": shown.get("updated_at"),
        "litellm_budget_table": show_budget(row, budgets or {}),
    }
    return shown


def show_budget(row: Row, budgets: Mapping[str, Row]) -> dict[str, Any] | None:
    """The shared budget that a row names, or its own soft budget, which LiteLLM keeps there."""
    shared = budgets.get(row.get("budget_id") or "")
    if shared is not None:
        return {name: shared.get(name) for name in _BUDGET}
    if row.get("soft_budget") is not None:
        return {**dict.fromkeys(_BUDGET), "soft_budget": row["soft_budget"]}
    return None


def key_type(row: Row) -> str:
    """The `key_type` whose routes the key has."""
    types = {"llm_api_routes": "llm_api", "management_routes": "management", "info_routes": "read_only"}
    routes = row.get("allowed_routes") or []
    return types.get(routes[0], "default") if len(routes) == 1 else "default"


def show_generated(row: Row, fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The answer of generate and regenerate: the only one with the key itself."""
    metadata = row.get("metadata") or {}
    return {
        **{name: metadata.get(name) for name in sorted(IN_METADATA)},
        **show_key(row),
        "key": key,
        "token": row["token"],
        "token_id": row["token"],
        "duration": fields.get("duration"),
    }


def show_team(row: Row) -> dict[str, Any]:
    """`LiteLLM_TeamTable`."""
    members = row.get("members_with_roles") or []
    return {
        **show(row),
        "members_with_roles": [
            {"user_id": member.get("user_id"), "user_email": member.get("user_email"), "role": member["role"]}
            for member in members
        ],
        "admins": _ids(members, "admin"),
        "members": _ids(members, None),
        "model_id": None,
        "model_spend": {},
        "policies": (row.get("metadata") or {}).get("policies"),
        "allow_team_guardrail_config": False,
        "litellm_model_table": {"model_aliases": row["model_aliases"]} if row.get("model_aliases") else None,
        "object_permission_id": None,
    }


def _ids(members: Iterable[Mapping[str, Any]], role: str | None) -> list[str]:
    return [member["user_id"] for member in members if member.get("user_id") and role in (None, member["role"])]


def show_membership(row: Row, budgets: Mapping[str, Row]) -> dict[str, Any]:
    own = {name: row.get(name) for name in _BUDGET}
    has_own = any(value is not None for value in own.values())
    metadata = row.get("metadata") or {}
    return {
        "user_id": row["user_id"],
        "team_id": row["team_id"],
        "budget_id": row.get("budget_id"),
        "spend": dollars(row.get("spend") or 0),
        "total_spend": dollars(row.get("total_spend") or 0),
        "litellm_budget_table": show_budget(row, budgets)
        or ({**own, "allowed_models": row.get("allowed_models"), **metadata} if has_own else None),
    }


def show_user(row: Row) -> dict[str, Any]:
    """`LiteLLM_UserTable`."""
    return {
        "team_id": None,
        "allowed_cache_controls": [],
        "policies": (row.get("metadata") or {}).get("policies") or [],
        "model_spend": {},
        "organization_memberships": None,
        "object_permission_id": None,
        **show(row),
    }


def page_of(name: str, shown: Sequence[Any], total: int, page: int, size: int) -> dict[str, Any]:
    """A page as teams and users are listed."""
    return {name: shown, "total": total, "page": page, "page_size": size, "total_pages": -(-total // size)}
