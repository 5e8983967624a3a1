"""Reports how one try ended to the shared state."""

from proxy.domain.attempt import Result
from proxy.domain.call import Call
from proxy.errors import GatewayError
from proxy.routing.context import Permit, RoutingContext
from proxy.routing.state.health import allowed_fails, cooldown_seconds, may_cool
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
        latency, first = samples(result, self._call.stream)
        try_result = TryResult(failed=False, tokens=_used(result), latency=latency, first=first)
        return try_result if result.error is None else self._failure(try_result, result.error)

    def _failure(self, try_result: TryResult, error: GatewayError) -> TryResult:
        cooling = self._permit.profile.cooling
        options = self._call.options
        blamed = may_cool(error, client_owned=options.stands_apart, client_timeout=options.timeout is not None)
        return try_result._replace(
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
