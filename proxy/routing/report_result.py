"""Reports how one try ended to the shared state."""

from proxy.domain.attempt import Result
from proxy.domain.call import Call
from proxy.errors import GatewayError
from proxy.routing.blame import counts_against
from proxy.routing.context import Permit, RoutingContext
from proxy.routing.state.health import allowed_fails, cooldown_seconds
from proxy.routing.state.latency import samples
from proxy.routing.state.values import TryResult


class ReportResult:
    """Reports the result of one try, once; a stream ends long after the walk."""

    __slots__ = ("_call", "_context", "_open", "_permit")

    def __init__(self, context: RoutingContext, call: Call, permit: Permit) -> None:
        self._context, self._call, self._permit = context, call, permit
        self._open = True

    def __call__(self, result: Result) -> None:
        if self._open:
            self._open = False
            try_result = self._try_result(result)
            if self._context.state.settle(self._permit.reservation, try_result, self._context.runtime.now()):
                self._context.on_cooldown(self._permit.deployment, try_result.status)

    def _try_result(self, result: Result) -> TryResult:
        if result.error is not None:
            return self._failure(result, result.error)
        latency, first = samples(result, self._call.stream)
        return TryResult(failed=False, tokens=_used(result), latency=latency, first=first)

    def _failure(self, result: Result, error: GatewayError) -> TryResult:
        """What does not count against the deployment leaves no sample of its latency either."""
        if not counts_against(error, self._call):
            return TryResult(failed=None, status=error.status_code, tokens=_used(result))
        cooling = self._permit.profile.cooling
        latency, first = samples(result, self._call.stream)
        return TryResult(
            failed=True,
            tokens=_used(result),
            latency=latency,
            first=first,
            status=error.status_code,
            allowed_fails=allowed_fails(cooling, error),
            cooldown=cooldown_seconds(cooling, error),
            alternatives=cooling.alternatives,
        )


def _used(result: Result) -> int | None:
    """The tokens to settle with; None keeps the estimate, where an answer came without counts."""
    if result.usage is not None:
        return result.usage.total_tokens
    if result.error is None or result.first is not None:
        return None
    return 0
