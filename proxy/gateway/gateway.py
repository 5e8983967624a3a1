"""The gateway itself: what the views are given."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import orjson

from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.answer import Answer, StreamEnd, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, Operation
from proxy.domain.secrets import MASK, PLAIN_HEADERS, clean_url
from proxy.domain.usage import Usage
from proxy.errors import ClientClosedRequestError, GatewayError, ServiceUnavailableError
from proxy.gateway.admission import Admission
from proxy.gateway.continuation import ContinuedStream, may_continue
from proxy.gateway.health_check import Report, probe
from proxy.gateway.ledger import Ledger
from proxy.gateway.outages import Outages
from proxy.gateway.several_models import Piece, first_success, interleave, run_batch
from proxy.gateway.user_routers import Clients
from proxy.providers.contract import Provider
from proxy.providers.parameters import capabilities
from proxy.providers.registry import PROVIDERS, shown_base
from proxy.routing.explain import explain, router_state
from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.settings.provider_choice import infer_provider
from proxy.sinks.observation import Observation


class Gateway:
    """One per application, in `app.extensions["gateway"]`. It holds the parts together and keeps nothing of a call."""

    def __init__(
        self,
        settings: Settings,
        router: Router,
        clients: Clients,
        dispatcher: Dispatcher,
        find_provider: Callable[[str], Provider | None],
        runtime: Runtime,
        ledger: Ledger,
        observation: Observation,
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        self.settings = settings
        self.router = router
        self.dispatcher = dispatcher
        self.runtime = runtime
        self.secrets = settings.secrets
        self.admission = Admission(settings, clients)
        self._outages = Outages(settings, infer_provider) if settings.out_of_service else None
        self._clients = clients
        self._find_provider = find_provider
        self._ledger = ledger
        self._on_close = on_close
        self._draining = False
        # Those that are open, by their identity.
        self._streams: dict[int, StreamReply] = {}
        self.observation = observation
        self.started_at = int(runtime.now())

    def default_model(self, operation: Operation) -> str | None:
        """The model for a body that names none."""
        if self.settings.general.completion_model is not None:
            return self.settings.general.completion_model
        return operation.default_model

    def run(self, call: Call) -> Outcome:
        """The answer to a call for one model. The record of a stream is written when it ends: see `finish`."""
        try:
            router = self.router_for(call)
            outcome = router.run(call, self.dispatcher.send)
        except GatewayError as error:
            self._ledger.failed(call, error, error.last_tried)
            raise
        self.observation.note_headers(outcome)
        if isinstance(outcome.reply, Answer):
            return self._ledger.answered(call, outcome, outcome.reply)
        if _continues(call, router):
            outcome = outcome._replace(reply=ContinuedStream(router, call, self.dispatcher.send, outcome).reply())
        return self._opened(call, outcome)

    def _opened(self, call: Call, outcome: Outcome) -> Outcome:
        if isinstance(outcome.reply, StreamReply):
            self._streams[id(outcome.reply)] = outcome.reply
            self.observation.show_streams(len(self._streams))
        return outcome._replace(first=self.runtime.monotonic() - call.started)

    def finish(self, call: Call, outcome: Outcome, end: StreamEnd) -> None:
        """Write the record of a stream that has ended, broken or been left."""
        stream = self._streams.pop(id(outcome.reply), None)
        self.observation.show_streams(len(self._streams))
        if stream is not None and stream.attempts():
            outcome = outcome._replace(attempts=(*outcome.attempts, *stream.attempts()))
        self._ledger.streamed(call, outcome, end)

    def logs_content(self, call: Call) -> bool:
        """Whether the call's prompt and answer may be in its record."""
        return self._ledger.logs_content(call)

    def stream_cost(self, call: Call, outcome: Outcome, usage: Usage) -> float | None:
        """USD for the chunk of usage, where the operator wants it there."""
        if not self.settings.litellm.include_cost_in_streaming_usage:
            return None
        cost = self._ledger.price(call, outcome, usage)
        return cost.total if cost else None

    def explain(self, call: Call) -> dict[str, Any]:
        """The plan for a call, and the request that its first deployment would get, secrets masked."""
        explanation = explain(self.router_for(call), call)
        if explanation.first is None:
            return explanation.plan
        try:
            wire = self.dispatcher.wire_request(call, explanation.first)
        except GatewayError as error:
            return {**explanation.plan, "request": self._mask(error.to_openai())}
        headers = {name: value if name in PLAIN_HEADERS else MASK for name, value in wire.headers.items()}
        request = {
            "method": wire.method,
            "url": clean_url(wire.url),
            "headers": headers,
            "body": orjson.loads(bytes(wire.body)),
        }
        return {**explanation.plan, "request": self._mask(request)}

    def router_state(self) -> dict[str, Any]:
        """Where each deployment stands, and why some are out of service."""
        return {**router_state(self.router), "out_of_service": dict(self.settings.out_of_service)}

    def capabilities(self) -> dict[str, Any]:
        """What each provider takes, by its name."""
        return {name: capabilities(provider) for name, provider in PROVIDERS.items()}

    def _mask(self, value: Any) -> Any:
        return orjson.loads(self.secrets.mask(orjson.dumps(value).decode()))

    def run_batch(self, call: Call, models: Sequence[str]) -> list[Outcome | GatewayError]:
        """The same call for each of `models` at once, in their order."""
        return run_batch(_each(call, models), self.run)

    def run_fastest(self, call: Call, models: Sequence[str]) -> Outcome:
        """The first of `models` that answers; the others are abandoned."""
        return first_success(_each(call, models), self.run, self._abandon)

    def run_interleaved(self, call: Call, models: Sequence[str]) -> Generator[Piece]:
        """What the streams of all of `models` have to say, as it arrives."""
        return interleave(_each(call, models), self.run, self._abandon)

    def _abandon(self, call: Call, outcome: Outcome) -> None:
        """Give up an answer that came too late for anybody to read."""
        if isinstance(outcome.reply, StreamReply):
            outcome.reply.close()
            left = ClientClosedRequestError("Another model was faster, or the client left.")
            self.finish(call, outcome, StreamEnd(error=left))

    def router_for(self, call: Call) -> Router:
        """The operator's router, or that of the client's own `user_config`."""
        if call.options.user_config is not None:
            return self._clients.find(call.options.user_config).router
        if self._outages and self._outages.holds(call.model):
            raise ServiceUnavailableError(
                f"The model '{call.model}' is out of service: its configuration is incomplete.", param="model"
            )
        return self.router

    def base_url(self, deployment: Deployment) -> str | None:
        """Where a deployment is, without credentials: the provider's own place, for one that names none."""
        return shown_base(deployment, self._find_provider)

    def model_names(self) -> dict[str, str]:
        """The names that a client may ask for, and who owns each; aliases first, hidden ones left out."""
        owners: dict[str, str] = {}
        by_group = {deployment.group: deployment.provider for deployment in self.settings.deployments}
        for alias, target in self.settings.router.model_group_alias.items():
            if not target.hidden:
                owners[alias] = by_group.get(target.group, "patchbay")
        return {**owners, **by_group}

    def check_health(self) -> tuple[list[Report], list[Report]]:
        """(deployments that answer a real request, those that don't and why)."""
        return probe(self.settings.deployments, self.dispatcher.send, self.runtime.new_id, self.secrets.mask)

    def drain(self) -> None:
        """From now on the gateway reports that it is not ready, and refuses new calls."""
        self._draining = True

    def draining(self) -> bool:
        return self._draining

    def check_open(self) -> None:
        """Raise ServiceUnavailableError when no new work is taken."""
        if self._draining:
            raise ServiceUnavailableError("The gateway is being stopped and takes no new calls.", retry_after=1.0)

    def interrupt_streams(self) -> None:
        """End every open stream with an error that says why; for a worker that must not wait any longer."""
        for stream in list(self._streams.values()):
            stream.interrupt(ServiceUnavailableError("The gateway was stopped before the answer was complete."))

    def close(self) -> None:
        """At the end of the process: write what waits to be written."""
        self._on_close()


def split_models(call: Call) -> tuple[str, ...]:
    """The models of a batch (`"a, b"`), or nothing where the call asks for a single one."""
    if call.operation is not CHAT or "," not in call.model:
        return ()
    return tuple(name.strip() for name in call.model.split(",") if name.strip())


def _continues(call: Call, router: Router) -> bool:
    """Whether somebody wants a broken answer continued, and it is one that can be."""
    asked = call.options.stream_continuation
    return (router.settings.stream_continuation if asked is None else asked) and may_continue(call)


def _each(call: Call, models: Sequence[str]) -> list[Call]:
    return [
        call.asking(model, call.document.edit({"model": model}))._replace(id=f"{call.id}-{position}")
        for position, model in enumerate(models)
    ]
