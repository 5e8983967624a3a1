"""The plan of a call as data, without calling anyone, and the health of every deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.errors import (
    AuthenticationError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    GatewayError,
)
from proxy.routing.candidates import candidates
from proxy.routing.catalogue import Group
from proxy.routing.clocks import build_clocks
from proxy.routing.estimate import total_tokens
from proxy.routing.plan import Rules, Target, fallbacks_for
from proxy.routing.profile import Profile
from proxy.routing.retry import allowed
from proxy.routing.router import Router
from proxy.routing.state import health, limits
from proxy.routing.state.budget import WINDOW_SECONDS
from proxy.routing.state.values import DeploymentState
from proxy.routing.tags import tag_positions


@dataclass(frozen=True, slots=True)
class Explanation:
    """`first` is the deployment that would be tried first, None when none can be tried now."""

    first: Deployment | None
    plan: dict[str, Any]


def explain(router: Router, call: Call) -> Explanation:
    """What would happen to this call now. Raise BadRequestError for a model that is not configured."""
    target = router.target(call)
    rows = [
        _candidate(router, target.group, call, level, one)
        for level, members in enumerate(target.group.levels)
        for one in members
    ]
    first = _first(router, target, rows)
    plan = {
        "model": call.model,
        "model_group": target.group.name,
        "strategy": router.settings.routing_strategy,
        "candidates": rows,
        "first": first.id if first else None,
        "num_retries": _retries(router, call, first),
        **_fallbacks(router.rules(call), target, router),
        "max_fallbacks": router.settings.max_fallbacks,
        "timeouts": _timeouts(router, call, first),
        "retry_budget": _budgets(router, target.group),
    }
    return Explanation(first, plan)


def router_state(router: Router) -> dict[str, Any]:
    """The state of every deployment, and what each group has spent of its retry budget."""
    now = router.runtime.now()
    deployments = router.catalogue.deployments
    states = router.state.view([one.id for one in deployments], now)
    groups = {group.key: group for group in router.catalogue.groups()}
    return {
        "state": router.state.facts(),
        "deployments": [_row(one, state, now) for one, state in zip(deployments, states, strict=True)],
        "model_groups": {key: _budgets(router, group) for key, group in groups.items()},
    }


def _candidate(router: Router, group: Group, call: Call, level: int, deployment: Deployment) -> dict[str, Any]:
    now = router.runtime.now()
    state = router.state.view([deployment.id], now)[0]
    profile = router.profile(group).members[deployment.id]
    return {
        **_row(deployment, state, now),
        "order": deployment.order,
        "level": level,
        "out": _why_out(router, call, deployment, state, profile),
    }


def _why_out(
    router: Router, call: Call, deployment: Deployment, state: DeploymentState, profile: Profile
) -> str | None:
    """Why it would not be asked first, None when it could be."""
    now = router.runtime.now()
    try:
        fits = bool(candidates([deployment], tag_positions([deployment]), call, router.settings, deployment.group))
    except AuthenticationError:
        return "tags"
    except ContextWindowExceededError:
        fits = False
    if not fits:
        return "prompt too long"
    refused = health.refusal(state, now)
    if refused is None and profile.limits is not None and profile.limits.hard:
        tokens = total_tokens(call.observed_fields) if profile.counts_tokens else 0
        refused = limits.refusal(state, profile.limits, tokens, now)
    return refused.reason if refused else None


def _row(deployment: Deployment, state: DeploymentState, now: float) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "model_group": deployment.group,
        "model": deployment.label,
        "status": status(state, now),
        "cooling_seconds": round(max(0.0, state.cooling_until - now), 3),
        "cooldowns_in_a_row": state.streak,
        "in_flight": state.inflight,
        "requests_this_minute": state.requests,
        "tokens_this_minute": state.tokens,
        "answers_this_minute": state.answers,
        "failures_this_minute": state.failures,
        "last_status": state.last_status or None,
        "latency_seconds_per_token": state.latency if state.latency_samples else None,
        "first_token_seconds": state.first if state.first_samples else None,
        "weight": deployment.weight,
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "max_parallel_requests": deployment.max_parallel_requests,
        "tags": list(deployment.tags),
    }


def status(state: DeploymentState, now: float) -> str:
    if now < state.cooling_until:
        return "cooling"
    return "half_open" if state.streak else "healthy"


def _first(router: Router, target: Target, rows: Sequence[dict[str, Any]]) -> Deployment | None:
    """The strategy's choice on the lowest level with a free deployment; else the one that recovers first."""
    free = [row for row in rows if row["out"] is None]
    members = {one.id: one for one in target.group.deployments}
    if free:
        lowest = min(row["level"] for row in free)
        pool = [members[row["id"]] for row in free if row["level"] == lowest]
        now = router.runtime.now()
        states = router.state.view([one.id for one in pool], now)
        return pool[router.strategy.pick(pool, states, router.selection_input(target.call, now))]
    cooling = [row for row in rows if row["out"] in ("cooling", "probing")]
    if not cooling or not router.settings.last_resort:
        return None
    return members[min(cooling, key=lambda row: float(row["cooling_seconds"]))["id"]]


def _retries(router: Router, call: Call, first: Deployment | None) -> int:
    own = first.num_retries if first else None
    return allowed(GatewayError(""), call.options.num_retries, own, {}, router.settings)[0]


def _fallbacks(rules: Rules, target: Target, router: Router) -> dict[str, Any]:
    kinds: dict[str, GatewayError | None] = {
        "fallbacks": None,
        "context_window_fallbacks": ContextWindowExceededError(""),
        "content_policy_fallbacks": ContentPolicyViolationError(""),
    }
    return {
        name: [
            {"model_group": listed.model, "known": router.catalogue.find(listed.model) is not None}
            for listed in fallbacks_for(target, error, rules)[1]
        ]
        for name, error in kinds.items()
    }


def _timeouts(router: Router, call: Call, first: Deployment | None) -> dict[str, float | None] | None:
    if first is None:
        return None
    clocks = build_clocks(call, first, router.settings, call.options.timeout)
    return {"connect": clocks.connect, "first": clocks.first, "idle": clocks.idle, "total": clocks.total}


def _budgets(router: Router, group: Group) -> dict[str, dict[str, Any]]:
    """The retry budget of each provider of the group, over the window."""
    found: dict[str, dict[str, Any]] = {}
    for provider, budget in router.profile(group).budgets.items():
        firsts, extras = router.state.spending(budget.key, router.runtime.now())
        found[provider] = {
            "share": budget.share,
            "floor": budget.floor,
            "window_seconds": WINDOW_SECONDS,
            "first_tries": firsts,
            "extra_tries": extras,
        }
    return found
