"""What the router keeps of each deployment and group beside the configuration: worked out once, looked up per try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.wire import Clocks
from proxy.routing.catalogue import Group
from proxy.routing.clocks import usual_clocks
from proxy.routing.state.budget import WINDOW_SECONDS
from proxy.routing.state.values import BudgetRule, Cooling, Limits, ReservationRequest
from proxy.routing.strategies import shares
from proxy.routing.tags import Positions, tag_positions

_HARD_STRATEGIES = frozenset({"usage-based-routing", "usage-based-routing-v2"})


@dataclass(frozen=True, slots=True)
class Profile:
    """`request`: what a request's first try wants of the deployment, whatever the request. `clocks`: see `usual_clocks`.

    `counts_tokens`: a limit or a strategy reads the count of tokens, so a try needs an estimate.
    """

    request: ReservationRequest
    cooling: Cooling
    counts_tokens: bool
    clocks: tuple[Clocks, Clocks]

    @property
    def limits(self) -> Limits | None:
        return self.request.limits


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """`rescued`: the configuration names another group as a fallback of this one. Members by deployment id.

    `budgets`: the retry budget of each provider in the group, by the provider's name.

    `tags`: where each tag is among the group's deployments. `shares` of each level's deployments.
    """

    budgets: Mapping[str, BudgetRule]
    rescued: bool
    members: Mapping[str, Profile]
    tags: Positions
    shares: Sequence[Sequence[float]]


def build_group_profile(group: Group, rescued: bool, settings: RouterSettings) -> GroupProfile:
    alternatives = rescued or len(group.deployments) > 1
    budgets = {name: build_budget(group, name, settings) for name in {one.provider: None for one in group.deployments}}
    return GroupProfile(
        budgets=budgets,
        rescued=rescued,
        members={
            one.id: build_profile(one, budgets[one.provider], alternatives, settings) for one in group.deployments
        },
        tags=tag_positions(group.deployments),
        shares=[shares(level) for level in group.levels],
    )


def build_profile(deployment: Deployment, budget: BudgetRule, alternatives: bool, settings: RouterSettings) -> Profile:
    """`alternatives`: there is another deployment in the group, or a fallback for the group."""
    return Profile(
        request=ReservationRequest(deployment.id, build_limits(deployment, settings), 0, budget),
        cooling=build_cooling(deployment, alternatives, settings),
        counts_tokens=deployment.tpm is not None or settings.routing_strategy in _HARD_STRATEGIES,
        clocks=usual_clocks(deployment, settings),
    )


def build_budget(group: Group, provider: str, settings: RouterSettings) -> BudgetRule:
    """The budget protects one provider in one group: its key names both. A provider's name has no spaces."""
    floor = int(settings.retry_budget_floor * WINDOW_SECONDS)
    return BudgetRule(f"{provider} {group.key}", settings.retry_budget, floor)


def build_limits(deployment: Deployment, settings: RouterSettings) -> Limits | None:
    """None where nothing is limited. Unlike LiteLLM's, `rpm` is no limit on parallel calls.

    Hard when the configuration enforces them, or chose a strategy or a check that refuses by them in LiteLLM too.
    """
    parallel = deployment.max_parallel_requests
    parallel = settings.default_max_parallel_requests if parallel is None else parallel
    if deployment.rpm is None and deployment.tpm is None and parallel is None:
        return None
    hard = (
        settings.enforce_model_rate_limits
        or settings.enable_pre_call_checks
        or settings.routing_strategy in _HARD_STRATEGIES
    )
    return Limits(deployment.rpm, deployment.tpm, parallel, hard)


def build_cooling(deployment: Deployment, alternatives: bool, settings: RouterSettings) -> Cooling:
    """`model_info` may name a deployment's own numbers; wildcard deployments, which are many models, never cool."""
    info = deployment.info
    own_seconds = first_number(deployment.cooldown_time, info.get("cooldown_time"))
    seconds = settings.cooldown_time if own_seconds is None else own_seconds
    if settings.disable_cooldowns or deployment.wildcard:
        seconds = 0.0
    fails = info.get("allowed_fails")
    policy = info.get("allowed_fails_policy")
    return Cooling(
        seconds=seconds,
        own_seconds=own_seconds is not None,
        alternatives=alternatives,
        allowed_fails=fails if isinstance(fails, int) else settings.allowed_fails,
        allowed_fails_policy=_entries(policy if isinstance(policy, Mapping) else settings.allowed_fails_policy),
    )


def first_number(*values: Any) -> float | None:
    numbers: Sequence[float] = [value for value in values if isinstance(value, int | float)]
    return numbers[0] if numbers else None


def _entries(policy: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, count) for name, count in policy.items() if isinstance(count, int))
