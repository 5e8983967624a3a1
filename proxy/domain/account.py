"""A virtual key and the entities that it belongs to, as frozen values: what a call may do, and in whose name.

Money is integer nano-dollars, times are Unix seconds, rates are per minute (`tpd` per day). None is no limit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.domain.requester import NO_KEY, NO_OWNER, Key, Owner

Kind = Literal["key", "member", "team", "user", "organization", "end_user", "tag"]
Role = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]
# (kind, id), as the counters name what is limited.
Subject = tuple[str, str]

NANODOLLARS = 10**9


def nanodollars(dollars: float) -> int:
    """The nearest whole number of nano-dollars."""
    return round(dollars * NANODOLLARS)


@dataclass(frozen=True, slots=True)
class Limits:
    """`model_*` and `tag_rpm` are limits of single models and tags, for this subject only."""

    rpm: int | None = None
    tpm: int | None = None
    tpd: int | None = None
    parallel: int | None = None
    model_rpm: Mapping[str, int] = field(default_factory=dict)
    model_tpm: Mapping[str, int] = field(default_factory=dict)
    tag_rpm: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """At most `maximum` in each window of `duration` ("1h", "30d", "1mo"); None is the whole lifetime."""

    maximum: int
    duration: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """`spend` is the stored spend of the window that ends at `reset_at`, and a lower bound for the counters.

    `windows` are further budgets with windows of their own (`budget_limits`), `by_model` those of single models.
    `increase` counts on top of `maximum` until `increase_until`. `anchor`: a moment in the first window, from which
    windows of an odd number of days are counted. `id` is that of the reusable budget that the figures come from.
    """

    maximum: int | None = None
    soft: int | None = None
    duration: str | None = None
    windows: tuple[BudgetWindow, ...] = ()
    by_model: Mapping[str, BudgetWindow] = field(default_factory=dict)
    spend: int = 0
    reset_at: float | None = None
    anchor: float = 0.0
    increase: int = 0
    increase_until: float | None = None
    id: str | None = None

    def maximum_at(self, now: float) -> int | None:
        """`maximum`, with a temporary increase as long as it lasts."""
        if self.maximum is None or self.increase_until is None or now >= self.increase_until:
            return self.maximum
        return self.maximum + self.increase


NO_LIMITS = Limits()
NO_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that can be limited: a key, a team, a user ... `models` is its allow-list as written; empty is all.

    The id of a key is its first hash, which a regeneration does not change; that of a member `team_id:user_id`.
    """

    kind: Kind
    id: str
    alias: str | None = None
    blocked: bool = False
    models: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    budget: Budget = NO_BUDGET
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def subject(self) -> Subject:
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Account:
    """A virtual key's account. A call of the master key, or of a gateway without keys, has none.

    `token` is the key's hash, `name` the key as it may be shown ("sk-...abcd"). `aliases` rewrite the asked model.
    `allowed_routes` are paths, patterns or groups of paths; empty is what the role allows. `in_file`: declared in the
    configuration. `shown` and `owner` are what records hold. `throttles`: beyond its budget the key is slowed down instead
    of refused. `user_id` and `team_id` may name what is not stored.
    """

    key: Entity
    token: str = ""
    name: str = ""
    role: Role = "internal_user"
    user_id: str | None = None
    team_id: str | None = None
    organization_id: str | None = None
    team: Entity | None = None
    member: Entity | None = None
    user: Entity | None = None
    organization: Entity | None = None
    expires: float | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    allowed_routes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    is_team_admin: bool = False
    budget_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    end_user_budget_id: str | None = None
    throttles: bool = False
    in_file: bool = False
    shown: Key = NO_KEY
    owner: Owner = NO_OWNER

    @property
    def is_admin(self) -> bool:
        return self.role == "proxy_admin"

    def entities(self) -> Iterator[Entity]:
        """All that the key's calls count for, the key first."""
        for entity in (self.key, self.member, self.team, self.user, self.organization):
            if entity is not None:
                yield entity
