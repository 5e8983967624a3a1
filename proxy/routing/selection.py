"""Which deployment a try goes to: the strategy's choice among those that the shared state lets through."""

import math
from collections.abc import Sequence

from proxy.domain.call import NO_OPTIONS, Call
from proxy.domain.deployment import Deployment
from proxy.errors import GatewayError, NoDeploymentAvailableError, Timeout
from proxy.routing.candidates import candidates
from proxy.routing.context import Equipment, Grant
from proxy.routing.deadline import Deadline
from proxy.routing.estimate import total_tokens
from proxy.routing.plan import Target
from proxy.routing.profile import Profile
from proxy.routing.state.values import Ask, BudgetRule, Refusal

# How often a call that waits for a free slot looks again.
SLOT_POLL_SECONDS = 0.02
_SLOTS = frozenset({"rpm", "tpm", "parallel"})


class Selection:
    """For one walk. `tried`: a try was sent, so that each further one spends of the budget; `spent`: it is used up."""

    _refusals: list[Refusal]
    _waited = 0.0
    tried = False
    spent = False

    def __init__(self, equipment: Equipment, budget: BudgetRule, deadline: Deadline) -> None:
        self._equipment = equipment
        self._budget = budget
        self._deadline = deadline

    def level(self, target: Target) -> Sequence[Deployment]:
        """The target's deployments that fit the call; raises as `candidates` does where nobody of the group fits."""
        level = target.group.levels[target.level]
        if self._equipment.all_fit:
            return level
        fitting = self._candidates(target)
        if fitting is target.group.deployments:
            return level
        if len(target.group.levels) == 1:
            return fitting
        fits = {one.id for one in fitting}
        return [one for one in level if one.id in fits]

    def choose(self, target: Target, pool: Sequence[Deployment]) -> Grant | None:
        """One of `pool`, at once; None when nobody can be asked now."""
        self._refusals = []
        return self._choose(target, pool)

    def wait_for_slot(self, target: Target, pool: Sequence[Deployment]) -> Grant | None:
        """A short wait for what is only full, bounded for the request as a whole."""
        while not self.spent and self._waited < self._equipment.settings.slot_wait:
            ready = min((one.until for one in self._refusals if one.reason in _SLOTS), default=math.inf)
            left = self._equipment.settings.slot_wait - self._waited
            pause = min(max(SLOT_POLL_SECONDS, ready - self._equipment.runtime.now()), left)
            if ready > self._equipment.runtime.now() + left or not self._deadline.allows(pause):
                return None
            self._equipment.runtime.sleep(pause)
            self._waited += pause
            grant = self.choose(target, pool)
            if grant is not None:
                return grant
        return None

    def last_resort(self, target: Target) -> Grant | None:
        """The deployment that recovers first. It spends of the retry budget, so a dead one's load falls."""
        state, now = self._equipment.state, self._equipment.runtime.now()
        pool = self._candidates(target)
        standings = state.view([one.id for one in pool], now)
        ranked = sorted(zip(pool, standings, strict=True), key=lambda pair: pair[1].cooling_until)
        for deployment, standing in ranked:
            if standing.streak:
                answer = self._reserve(target, deployment, last_resort=True)
                if isinstance(answer, Grant):
                    return answer
        return None

    def unavailable(self, target: Target) -> GatewayError:
        """Why nobody of the group could be asked."""
        if not self._deadline.allows():
            return Timeout(
                f"The request's timeout of {target.call.options.timeout} s was over before it could be sent."
            )
        now = self._equipment.runtime.now()
        until = min((one.until for one in self._refusals), default=now)
        seconds = max(1, math.ceil(until - now))
        cooling = bool(self._refusals) and all(one.reason in ("cooling", "probing") for one in self._refusals)
        why = "All deployments for selected model are in cooldown. " if cooling else ""
        return NoDeploymentAvailableError(
            f"No deployments available for selected model, Try again in {seconds} seconds. {why}"
            f"Passed model={target.asked}.",
            error_type="all_deployments_in_cooldown" if cooling else None,
            retry_after=float(seconds),
        )

    def _candidates(self, target: Target) -> Sequence[Deployment]:
        group = target.group
        return candidates(
            group.deployments, self._equipment.profile(group).tags, target.call, self._equipment.settings, group.name
        )

    def _choose(self, target: Target, pool: Sequence[Deployment], past_limits: bool = False) -> Grant | None:
        """The strategy's choice among those that the shared state lets through, its try counted."""
        left = pool
        soft: list[Deployment] = []
        while left and self._deadline.allows():
            position = self._pick(target, left) if len(left) > 1 else 0
            deployment = left[position]
            answer = self._reserve(target, deployment, past_limits)
            if isinstance(answer, Grant):
                return answer
            if answer.reason == "budget":
                self.spent = True
                return None
            left = [*left[:position], *left[position + 1 :]]
            limits = self._equipment.profile(target.group).members[deployment.id].limits
            if answer.reason in _SLOTS and limits is not None and not limits.hard:
                soft.append(deployment)
            else:
                self._refusals.append(answer)
        return self._choose(target, soft, past_limits=True) if soft else None

    def _pick(self, target: Target, pool: Sequence[Deployment]) -> int:
        strategy = self._equipment.strategy
        now = self._equipment.runtime.now()
        standings = [] if strategy.blind else self._equipment.state.view([one.id for one in pool], now)
        wish = self._equipment.wish(target.call, now)
        if pool is target.group.levels[target.level]:
            wish = wish._replace(shares=self._equipment.profile(target.group).shares[target.level])
        return strategy.pick(pool, standings, wish)

    def _reserve(
        self, target: Target, deployment: Deployment, past_limits: bool = False, last_resort: bool = False
    ) -> Grant | Refusal:
        """A client's own connection, and a mock, are not the operator's deployment: no limits, and no health to share."""
        profile, options = self._equipment.profile(target.group).members[deployment.id], target.call.options
        ask = self._ask(profile, target.call, past_limits)
        if options is not NO_OPTIONS and options.stands_apart:
            ask = ask._replace(deployment=f"{deployment.id} of clients", limits=None)
        if last_resort:
            ask = ask._replace(extra=True, last_resort=True)
        answer = self._equipment.state.reserve(ask, self._equipment.runtime.now())
        if isinstance(answer, Refusal):
            return answer
        return Grant(deployment.with_overrides(options.overrides), profile, answer)

    def _ask(self, profile: Profile, call: Call, past_limits: bool) -> Ask:
        """The profile's, but for what is another in this request, or in its later tries."""
        ask = profile.ask
        if self.tried or ask.budget is not self._budget:
            ask = ask._replace(budget=self._budget, extra=self.tried)
        if profile.counts_tokens:
            ask = ask._replace(tokens=total_tokens(call.fields))
        return ask._replace(limits=None) if past_limits else ask
