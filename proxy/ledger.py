"""The record of each finished call: built once, handed to the sinks."""

from collections.abc import Callable

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.record import CallRecord, Mask, Requester, build_record
from proxy.domain.usage import Usage
from proxy.errors import GatewayError
from proxy.runtime import Runtime

Emit = Callable[[CallRecord], None]


class Ledger:
    """Writes records. `log_content` is the operator's word on whether prompts and answers may be in them."""

    def __init__(self, emit: Emit, runtime: Runtime, mask: Mask, log_content: bool = False) -> None:
        self._emit = emit
        self._runtime = runtime
        self._mask = mask
        self._log_content = log_content

    def enter(
        self,
        call: Call,
        *,
        outcome: Outcome | None = None,
        error: GatewayError | None = None,
        usage: Usage | None = None,
        first: float | None = None,
        requester: Requester | None = None,
    ) -> None:
        """One call is over: answered (`outcome`), failed (`error`), or a stream that broke (both). `first` in seconds."""
        duration = self._runtime.monotonic() - call.started
        reply = outcome.reply if outcome else None
        failed = (
            sum(attempt.milliseconds for attempt in outcome.attempts if attempt.error_class) / 1000 if outcome else 0
        )
        overhead = None
        if isinstance(reply, Answer):
            overhead = max(0.0, duration - reply.provider_seconds - failed)
        self._emit(
            build_record(
                call,
                ended_at=self._runtime.now(),
                duration=duration,
                mask=self._mask,
                outcome=outcome,
                error=error,
                usage=usage,
                first=first,
                overhead=overhead,
                requester=requester or Requester(),
                log_content=self._log_content and not call.options.no_log,
                dropped_params=reply.dropped if reply else (),
            )
        )
