"""What each finished call cost, and its record for the sinks."""

import logging
import re
from collections.abc import Callable
from typing import NamedTuple

from proxy.accounting.book import PriceBook
from proxy.accounting.cost import cost_of
from proxy.accounting.prices import PriceTable
from proxy.domain.account import nanodollars
from proxy.domain.answer import EVENTS, Answer, StreamEnd
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.call_quota import CallQuota
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.record import CallRecord, Mask
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError
from proxy.gateway.gather import gather
from proxy.gateway.record_builder import CallEnd, build_record, may_log_content
from proxy.routing.estimate import prompt_tokens
from proxy.runtime import Runtime

_log = logging.getLogger("patchbay")

Emit = Callable[[CallRecord], None]

# A quote inside a JSON text is escaped, so these names are outside of all texts.
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([^"\\]{1,256})"')
_FIRST_ID = re.compile(rb'"id"\s*:\s*"([^"\\]{1,256})"')
_GOOGLES_ID = re.compile(rb'"responseId"\s*:\s*"([^"\\]{1,256})"')
_HEAD = 1024
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,256})"')
_TIER = re.compile(rb'"service_tier"\s*:\s*"(\w{1,32})"')


# An answer from the cache.
_NO_COST = Cost(0.0)


class AnswerFacts(NamedTuple):
    """What an answer's bytes hold about it, found without parsing them."""

    id: str | None
    service_tier: str | None


class Ledger:
    """Writes one record for each call.

    `log_content`: the operator allows prompts and answers in records. `show_cost`: the chunk of usage carries the cost.
    """

    def __init__(
        self,
        emit: Emit,
        prices: PriceTable,
        runtime: Runtime,
        mask: Mask,
        *,
        log_content: bool,
        show_cost: bool = False,
    ) -> None:
        self._emit = emit
        self._prices = PriceBook(prices)
        self._runtime = runtime
        self._mask = mask
        self._log_content = log_content
        self._show_cost = show_cost

    def answered(self, call: Call, outcome: Outcome, answer: Answer) -> Outcome:
        """A whole answer: the outcome with its cost."""
        if outcome.cache is not None and outcome.cache.hit:
            outcome = self._with_saving(call, outcome, answer.usage)
        facts = read_answer_facts(answer.body, answer.form)
        cost = self._cost(call, outcome, answer.usage, answer.model, facts.service_tier)
        duration = self._runtime.monotonic() - call.started
        end = CallEnd(
            at=self._runtime.now(),
            duration=duration,
            usage=answer.usage,
            cost=cost,
            overhead=max(0.0, duration - answer.provider_seconds - outcome.failed_seconds),
            response_id=facts.id,
            spend=None if call.quota is None else settle(call.quota, answer.usage, cost, outcome),
        )
        self._emit(build_record(call, outcome, end, self._mask, self.logs_content(call)))
        return outcome.priced(cost) if cost else outcome

    def streamed(self, call: Call, outcome: Outcome, stream: StreamEnd) -> None:
        """A stream that has ended, broken or been left. Its overhead is what came before its first content."""
        if outcome.cache is not None and outcome.cache.hit:
            outcome = self._with_saving(call, outcome, stream.usage)
        first = outcome.first
        overhead = None if first is None else max(0.0, first - outcome.reply.provider_seconds - outcome.failed_seconds)
        facts, model = read_answer_facts(stream.chunk, outcome.reply.form), _MODEL.search(stream.chunk)
        cost = self._cost(call, outcome, stream.usage, _text(model), facts.service_tier)
        end = CallEnd(
            at=self._runtime.now(),
            duration=self._runtime.monotonic() - call.started,
            error=stream.error,
            usage=stream.usage,
            cost=cost,
            first=first,
            overhead=overhead,
            response_id=facts.id,
            response=_gathered(stream, outcome) if stream.chunks else None,
            spend=None if call.quota is None else settle(call.quota, stream.usage, cost, outcome),
        )
        self._emit(build_record(call, outcome, end, self._mask, self.logs_content(call)))

    def failed(
        self, call: Call, error: GatewayError, deployment: Deployment | None, withheld: Outcome | None = None
    ) -> None:
        """A call without an answer; `deployment` is the one that was tried last, None where none was.

        `withheld` is an answer that the client does not get: it was paid for all the same.

        A provider that was being asked when the client left has read the prompt.
        """
        error.recorded = True
        usage = None
        if isinstance(error, ClientClosedRequestError) and deployment is not None:
            prompt = prompt_tokens(call.observed_fields)
            usage = Usage(prompt, 0, prompt)
        duration = self._runtime.monotonic() - call.started
        end = CallEnd(self._runtime.now(), duration, error, deployment, usage)
        if withheld is not None:
            end = self._end_withheld(call, end, withheld)
        elif call.quota is not None:
            end = end._replace(spend=self._end_failed(call, call.quota, error, deployment, usage))
        self._emit(build_record(call, None, end, self._mask, self.logs_content(call)))

    def _end_withheld(self, call: Call, end: CallEnd, outcome: Outcome) -> CallEnd:
        reply = outcome.reply
        usage = reply.usage if isinstance(reply, Answer) else reply.spent()
        cost = self._cost(call, outcome, usage, None, None)
        spend = None if call.quota is None else settle(call.quota, usage, cost, outcome)
        return end._replace(deployment=outcome.deployment, usage=usage, cost=cost, spend=spend)

    def _end_failed(
        self, call: Call, quota: CallQuota, error: GatewayError, deployment: Deployment | None, usage: Usage | None
    ) -> int:
        """A call that reached no deployment is as if it had not been made; one that did is a request, and costs what was read."""
        if not error.attempts:
            quota.release()
            return 0
        if usage is None or deployment is None:
            return quota.settle(0, 0)
        return settle(quota, usage, cost_of(usage, self._prices.find(deployment, None), None, call.started_at))

    def stream_cost(self, call: Call, outcome: Outcome, usage: Usage) -> float | None:
        """USD for the chunk of usage, where the operator wants it there and it is known."""
        if not self._show_cost:
            return None
        cost = self._cost(call, outcome, usage, None, None)
        return cost.total if cost else None

    def logs_content(self, call: Call) -> bool:
        """Whether this call's prompt and answer may be in its record."""
        return may_log_content(call, self._log_content)

    def _with_saving(self, call: Call, outcome: Outcome, usage: Usage | None) -> Outcome:
        """A hit with what its answer would have cost."""
        assert outcome.cache is not None
        cost = self._cost(call, outcome._replace(cache=None), usage, None, None)
        return outcome._replace(cache=outcome.cache._replace(saved_cost=cost.total if cost else None))

    def _cost(
        self, call: Call, outcome: Outcome, usage: Usage | None, answered: str | None, tier: str | None
    ) -> Cost | None:
        if outcome.cache is not None and outcome.cache.hit:
            return _NO_COST
        if usage is None:
            return None
        asked = call.observed_fields.get("service_tier")
        try:
            priced = self._prices.find(outcome.deployment, answered)
            return cost_of(usage, priced, tier or (asked if isinstance(asked, str) else None), call.started_at)
        except Exception as exception:  # noqa: BLE001  a call has its record, even without its cost
            _log.error("call %s has no cost: %s", call.id, type(exception).__name__)
            return None


def settle(quota: CallQuota, usage: Usage | None, cost: Cost | None, outcome: Outcome | None = None) -> int:
    """Count what a call has used; the estimate where the answer has no usage, nothing where its model has no price.

    An answer from the cache costs nothing.
    """
    if usage is None:
        is_hit = outcome is not None and outcome.cache is not None and outcome.cache.hit
        return quota.settle(0, 0) if is_hit else quota.settle(None, None)
    return quota.settle(usage.total_tokens, 0 if cost is None else nanodollars(cost.total))


def read_answer_facts(body: bytes, form: str = "openai") -> AnswerFacts:
    """The id, if it is the first member as every provider writes it, and the service tier.

    In Anthropic's form the first id is the answer's; it stands before all content. Google's has a name of its own.
    """
    at = body.rfind(b'"service_tier"')
    if form == "gemini":
        return AnswerFacts(_text(_GOOGLES_ID.search(body)), None)
    found = _ID.match(body) if form == "openai" else _FIRST_ID.search(body, 0, _HEAD)
    return AnswerFacts(_text(found), _text(_TIER.match(body, at)) if at >= 0 else None)


def _gathered(stream: StreamEnd, outcome: Outcome) -> object:
    """The whole answer for the log; None where a provider's chunks can't be put together."""
    if outcome.reply.form == EVENTS:
        return None
    try:
        return gather(stream.chunks, outcome.reply.form)
    except Exception as exception:  # noqa: BLE001  a call has its record, even without its answer
        _log.error("the answer of a stream can't be logged: %s", type(exception).__name__)
        return None


def _text(found: re.Match[bytes] | None) -> str | None:
    return found[1].decode(errors="replace") if found else None
