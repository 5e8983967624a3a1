"""The pipeline of a call, in one place: admit, reserve, guard, cache, route, guard, settle and record."""

from collections.abc import Callable, Sequence

from proxy.cache.contract import ResponseCache
from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.answer import Answer, StreamEnd, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError, NoDeploymentAvailableError
from proxy.gateway.admission import Admission
from proxy.gateway.continuation import ContinuedStream, may_continue
from proxy.gateway.guardrail import Guardrail
from proxy.gateway.ledger import Ledger
from proxy.gateway.metering import Meter
from proxy.gateway.model_access import split_models
from proxy.gateway.open_streams import OpenStreams
from proxy.gateway.routers import Routers
from proxy.gateway.served import AnyServed, Served, ServedBatch, ServedFastest, ServedStreams
from proxy.gateway.several_models import check_batch, first_success, interleave, run_batch
from proxy.gateway.token_count import TokenCount, UncountableError, counting, read_count, without_fallbacks
from proxy.routing.estimate import prompt_tokens
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.sinks.observation import Observation

BaseUrl = Callable[[Deployment], str | None]


class Gateway:
    """One per application. It holds the legs of the pipeline and keeps nothing of a call.

    `base_url`: see Served. `meter` is None where nothing is limited.
    """

    def __init__(
        self,
        admission: Admission,
        routers: Routers,
        dispatcher: Dispatcher,
        ledger: Ledger,
        observation: Observation,
        streams: OpenStreams,
        runtime: Runtime,
        base_url: BaseUrl,
        meter: Meter | None = None,
        guardrail: Guardrail | None = None,
        cache: ResponseCache | None = None,
    ) -> None:
        self._admission = admission
        self._routers = routers
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._observation = observation
        self._streams = streams
        self._runtime = runtime
        self._base_url = base_url
        self._meter = meter
        self._guardrail = guardrail
        self._cache = cache

    def serve(self, call: Call) -> AnyServed:
        """The answer to a request: one model's, or those of all models that it names (`"model": "a,b"`).

        Raise GatewayError, recorded, for a call that gets no answer.
        """
        call = self.admit(call)
        models = split_models(call)
        if not models:
            return self.run(call)
        self._check_batch(call, models)
        calls = _calls_of(call, models)
        if call.options.fastest_response:
            return ServedFastest(call, first_success(calls, self.run, self._abandon))
        if call.stream:
            return ServedStreams(call, models, interleave(calls, self.run, self._abandon))
        return ServedBatch(call, models, run_batch(calls, self.run))

    def admit(self, call: Call) -> Call:
        """The call as it may go on. Raise GatewayError, recorded, for one that may not."""
        try:
            return self._admission.admit(call)
        except GatewayError as error:
            self.refuse(call, error)
            raise

    def _check_batch(self, call: Call, models: Sequence[str]) -> None:
        try:
            check_batch(call, models)
        except GatewayError as error:
            self.refuse(call, error)
            raise

    def count_tokens(self, call: Call) -> TokenCount:
        """The tokens of a prompt. Raise GatewayError for a model that is not here; one that can't count has an estimate."""
        call = self.admit(call)
        try:
            outcome = self._routers.find(call).run(without_fallbacks(call), counting(self._dispatcher.send))
        except (NoDeploymentAvailableError, UncountableError):
            return TokenCount(prompt_tokens(call.observed_fields), by_provider=False)
        except GatewayError as error:
            self._ledger.failed(call, error, None)
            raise
        assert isinstance(outcome.reply, Answer)
        self._ledger.answered(call, outcome, outcome.reply)
        return TokenCount(read_count(outcome.reply), by_provider=True, answer=outcome.reply)

    def refuse(self, call: Call, error: GatewayError) -> None:
        """Record a call that was refused before it reached a deployment."""
        self._ledger.failed(call, error, None)

    def run(self, call: Call) -> Served:
        """One admitted call for one model. The record of a stream is written when it ends."""
        router = outcome = None
        try:
            if self._meter is not None and (
                call.account or call.end_user or call.options.tags or self._meter.counts_all
            ):
                call = self._meter.reserve(call)
            if self._guardrail is not None:
                call = self._guardrail.check_request(call)
            router = self._routers.find(call)
            outcome = self._cache.find(call) if self._cache is not None else None
            if outcome is None:
                outcome = router.run(call, self._dispatcher.send)
                outcome = outcome if self._cache is None else self._cache.keep(call, outcome)
            if self._guardrail is not None:
                outcome = self._guardrail.check_answer(call, outcome)
        except GatewayError as error:
            self._release(call)
            self._ledger.failed(call, error, self._routers.last_tried(call, error) if router else None, outcome)
            raise
        except BaseException:
            self._release(call)
            if call.quota is not None:
                call.quota.release()
            raise
        if outcome.attempts:
            self._observation.note_headers(outcome)
        if isinstance(outcome.reply, Answer):
            outcome = self._ledger.answered(call, outcome, outcome.reply)
            return Served(call, outcome, self._base_url(outcome.deployment))
        return self._open(call, router, outcome)

    def _release(self, call: Call) -> None:
        if self._cache is not None:
            self._cache.release(call)

    def _open(self, call: Call, router: Router, outcome: Outcome) -> Served:
        # An answer in a client's own dialect is its provider's bytes: nothing can be joined to them.
        if outcome.reply.form == "openai" and outcome.attempts and _continues(call, router):
            outcome = outcome._replace(reply=ContinuedStream(router, call, self._dispatcher.send, outcome).reply())
        assert isinstance(outcome.reply, StreamReply)
        self._streams.add(outcome.reply)
        outcome = outcome._replace(first=self._runtime.monotonic() - call.started)
        ending = Ending(self._ledger, self._streams, call, outcome)
        return Served(call, outcome, self._base_url(outcome.deployment), ending)

    def _abandon(self, served: Served) -> None:
        """Give up an answer that came too late to be read."""
        if served.ending is not None and isinstance(served.outcome.reply, StreamReply):
            served.outcome.reply.close()
            left = ClientClosedRequestError("Another model was faster, or the client left.")
            served.ending.finish(StreamEnd(error=left))


class Ending:
    """The end of one open stream: it leaves the open streams, and its record is written."""

    __slots__ = ("_call", "_ledger", "_outcome", "_streams", "keeps_content")

    def __init__(self, ledger: Ledger, streams: OpenStreams, call: Call, outcome: Outcome) -> None:
        self._ledger = ledger
        self._streams = streams
        self._call = call
        self._outcome = outcome
        self.keeps_content = ledger.logs_content(call)

    def price(self, usage: Usage) -> float | None:
        return self._ledger.stream_cost(self._call, self._outcome, usage)

    def finish(self, end: StreamEnd) -> None:
        outcome = self._outcome
        assert isinstance(outcome.reply, StreamReply)
        self._streams.remove(outcome.reply)
        later = outcome.reply.attempts()
        if later:
            outcome = outcome._replace(attempts=(*outcome.attempts, *later))
        self._ledger.streamed(self._call, outcome, end)


def _continues(call: Call, router: Router) -> bool:
    """Whether a broken answer is to be continued by another deployment, and can be."""
    asked = call.options.stream_continuation
    return (router.settings.stream_continuation if asked is None else asked) and may_continue(call)


def _calls_of(call: Call, models: Sequence[str]) -> list[Call]:
    return [call.member(model, position) for position, model in enumerate(models)]
