"""One call's way through its targets: tries within a group, then the fallbacks of the error's kind."""

from collections.abc import Sequence

from proxy.domain.answer import Reply
from proxy.domain.attempt import Outcome, Result, Send
from proxy.domain.call import NO_OPTIONS, Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import Clocks
from proxy.errors import (
    Attempt,
    ClientClosedRequestError,
    GatewayError,
    LocalResourceError,
    NoDeploymentAvailableError,
    RateLimitError,
    UnexpectedError,
)
from proxy.routing import retry
from proxy.routing.blame import is_account_fault, is_transient
from proxy.routing.clocks import build_clocks
from proxy.routing.context import Permit, RoutingContext
from proxy.routing.deadline import Deadline
from proxy.routing.plan import Target, next_targets
from proxy.routing.report_result import ReportResult
from proxy.routing.selection import Selection

_BUDGET_SPENT = "(No further retry was made: the retry budget of this model's provider is spent.)"

Mark = tuple[str, str, int]


class Walk:
    """Used once. `run` walks over targets, `_group` tries within one, `_try` sends."""

    _retries = 0
    _fallbacks = 0

    def __init__(
        self, context: RoutingContext, call: Call, send: Send, first: Target, avoid: Sequence[str] = ()
    ) -> None:
        self._context = context
        self._monotonic = context.runtime.monotonic
        self._call = call
        self._send = send
        self._first = first
        self._avoid = frozenset(avoid)
        self._deadline = Deadline.of(call, self._monotonic)
        self._selection = Selection(context, self._deadline)
        self._attempts: list[Attempt] = []
        self._last_tried: Deployment | None = None
        self._failed: list[Mark] = []
        self._barred: set[Mark] = set()

    def run(self) -> Outcome:
        try:
            return self._group(self._first)
        except GatewayError as error:
            first_error = error
        return self._elsewhere(first_error)

    def _elsewhere(self, first_error: GatewayError) -> Outcome:
        """The fallbacks of the first target, and of each other."""
        target, error = self._first, first_error
        seen = {target.key}
        pending: list[Target] = []
        while not self._abandoned(error):
            found = next_targets(target, error, self._context.rules(self._call), self._context.catalogue)
            # A list may name a target twice, too.
            fresh = {one.key: one for one in found if one.key not in seen}
            seen.update(fresh)
            pending[:0] = fresh.values()
            if not pending or not self._may_enter(pending[0]):
                break
            target = pending.pop(0)
            try:
                return self._group(target)
            except GatewayError as failure:
                error = failure
        return self._without_answer(first_error)

    def _may_enter(self, target: Target) -> bool:
        """Count a hop to another group, or to another level once a deployment was tried; False beyond the limit."""
        if target.reason == "order" and not self._attempts:
            return True
        if self._fallbacks >= self._context.settings.max_fallbacks:
            return False
        self._fallbacks += 1
        return True

    def _without_answer(self, error: GatewayError) -> Outcome:
        """A last try of a cooling deployment, where none could be tried at all; else the first group's error."""
        if isinstance(error, NoDeploymentAvailableError) and not self._attempts and self._context.settings.last_resort:
            permit = self._selection.last_resort(self._first)
            if permit is not None:
                try:
                    return self._finish(self._first, permit, self._try(self._first, permit, "last_resort"))
                except GatewayError as later:
                    error = later
        error.attempts = tuple(self._attempts)
        if self._selection.spent:
            error.retry_budget_spent = True
            error.message = f"{error.message} {_BUDGET_SPENT}"
        error.last_tried = self._last_tried
        raise error

    def _group(self, target: Target) -> Outcome:
        """Tries of the target's deployments until one answers; raise the last error when no more may be made."""
        level = self._selection.level(target)
        permit = self._first_permit(target, level)
        tries = 1
        reason: str = target.reason
        while True:
            try:
                return self._finish(target, permit, self._try(target, permit, reason))
            except GatewayError as error:
                again = self._next_permit(target, level, permit, error, tries)
                if again is None:
                    raise
            permit, reason = again, "retry"
            tries += 1
            self._retries += 1

    def _finish(self, target: Target, permit: Permit, reply: Reply) -> Outcome:
        return Outcome(reply, permit.deployment, tuple(self._attempts), self._retries, self._fallbacks)

    def _first_permit(self, target: Target, level: Sequence[Deployment]) -> Permit:
        pool = self._fresh(target, level)
        permit = self._selection.choose(target, pool) or self._selection.wait_for_slot(target, pool)
        if permit is None:
            raise self._selection.unavailable(target)
        return permit

    def _next_permit(
        self, target: Target, level: Sequence[Deployment], permit: Permit, error: GatewayError, tries: int
    ) -> Permit | None:
        """The next try within the group: one that has not failed yet at once, else after a pause one that has."""
        # A client's own key is refused everywhere.
        alternatives = len(level) > 1 and not self._call.options.is_isolated
        self._selection.note_failure(target, permit, is_transient(error))
        tried = permit.deployment
        most, named = self._most_retries(target, tried, error)
        mark = _mark(target, tried)
        self._failed.append(mark)
        if not retry.same_may_do(error, named):
            self._barred.add(mark)
        beyond = tries > most
        if beyond and not (self._fails_over(error, named) and tries <= self._context.settings.max_fallbacks):
            return None
        if self._abandoned(error) or (not named and not retry.retryable(error, alternatives)):
            return None
        fresh = self._selection.choose(target, self._fresh(target, level))
        if fresh is not None or beyond:
            return fresh
        return self._choose_again(target, level, error, tries)

    def _fails_over(self, error: GatewayError, named: bool) -> bool:
        """Whether the next deployment of the group is tried although no retry is left, unless a policy counts them."""
        if self._context.settings.enable_weighted_failover:
            return True
        return not named and is_account_fault(error) and not self._call.options.is_isolated

    def _most_retries(self, target: Target, tried: Deployment, error: GatewayError) -> tuple[int, bool]:
        settings = self._context.settings
        policy = settings.model_group_retry_policy.get(target.group.name) or settings.retry_policy
        return retry.allowed(error, self._call.options.num_retries, tried.num_retries, policy, settings)

    def _choose_again(
        self, target: Target, level: Sequence[Deployment], error: GatewayError, tries: int
    ) -> Permit | None:
        """One that has failed in this request, after a pause; the one that failed last only when it is alone."""
        pool = [one for one in level if _mark(target, one) in self._failed and _mark(target, one) not in self._barred]
        if self._selection.spent or not pool:
            return None
        if isinstance(error, RateLimitError) and self._context.profile(target.group).rescued:
            return None
        pause = retry.pause(error, tries, self._context.settings.retry_after, self._context.runtime.rng)
        if pause is None or not self._deadline.allows(pause):
            return None
        self._context.runtime.sleep(pause)
        if self._abandoned(error):
            return None
        last = self._failed[-1]
        others = [one for one in pool if _mark(target, one) != last]
        permit = self._selection.choose(target, others)
        return permit or self._selection.choose(target, [one for one in pool if one not in others])

    def _fresh(self, target: Target, level: Sequence[Deployment]) -> Sequence[Deployment]:
        """Those that have not failed in this request, and are not to be avoided."""
        if not self._failed and not self._avoid:
            return level
        return [one for one in level if one.id not in self._avoid and _mark(target, one) not in self._failed]

    def _try(self, target: Target, permit: Permit, reason: str) -> Reply:
        """One send; its result is settled and reported."""
        call, deployment = target.call, permit.deployment
        clocks = self._clocks(call, permit)
        on_result = ReportResult(self._context, call, permit)
        started = self._monotonic()
        try:
            reply = self._send(call, deployment, clocks, on_result)
        except GatewayError as error:
            on_result(Result(self._monotonic() - started, error))
            self._tell(deployment, reason, error.status_code, type(error).__name__, started)
            raise
        except BaseException:
            on_result(Result(self._monotonic() - started, UnexpectedError()))
            raise
        self._tell(deployment, reason, 200, None, started)
        return reply

    def _clocks(self, call: Call, permit: Permit) -> Clocks:
        if call.options is NO_OPTIONS:
            return permit.profile.clocks[call.stream]
        return build_clocks(call, permit.deployment, self._context.settings, self._deadline.remaining())

    def _tell(self, deployment: Deployment, reason: str, status: int, error_class: str | None, started: float) -> None:
        milliseconds = (self._monotonic() - started) * 1000.0
        self._last_tried = deployment
        self._attempts.append(Attempt(deployment.group, deployment.id, reason, status, error_class, milliseconds))

    def _abandoned(self, error: GatewayError) -> bool:
        """The client is gone, or the gateway has no means left for a further try."""
        client = self._call.client
        return isinstance(error, ClientClosedRequestError | LocalResourceError) or (
            client is not None and client.gone()
        )


def _mark(target: Target, deployment: Deployment) -> Mark:
    """What failed: a wildcard's deployment may fail with one model and do with another."""
    return (deployment.id, deployment.model, target.variant)
