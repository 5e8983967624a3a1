"""How one try ended, told to the shared state."""

from proxy.domain.attempt import Result
from proxy.domain.call import Call
from proxy.errors import GatewayError
from proxy.routing.context import Equipment, Grant
from proxy.routing.state.health import allowed_fails, cooldown_seconds, may_cool
from proxy.routing.state.latency import samples
from proxy.routing.state.values import Finish


class Settlement:
    """Tells the shared state how one try ended, once; a stream's end comes long after the walk."""

    __slots__ = ("_call", "_equipment", "_grant", "_open")

    def __init__(self, equipment: Equipment, call: Call, grant: Grant) -> None:
        self._equipment, self._call, self._grant = equipment, call, grant
        self._open = True

    def __call__(self, result: Result) -> None:
        if self._open:
            self._open = False
            finish = self._finish(result)
            if self._equipment.state.settle(self._grant.lease, finish, self._equipment.runtime.now()):
                self._equipment.on_cooldown(self._grant.deployment, finish.status)

    def _finish(self, result: Result) -> Finish:
        latency, first = samples(result, self._call.stream)
        finish = Finish(failed=False, tokens=_used(result), latency=latency, first=first)
        return finish if result.error is None else self._failure(finish, result.error)

    def _failure(self, finish: Finish, error: GatewayError) -> Finish:
        cooling = self._grant.profile.cooling
        options = self._call.options
        blamed = may_cool(error, client_owned=options.stands_apart, client_timeout=options.timeout is not None)
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
