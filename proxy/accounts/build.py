"""Rows into accounts: what is stored of a key and of all that it belongs to, as one frozen value."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.accounts.route_access import MANAGEMENT_ROUTES
from proxy.accounts.rows import Row
from proxy.domain.account import NANODOLLARS, Account, Budget, BudgetWindow, Entity, Kind, Limits, Role, nanodollars
from proxy.domain.requester import NO_OWNER, Key, Owner
from schemas.account_fields import to_epoch
from schemas.accounts import ROLES


class Bundle(NamedTuple):
    """The rows of one key and of what it names, as far as they exist. `budgets` are reusable budgets by id.

    The key's row may be one of a rotation's grace period: then `expires` of the bundle ends it.
    """

    key: Row
    team: Row | None = None
    member: Row | None = None
    user: Row | None = None
    organization: Row | None = None
    budgets: Mapping[str, Row] = {}
    expires: float | None = None


def build_account(bundle: Bundle, *, in_file: bool = False, redact: bool = False) -> Account:
    """`redact`: records tell neither alias nor hash of the key."""
    key = bundle.key
    metadata = key.get("metadata") or {}
    ends = [moment for moment in (key.get("expires"), bundle.expires) if moment is not None]
    return Account(
        key=build_entity("key", key.get("counted_as") or key["token"], key, bundle.budgets, alias=key.get("key_alias")),
        token=key["token"],
        name=key.get("key_name") or "sk-...",
        role=_role(bundle),
        user_id=key.get("user_id"),
        team_id=key.get("team_id"),
        organization_id=_organization_id(bundle),
        team=_named("team", "team_id", "team_alias", bundle.team, bundle.budgets),
        member=_member(bundle),
        user=_named("user", "user_id", "user_alias", bundle.user, bundle.budgets),
        organization=_named(
            "organization", "organization_id", "organization_alias", bundle.organization, bundle.budgets
        ),
        expires=min(ends, default=None),
        aliases={**((bundle.team or {}).get("model_aliases") or {}), **(key.get("aliases") or {})},
        allowed_routes=tuple(key.get("allowed_routes") or ()),
        tags=_tags(metadata, bundle.team),
        guardrails=_guardrails(metadata, bundle.team),
        is_team_admin=_is_team_admin(bundle),
        budget_fallbacks={name: tuple(models) for name, models in (key.get("budget_fallbacks") or {}).items()},
        end_user_budget_id=metadata.get("end_user_budget_id"),
        throttles=bool(metadata.get("throttle_on_budget_exceeded")),
        in_file=in_file,
        shown=Key() if redact else Key(key.get("key_alias"), str(key["token"])),
        owner=_owner(bundle),
    )


def build_entity(
    kind: Kind, identifier: str, row: Row, budgets: Mapping[str, Row] | None = None, alias: str | None = None
) -> Entity:
    """One limited thing from its row; what its row leaves open comes from the reusable budget that it names."""
    budget_id = row.get("budget_id")
    shared = (budgets or {}).get(budget_id) if budget_id else None
    merged = {**_present(shared or {}), **_present(row)}
    metadata = row.get("metadata") or {}
    return Entity(
        kind=kind,
        id=identifier,
        alias=alias,
        blocked=bool(row.get("blocked")),
        models=tuple(row.get("models") or ()),
        limits=_limits(merged, metadata),
        budget=_budget(merged, metadata, budget_id),
        metadata=metadata,
    )


def _present(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in (None, {}, [])}


def _limits(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> Limits:
    return Limits(
        rpm=row.get("rpm_limit"),
        tpm=row.get("tpm_limit"),
        tpd=row.get("tpd_limit"),
        parallel=row.get("max_parallel_requests"),
        model_rpm={**_by_model(row, "rpm_limit"), **(metadata.get("model_rpm_limit") or {})},
        model_tpm={**_by_model(row, "tpm_limit"), **(metadata.get("model_tpm_limit") or {})},
        tag_rpm=metadata.get("tag_rpm_limit") or {},
    )


def _by_model(row: Mapping[str, Any], name: str) -> dict[str, int]:
    budgets = row.get("model_max_budget") or {}
    return {model: budget[name] for model, budget in budgets.items() if budget.get(name) is not None}


def _budget(row: Mapping[str, Any], metadata: Mapping[str, Any], budget_id: str | None) -> Budget:
    increase = metadata.get("temp_budget_increase")
    return Budget(
        maximum=_money(row.get("max_budget")),
        soft=_money(row.get("soft_budget")),
        duration=row.get("budget_duration"),
        windows=tuple(
            BudgetWindow(nanodollars(entry["max_budget"]), entry["budget_duration"])
            for entry in row.get("budget_limits") or ()
        ),
        by_model={
            model: BudgetWindow(nanodollars(budget["budget_limit"]), budget.get("time_period"))
            for model, budget in (row.get("model_max_budget") or {}).items()
        },
        spend=row.get("spend") or 0,
        reset_at=row.get("budget_reset_at"),
        anchor=row.get("created_at") or 0.0,
        increase=nanodollars(increase) if increase else 0,
        increase_until=_ends(metadata) if increase else None,
        id=budget_id,
    )


def _ends(metadata: Mapping[str, Any]) -> float | None:
    expiry = metadata.get("temp_budget_expiry")
    return to_epoch(expiry) if expiry else None


def _money(dollars: float | None) -> int | None:
    return None if dollars is None else nanodollars(dollars)


def dollars(amount: int) -> float:
    return amount / NANODOLLARS


def _named(kind: Kind, id_column: str, alias_column: str, row: Row | None, budgets: Mapping[str, Row]) -> Entity | None:
    if row is None:
        return None
    return build_entity(kind, str(row[id_column]), row, budgets, alias=row.get(alias_column))


def _member(bundle: Bundle) -> Entity | None:
    """A member's own budget, else what the team gives each of its members."""
    key, team = bundle.key, bundle.team
    if team is None or key.get("user_id") is None:
        return None
    metadata = team.get("metadata") or {}
    defaults = {
        "max_budget": metadata.get("team_member_budget"),
        "budget_duration": metadata.get("team_member_budget_duration"),
        "rpm_limit": metadata.get("team_member_rpm_limit"),
        "tpm_limit": metadata.get("team_member_tpm_limit"),
    }
    row = {**_present(defaults), **_present(bundle.member or {})}
    models = row.pop("allowed_models", None) or team.get("default_team_member_models")
    identifier = f"{team['team_id']}:{key['user_id']}"
    return build_entity("member", identifier, {**row, "models": models}, bundle.budgets)


def _organization_id(bundle: Bundle) -> str | None:
    return bundle.key.get("organization_id") or (bundle.team or {}).get("organization_id")


def _role(bundle: Bundle) -> Role:
    """The user's. A key of no user and no team that an administrator made for management routes is an administrator's
    there: `allowed_routes` keep it from all others."""
    key = bundle.key
    if (
        key.get("user_id") is None
        and key.get("team_id") is None
        and MANAGEMENT_ROUTES in (key.get("allowed_routes") or ())
    ):
        return "proxy_admin"
    role = (bundle.user or {}).get("user_role")
    return role if role in ROLES else "internal_user"


def _is_team_admin(bundle: Bundle) -> bool:
    user_id = bundle.key.get("user_id")
    members = (bundle.team or {}).get("members_with_roles") or ()
    return user_id is not None and any(
        member.get("user_id") == user_id and member.get("role") == "admin" for member in members
    )


def _tags(metadata: Mapping[str, Any], team: Row | None) -> tuple[str, ...]:
    of_team = ((team or {}).get("metadata") or {}).get("tags") or ()
    return tuple(dict.fromkeys((*(metadata.get("tags") or ()), *of_team)))


def _guardrails(metadata: Mapping[str, Any], team: Row | None) -> tuple[str, ...]:
    of_team = ((team or {}).get("metadata") or {}).get("guardrails") or ()
    return tuple(dict.fromkeys((*(metadata.get("guardrails") or ()), *of_team)))


def _owner(bundle: Bundle) -> Owner:
    key, team, user = bundle.key, bundle.team or {}, bundle.user or {}
    organization = bundle.organization or {}
    owner = Owner(
        team_id=key.get("team_id"),
        team_alias=team.get("team_alias"),
        user_id=key.get("user_id"),
        user_email=user.get("user_email"),
        organization_id=_organization_id(bundle),
        organization_alias=organization.get("organization_alias"),
    )
    return NO_OWNER if owner == NO_OWNER else owner
