"""Which deployment a try goes to: the strategy's choice among those that the shared state lets through."""

import math
from collections.abc import Sequence

from proxy.domain.call import NO_OPTIONS
from proxy.domain.deployment import Deployment
from proxy.domain.operations import EMBEDDINGS
from proxy.errors import GatewayError, NoDeploymentAvailableError, Timeout
from proxy.routing.blame import sets_clocks
from proxy.routing.candidates import candidates
from proxy.routing.context import Permit, RoutingContext
from proxy.routing.deadline import Deadline
from proxy.routing.estimate import total_tokens
from proxy.routing.plan import Target
from proxy.routing.profile import Profile
from proxy.routing.state.budget import WINDOW_SECONDS
from proxy.routing.state.values import Refusal, ReservationRequest

# How often a call that waits for a free slot looks again.
SLOT_POLL_SECONDS = 0.02
_SLOTS = frozenset({"rpm", "tpm", "parallel"})
# One a second of the budget's window, so that the load of a dead deployment falls.
_LAST_RESORT_FLOOR = int(WINDOW_SECONDS)


class Selection:
    """For one walk. `repeats`: the last failure may pass, so that more load on the same provider spends of its budget.

    `spent`: a retry budget has refused a try.
    """

    _refusals: list[Refusal]
    _waited = 0.0
    repeats = False
    spent = False

    def __init__(self, context: RoutingContext, deadline: Deadline) -> None:
        self._context = context
        self._deadline = deadline
        # The budgets that this request's tries are counted in, by level: another level, or group, is no retry.
        self._loaded: set[tuple[str, int]] = set()

    def note_failure(self, target: Target, permit: Permit, repeats: bool) -> None:
        """A try has failed: a further one of the same provider and group would add to its load."""
        self.repeats = repeats
        self._loaded.add((permit.profile.request.budget.key, target.level))

    def level(self, target: Target) -> Sequence[Deployment]:
        """The target's deployments that fit the call; raises as `candidates` does where none of the group fits."""
        level = target.group.levels[target.level]
        if self._context.all_fit:
            return level
        fitting = self._candidates(target)
        if fitting is target.group.deployments:
            return level
        if len(target.group.levels) == 1:
            return fitting
        fits = {one.id for one in fitting}
        return [one for one in level if one.id in fits]

    def choose(self, target: Target, pool: Sequence[Deployment]) -> Permit | None:
        """One of `pool`, at once; None when none can be tried now."""
        self._refusals = []
        return self._choose(target, pool)

    def wait_for_slot(self, target: Target, pool: Sequence[Deployment]) -> Permit | None:
        """A short wait for what is only full, bounded for the request as a whole."""
        while self._waited < self._context.settings.slot_wait:
            ready = min((one.until for one in self._refusals if one.reason in _SLOTS), default=math.inf)
            left = self._context.settings.slot_wait - self._waited
            pause = min(max(SLOT_POLL_SECONDS, ready - self._context.runtime.now()), left)
            if ready > self._context.runtime.now() + left or not self._deadline.allows(pause):
                return None
            self._context.runtime.sleep(pause)
            self._waited += pause
            permit = self.choose(target, pool)
            if permit is not None:
                return permit
        return None

    def last_resort(self, target: Target) -> Permit | None:
        """The deployment that recovers first. It spends of the retry budget, so a dead one's load falls."""
        state, now = self._context.state, self._context.runtime.now()
        pool = self._candidates(target)
        states = state.view([one.id for one in pool], now)
        ranked = sorted(zip(pool, states, strict=True), key=lambda pair: pair[1].cooling_until)
        for deployment, state in ranked:
            if state.streak:
                answer = self._reserve(target, deployment, last_resort=True)
                if isinstance(answer, Permit):
                    return answer
        return None

    def unavailable(self, target: Target) -> GatewayError:
        """Why no deployment of the group could be tried."""
        if not self._deadline.allows():
            return Timeout(
                f"The request's timeout of {target.call.options.timeout} s was over before it could be sent."
            )
        now = self._context.runtime.now()
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
            group.deployments, self._context.profile(group).tags, target.call, self._context.settings, group.name
        )

    def _choose(self, target: Target, pool: Sequence[Deployment], past_limits: bool = False) -> Permit | None:
        """The strategy's choice among those that the shared state lets through, its try counted."""
        left = pool
        soft: list[Deployment] = []
        while left and self._deadline.allows():
            position = self._pick(target, left) if len(left) > 1 else 0
            deployment = left[position]
            answer = self._reserve(target, deployment, past_limits)
            if isinstance(answer, Permit):
                return answer
            left = [*left[:position], *left[position + 1 :]]
            if answer.reason == "budget":
                self.spent = True
                continue
            limits = self._context.profile(target.group).members[deployment.id].limits
            if answer.reason in _SLOTS and limits is not None and not limits.hard:
                soft.append(deployment)
            else:
                self._refusals.append(answer)
        return self._choose(target, soft, past_limits=True) if soft else None

    def _pick(self, target: Target, pool: Sequence[Deployment]) -> int:
        strategy = self._context.strategy
        now = self._context.runtime.now()
        states = self._context.state.view([one.id for one in pool], now) if strategy.needs_state else []
        inputs = self._context.selection_input(target.call, now)
        if pool is target.group.levels[target.level]:
            inputs = inputs._replace(shares=self._context.profile(target.group).shares[target.level])
        return strategy.pick(pool, states, inputs)

    def _reserve(
        self, target: Target, deployment: Deployment, past_limits: bool = False, last_resort: bool = False
    ) -> Permit | Refusal:
        """A client's own connection, and a mock, are not the operator's deployment: no limits, and no health to share."""
        profile, options = self._context.profile(target.group).members[deployment.id], target.call.options
        request = self._request(target, deployment, profile, past_limits)
        if options is not NO_OPTIONS and options.is_isolated:
            request = request._replace(deployment=f"{deployment.id} of clients", limits=None)
        if last_resort:
            budget = request.budget._replace(floor=min(request.budget.floor, _LAST_RESORT_FLOOR))
            request = request._replace(budget=budget, extra=True, last_resort=True)
        answer = self._context.state.reserve(request, self._context.runtime.now())
        if isinstance(answer, Refusal):
            return answer
        return Permit(deployment.with_overrides(options.overrides), profile, answer)

    def _request(
        self, target: Target, deployment: Deployment, profile: Profile, past_limits: bool
    ) -> ReservationRequest:
        """The profile's, but for what is another in this request, or in its later tries."""
        request, options = profile.request, target.call.options
        if self.repeats and (request.budget.key, target.level) in self._loaded:
            request = request._replace(extra=True)
        if options is not NO_OPTIONS and (options.is_isolated or sets_clocks(options)):
            # What fails by a client's own choice must not spend what others need.
            request = request._replace(budget=request.budget._replace(key=f"{request.budget.key} of clients"))
        if target.call.operation is EMBEDDINGS and request.limits is not None:
            request = request._replace(requests=self._context.requests(target.call, deployment))
        if profile.counts_tokens:
            request = request._replace(tokens=total_tokens(target.call.observed_fields))
        return request._replace(limits=None) if past_limits else request
