"""One call's way through its targets: tries within a group, then the fallbacks of the error's kind."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from proxy.domain.answer import Reply
from proxy.domain.attempt import Attempt, Outcome, Result, Send
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment, brings_connection
from proxy.domain.router_settings import RouterSettings
from proxy.errors import (
    ClientClosedRequestError,
    GatewayError,
    InternalServerError,
    NoDeploymentAvailableError,
    RateLimitError,
    Timeout,
)
from proxy.routing import retry
from proxy.routing.candidates import candidates
from proxy.routing.catalogue import Catalogue, Group
from proxy.routing.clocks import build_clocks
from proxy.routing.estimate import total_tokens
from proxy.routing.health import allowed_fails, cooldown_seconds, may_cool
from proxy.routing.latency import samples
from proxy.routing.plan import Rules, Target, next_targets
from proxy.routing.profile import GroupProfile, Profile
from proxy.routing.standing import Ask, Finish, Lease, Refusal
from proxy.routing.state import StateStore
from proxy.routing.strategies import Strategy, Wish
from proxy.runtime import Runtime

# How often a call that waits for a free slot looks again.
SLOT_POLL_SECONDS = 0.02
# A half-open deployment waits for its probe's result as long as a call may take, but not longer than this.
LONGEST_PROBE_SECONDS = 60.0
_SLOTS = frozenset({"rpm", "tpm", "parallel"})


Mark = tuple[str, str, int]


class Equipment(Protocol):
    """What a walk needs of its router."""

    settings: RouterSettings
    runtime: Runtime
    state: StateStore
    catalogue: Catalogue
    strategy: Strategy

    def profile(self, group: Group) -> GroupProfile: ...

    def rules(self, call: Call) -> Rules: ...

    def wish(self, call: Call, now: float) -> Wish: ...


class Grant(NamedTuple):
    deployment: Deployment
    profile: Profile
    lease: Lease


class Walk:
    """Used once. `run` walks over targets, `_group` tries within one, `_choose` finds a deployment."""

    def __init__(self, equipment: Equipment, call: Call, send: Send, first: Target) -> None:
        self._equipment = equipment
        self._settings = equipment.settings
        self._runtime = equipment.runtime
        self._call = call
        self._send = send
        self._first = first
        # Fallbacks spend of the budget of the group that was asked: theirs may have no traffic of its own.
        self._budget = equipment.profile(first.group).budget
        timeout = call.options.timeout
        self._deadline = None if timeout is None else call.started + timeout
        self._attempts: list[Attempt] = []
        self._failed: list[Mark] = []
        self._barred: set[Mark] = set()
        self._retries = 0
        self._fallbacks = 0
        self._waited = 0.0
        self._refusals: list[Refusal] = []
        self._over = False

    def run(self) -> Outcome:
        first_error: GatewayError | None = None
        pending, seen = [self._first], {self._first.key}
        while pending and not self._over:
            target = pending.pop(0)
            if not self._may_enter(target):
                break
            try:
                return self._group(target)
            except GatewayError as error:
                first_error = first_error or error
                if self._abandoned(error):
                    break
                rules = self._equipment.rules(self._call)
                found = next_targets(target, error, rules, self._equipment.catalogue)
                fresh = [one for one in found if one.key not in seen]
                seen.update(one.key for one in fresh)
                pending[:0] = fresh
        return self._without_answer(first_error)

    def _may_enter(self, target: Target) -> bool:
        """Count a hop to another group, or to another level once somebody was tried; False beyond the limit."""
        if target.reason == "first" or (target.reason == "order" and not self._attempts):
            return True
        if self._fallbacks >= self._settings.max_fallbacks:
            return False
        self._fallbacks += 1
        return True

    def _without_answer(self, error: GatewayError | None) -> Outcome:
        """A last try of what cools, where nobody could be asked at all; else the first group's error."""
        assert error is not None
        if isinstance(error, NoDeploymentAvailableError) and not self._attempts and self._settings.last_resort:
            grant = self._choose_last_resort(self._first)
            if grant is not None:
                try:
                    return self._finish(self._first, grant, self._try(self._first, grant, "last_resort"))
                except GatewayError as told:
                    error = told
        error.attempts = tuple(attempt.to_dict() for attempt in self._attempts)
        raise error

    def _group(self, target: Target) -> Outcome:
        """Tries of the target's deployments until one answers; raise the last error when no more may be made."""
        level = candidates(target.group.levels[target.level], target.call, self._settings, target.group.name)
        grant = self._first_grant(target, level)
        tries = 1
        reason: str = target.reason
        while True:
            try:
                return self._finish(target, grant, self._try(target, grant, reason))
            except GatewayError as error:
                again = self._next_grant(target, level, grant.deployment, error, tries)
                if again is None:
                    raise
            grant, reason = again, "retry"
            tries += 1
            self._retries += 1

    def _finish(self, target: Target, grant: Grant, reply: Reply) -> Outcome:
        return Outcome(reply, grant.deployment, tuple(self._attempts), self._retries, self._fallbacks)

    def _first_grant(self, target: Target, level: Sequence[Deployment]) -> Grant:
        self._refusals = []
        pool = self._fresh(target, level)
        grant = self._choose(target, pool) or self._wait_for_slot(target, pool)
        if grant is None:
            raise self._unavailable(target)
        return grant

    def _next_grant(
        self, target: Target, level: Sequence[Deployment], tried: Deployment, error: GatewayError, tries: int
    ) -> Grant | None:
        """The next try within the group: one that has not failed yet at once, else after a pause one that has."""
        alternatives = len(level) > 1
        most, said = self._most_retries(target, tried, error)
        mark = _mark(target, tried)
        self._failed.append(mark)
        if not retry.same_may_do(error, said):
            self._barred.add(mark)
        if tries > most or self._abandoned(error):
            return None
        if not said and not retry.retryable(error, alternatives):
            return None
        self._refusals = []
        return self._choose(target, self._fresh(target, level)) or self._choose_again(target, level, error, tries)

    def _most_retries(self, target: Target, tried: Deployment, error: GatewayError) -> tuple[int, bool]:
        settings = self._settings
        policy = settings.model_group_retry_policy.get(target.group.name) or settings.retry_policy
        return retry.allowed(error, self._call.options.num_retries, tried.num_retries, policy, settings)

    def _choose_again(
        self, target: Target, level: Sequence[Deployment], error: GatewayError, tries: int
    ) -> Grant | None:
        """One that has failed in this request, after a pause; the one that failed last only when it is alone."""
        pool = [one for one in level if _mark(target, one) in self._failed and _mark(target, one) not in self._barred]
        if self._over or not pool:
            return None
        if isinstance(error, RateLimitError) and self._equipment.profile(target.group).rescued:
            return None
        pause = retry.pause(error, tries, self._settings.retry_after, self._runtime.rng)
        if pause is None or not self._in_time(pause):
            return None
        self._runtime.sleep(pause)
        last = self._failed[-1]
        others = [one for one in pool if _mark(target, one) != last]
        return self._choose(target, others) or self._choose(target, [one for one in pool if one not in others])

    def _fresh(self, target: Target, level: Sequence[Deployment]) -> Sequence[Deployment]:
        """Those that have not failed in this request."""
        return [one for one in level if _mark(target, one) not in self._failed] if self._failed else level

    def _choose(self, target: Target, pool: Sequence[Deployment], past_limits: bool = False) -> Grant | None:
        """The strategy's choice among those that the shared state lets through, its try counted."""
        left = list(pool)
        soft: list[Deployment] = []
        while left and self._in_time():
            deployment = left.pop(self._pick(target, left))
            answer = self._reserve(target, deployment, past_limits)
            if isinstance(answer, Grant):
                return answer
            if answer.reason == "budget":
                self._over = True
                return None
            limits = self._equipment.profile(target.group).members[deployment.id].limits
            if answer.reason in _SLOTS and limits is not None and not limits.hard:
                soft.append(deployment)
            else:
                self._refusals.append(answer)
        return self._choose(target, soft, past_limits=True) if soft else None

    def _pick(self, target: Target, pool: Sequence[Deployment]) -> int:
        if len(pool) == 1:
            return 0
        strategy = self._equipment.strategy
        now = self._runtime.now()
        standings = [] if strategy.blind else self._equipment.state.view([one.id for one in pool], now)
        return strategy.pick(pool, standings, self._equipment.wish(target.call, now))

    def _reserve(
        self, target: Target, deployment: Deployment, past_limits: bool = False, last_resort: bool = False
    ) -> Grant | Refusal:
        """A client's own connection is not the operator's deployment: it has no limits and shares no health."""
        profile = self._equipment.profile(target.group).members[deployment.id]
        own = brings_connection(target.call.options.overrides)
        ask = Ask(
            deployment=f"{deployment.id} of clients" if own else deployment.id,
            limits=None if own or past_limits else profile.limits,
            tokens=total_tokens(target.call.fields) if profile.counts_tokens else 0,
            budget=self._budget,
            extra=last_resort or bool(self._attempts),
            last_resort=last_resort,
            probe_seconds=LONGEST_PROBE_SECONDS,
        )
        answer = self._equipment.state.reserve(ask, self._runtime.now())
        if isinstance(answer, Refusal):
            return answer
        return Grant(deployment.with_overrides(target.call.options.overrides), profile, answer)

    def _wait_for_slot(self, target: Target, pool: Sequence[Deployment]) -> Grant | None:
        """A short wait for what is only full, bounded for the request as a whole."""
        while not self._over and self._waited < self._settings.slot_wait:
            ready = min((one.until for one in self._refusals if one.reason in _SLOTS), default=math.inf)
            left = self._settings.slot_wait - self._waited
            pause = min(max(SLOT_POLL_SECONDS, ready - self._runtime.now()), left)
            if ready > self._runtime.now() + left or not self._in_time(pause):
                return None
            self._runtime.sleep(pause)
            self._waited += pause
            self._refusals = []
            grant = self._choose(target, pool)
            if grant is not None:
                return grant
        return None

    def _choose_last_resort(self, target: Target) -> Grant | None:
        """The deployment that recovers first. It spends of the retry budget, so a dead one's load falls."""
        state, now = self._equipment.state, self._runtime.now()
        pool = [
            one
            for level in target.group.levels
            for one in candidates(level, target.call, self._settings, target.group.name)
        ]
        standings = state.view([one.id for one in pool], now)
        ranked = sorted(zip(pool, standings, strict=True), key=lambda pair: pair[1].cooling_until)
        for deployment, standing in ranked:
            if standing.streak:
                answer = self._reserve(target, deployment, last_resort=True)
                if isinstance(answer, Grant):
                    return answer
        return None

    def _try(self, target: Target, grant: Grant, reason: str) -> Reply:
        """One send; whatever comes of it is settled and told."""
        call, deployment = target.call, grant.deployment
        clocks = build_clocks(call, deployment, self._settings, self._remaining())
        settle = Settlement(self._equipment, call, grant)
        started = self._runtime.monotonic()
        try:
            reply = self._send(call, deployment, clocks, settle)
        except GatewayError as error:
            settle(Result(self._runtime.monotonic() - started, error))
            self._tell(deployment, reason, error.status_code, type(error).__name__, started)
            raise
        except BaseException:
            settle(Result(self._runtime.monotonic() - started, InternalServerError("Internal server error")))
            raise
        self._tell(deployment, reason, 200, None, started)
        return reply

    def _tell(self, deployment: Deployment, reason: str, status: int, error_class: str | None, started: float) -> None:
        milliseconds = (self._runtime.monotonic() - started) * 1000.0
        self._attempts.append(Attempt(deployment.group, deployment.id, reason, status, error_class, milliseconds))

    def _abandoned(self, error: GatewayError) -> bool:
        """Nobody waits for the answer any more."""
        client = self._call.client
        return isinstance(error, ClientClosedRequestError) or (client is not None and client.gone())

    def _remaining(self) -> float | None:
        return None if self._deadline is None else self._deadline - self._runtime.monotonic()

    def _in_time(self, pause: float = 0.0) -> bool:
        """Whether something that starts after `pause` starts before the client's deadline."""
        remaining = self._remaining()
        return remaining is None or remaining > pause

    def _unavailable(self, target: Target) -> GatewayError:
        """Why nobody of the group could be asked."""
        if not self._in_time():
            return Timeout(f"The request's timeout of {self._call.options.timeout} s was over before it could be sent.")
        now = self._runtime.now()
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


def _mark(target: Target, deployment: Deployment) -> Mark:
    """What failed: a wildcard's deployment may fail with one model and do with another."""
    return (deployment.id, deployment.model, target.variant)


class Settlement:
    """Tells the shared state how one try ended, once; a stream's end comes long after the walk."""

    __slots__ = ("_call", "_equipment", "_grant", "_open")

    def __init__(self, equipment: Equipment, call: Call, grant: Grant) -> None:
        self._equipment, self._call, self._grant = equipment, call, grant
        self._open = True

    def __call__(self, result: Result) -> None:
        if self._open:
            self._open = False
            self._equipment.state.settle(self._grant.lease, self._finish(result), self._equipment.runtime.now())

    def _finish(self, result: Result) -> Finish:
        latency, first = samples(result, self._call.stream)
        finish = Finish(failed=False, tokens=_used(result), latency=latency, first=first)
        return finish if result.error is None else self._failure(finish, result.error)

    def _failure(self, finish: Finish, error: GatewayError) -> Finish:
        cooling = self._grant.profile.cooling
        options = self._call.options
        blamed = may_cool(
            error, client_owned=brings_connection(options.overrides), client_timeout=options.timeout is not None
        )
        return finish._replace(
            failed=True if blamed else None,
            status=error.status_code,
            allowed_fails=allowed_fails(cooling, error),
            cooldown=cooldown_seconds(cooling, error),
            alternatives=cooling.alternatives,
        )


def _used(result: Result) -> int | None:
    """The tokens to settle with; None lets the estimate stand, where an answer came but nobody counted."""
    if result.usage is not None:
        return result.usage.total_tokens
    if result.error is None or result.first is not None:
        return None
    return 0
