"""What each finished call cost, and its record for the sinks."""

from collections.abc import Callable
from dataclasses import replace

from proxy.accounting.cost import compute_cost
from proxy.accounting.prices import PriceTable
from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.cost import Cost
from proxy.domain.record import CallRecord, Mask, build_record
from proxy.domain.usage import Usage
from proxy.errors import GatewayError
from proxy.runtime import Runtime

Emit = Callable[[CallRecord], None]


class Ledger:
    """Writes one record for each call. `log_content` is the operator's word on whether prompts and answers may be in it."""

    def __init__(self, emit: Emit, prices: PriceTable, runtime: Runtime, mask: Mask, log_content: bool) -> None:
        self._emit = emit
        self._prices = prices
        self._runtime = runtime
        self._mask = mask
        self._log_content = log_content

    def answered(self, call: Call, outcome: Outcome, answer: Answer) -> Outcome:
        """A whole answer: the outcome with its cost."""
        cost = self._cost(outcome, answer.usage, answer.model)
        duration = self._runtime.monotonic() - call.started
        overhead = max(0.0, duration - answer.provider_seconds - outcome.failed_seconds)
        self._enter(call, duration, outcome=outcome, usage=answer.usage, cost=cost, overhead=overhead)
        return replace(outcome, cost=cost) if cost else outcome

    def streamed(self, call: Call, outcome: Outcome, usage: Usage | None, error: GatewayError | None) -> None:
        """A stream that has ended, broken or been left. What is ours of its time is what lay before its first content."""
        first = outcome.first
        overhead = None if first is None else max(0.0, first - outcome.reply.provider_seconds - outcome.failed_seconds)
        self._enter(
            call,
            self._runtime.monotonic() - call.started,
            outcome=outcome,
            usage=usage,
            cost=self._cost(outcome, usage, None),
            first=first,
            error=error,
            overhead=overhead,
        )

    def failed(self, call: Call, error: GatewayError) -> None:
        """A call that got no answer."""
        self._enter(call, self._runtime.monotonic() - call.started, error=error)

    def _cost(self, outcome: Outcome, usage: Usage | None, answered: str | None) -> Cost | None:
        if usage is None:
            return None
        return compute_cost(usage, outcome.deployment, self._prices, answered=answered)

    def _enter(
        self,
        call: Call,
        duration: float,
        *,
        outcome: Outcome | None = None,
        usage: Usage | None = None,
        cost: Cost | None = None,
        first: float | None = None,
        error: GatewayError | None = None,
        overhead: float | None = None,
    ) -> None:
        self._emit(
            build_record(
                call,
                ended_at=self._runtime.now(),
                duration=duration,
                mask=self._mask,
                outcome=outcome,
                error=error,
                usage=usage,
                cost=cost,
                first=first,
                overhead=overhead,
                log_content=self._log_content and not call.options.no_log,
                dropped_params=outcome.reply.dropped if outcome else (),
            )
        )
