"""What each finished call cost, and its record for the sinks."""

import re
from collections.abc import Callable
from typing import NamedTuple

from proxy.accounting.book import PriceBook
from proxy.accounting.cost import cost_of
from proxy.accounting.prices import PriceTable
from proxy.domain.answer import Answer, StreamEnd
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.record import CallRecord, Mask, build_record, may_log_content
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.gateway.gather import gather
from proxy.routing.estimate import prompt_tokens
from proxy.runtime import Runtime

Emit = Callable[[CallRecord], None]

# A quote inside a JSON text is escaped, so these names stand outside of all texts.
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\]{1,256})"')
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,256})"')
_TIER = re.compile(rb'"service_tier"\s*:\s*"(\w{1,32})"')


class Told(NamedTuple):
    """What an answer's bytes tell of it."""

    id: str | None
    service_tier: str | None


class Ledger:
    """Writes one record for each call. `log_content` is the operator's word on whether prompts and answers may be in it."""

    def __init__(self, emit: Emit, prices: PriceTable, runtime: Runtime, mask: Mask, log_content: bool) -> None:
        self._emit = emit
        self._prices = PriceBook(prices)
        self._runtime = runtime
        self._mask = mask
        self._log_content = log_content

    def answered(self, call: Call, outcome: Outcome, answer: Answer) -> Outcome:
        """A whole answer: the outcome with its cost."""
        told = read_told(answer.body)
        cost = self._cost(call, outcome, answer.usage, answer.model, told.service_tier)
        duration = self._runtime.monotonic() - call.started
        record = build_record(
            call,
            ended_at=self._runtime.now(),
            duration=duration,
            mask=self._mask,
            outcome=outcome,
            usage=answer.usage,
            cost=cost,
            overhead=max(0.0, duration - answer.provider_seconds - outcome.failed_seconds),
            log_content=self.logs_content(call),
            response_id=told.id,
        )
        self._emit(record)
        return outcome.priced(cost) if cost else outcome

    def streamed(self, call: Call, outcome: Outcome, end: StreamEnd) -> None:
        """A stream that has ended, broken or been left. What is ours of its time is what lay before its first content."""
        first = outcome.first
        overhead = None if first is None else max(0.0, first - outcome.reply.provider_seconds - outcome.failed_seconds)
        told, model = read_told(end.chunk), _MODEL.search(end.chunk)
        record = build_record(
            call,
            ended_at=self._runtime.now(),
            duration=self._runtime.monotonic() - call.started,
            mask=self._mask,
            outcome=outcome,
            usage=end.usage,
            cost=self._cost(call, outcome, end.usage, _text(model), told.service_tier),
            first=first,
            error=end.error,
            overhead=overhead,
            log_content=self.logs_content(call),
            response_id=told.id,
            response=gather(end.chunks) if end.chunks else None,
        )
        self._emit(record)

    def failed(self, call: Call, error: GatewayError, deployment: Deployment | None) -> None:
        """A call that got no answer; `deployment` is the one that was tried last.

        A provider that was asked when the client left has read the prompt.
        """
        usage = None
        if isinstance(error, ClientClosedRequestError) and deployment is not None:
            prompt = prompt_tokens(call.fields)
            usage = Usage(prompt, 0, prompt)
        record = build_record(
            call,
            ended_at=self._runtime.now(),
            duration=self._runtime.monotonic() - call.started,
            mask=self._mask,
            error=error,
            deployment=deployment,
            usage=usage,
            log_content=self.logs_content(call),
        )
        self._emit(record)

    def price(self, call: Call, outcome: Outcome, usage: Usage) -> Cost | None:
        """What a stream has cost, as far as its chunk of usage can tell."""
        return self._cost(call, outcome, usage, None, None)

    def logs_content(self, call: Call) -> bool:
        """Whether this call's prompt and answer may be in its record."""
        return may_log_content(call, self._log_content)

    def _cost(
        self, call: Call, outcome: Outcome, usage: Usage | None, answered: str | None, tier: str | None
    ) -> Cost | None:
        if usage is None:
            return None
        asked = call.fields.get("service_tier")
        priced = self._prices.find(outcome.deployment, answered)
        return cost_of(usage, priced, tier or (asked if isinstance(asked, str) else None), call.started_at)


def read_told(body: bytes) -> Told:
    """The id, if it stands first as everybody writes it, and the tier; without parsing an answer that may be long."""
    at = body.rfind(b'"service_tier"')
    return Told(_text(_ID.match(body)), _text(_TIER.match(body, at)) if at >= 0 else None)


def _text(found: re.Match[bytes] | None) -> str | None:
    return found[1].decode(errors="replace") if found else None
