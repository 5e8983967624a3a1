"""What the gateway would do and can do: plans, deployment states, capabilities, the list of models, health."""

from functools import partial
from typing import Any

from proxy.accounting.prices import PriceTable
from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.secret_names import mask_members
from proxy.domain.secrets import MASK, PLAIN_HEADERS, clean_url
from proxy.errors import GatewayError
from proxy.gateway.health_check import Report, embeds, probe, probed_operation
from proxy.gateway.model_info import ModelInfo
from proxy.gateway.model_list import ModelList
from proxy.gateway.recent_health import RecentHealth
from proxy.gateway.routers import Routers
from proxy.providers.parameters import capabilities, supported
from proxy.providers.registry import PROVIDERS, find_provider
from proxy.routing.explain import explain, router_state
from proxy.runtime import Runtime
from proxy.settings import Settings


class Inspection:
    """One per application. Only `check_health` calls a provider."""

    def __init__(
        self, settings: Settings, routers: Routers, dispatcher: Dispatcher, runtime: Runtime, prices: PriceTable
    ) -> None:
        self.models = ModelList(settings, routers.configured.catalogue, prices.models_of)
        self._embeds = partial(embeds, prices=prices)
        self.model_info = ModelInfo(
            settings.deployments, prices, lambda deployment: probed_operation(deployment, self._embeds)
        )
        self._settings = settings
        self._routers = routers
        self._dispatcher = dispatcher
        self._runtime = runtime
        self._secrets = settings.secrets
        self._recent_health = RecentHealth(self.check_health, runtime.monotonic)

    def explain(self, call: Call) -> dict[str, Any]:
        """The plan for a call, and the request that its first deployment would get, secrets masked."""
        explanation = explain(self._routers.find(call), call)
        if explanation.first is None:
            return explanation.plan
        try:
            wire = self._dispatcher.wire_request(call, explanation.first)
        except GatewayError as error:
            return {**explanation.plan, "request": self._mask(error.to_openai())}
        headers = {name: value if name in PLAIN_HEADERS else MASK for name, value in wire.headers.items()}
        request = {
            "method": wire.method,
            "url": clean_url(wire.url),
            "headers": headers,
            "body": mask_members(loads(bytes(wire.body))),
        }
        return {**explanation.plan, "request": self._mask(request)}

    def router_state(self) -> dict[str, Any]:
        """The state of each deployment, and why some are out of service."""
        return {**router_state(self._routers.configured), "out_of_service": dict(self._settings.out_of_service)}

    def is_healthy(self, name: str) -> bool:
        """Whether a deployment that serves the name does not cool down now."""
        router = self._routers.configured
        group, now = router.catalogue.find(name), self._runtime.now()
        states = router.state.view([one.id for one in group.deployments], now) if group is not None else []
        return any(now >= state.cooling_until for state in states)

    def in_flight(self) -> int:
        """The tries that are under way now, of all workers."""
        router = self._routers.configured
        states = router.state.view([one.id for one in router.catalogue.deployments], self._runtime.now())
        return sum(state.inflight for state in states)

    def deployment_model(self, name: str) -> str | None:
        """The provider's name of the model that a name means."""
        group = self._routers.configured.catalogue.find(name)
        return group.deployments[0].model if group is not None else None

    def parameters_of(self, name: str) -> list[str] | None:
        """OpenAI's parameters that the model of this name takes; None for an unknown one. `provider/model` is known too."""
        group = self._routers.configured.catalogue.find(name)
        deployment = group.deployments[0] if group is not None else None
        provider = find_provider(deployment.provider if deployment is not None else name.partition("/")[0])
        if provider is None:
            return None
        operation = provider.operations[0] if deployment is None else probed_operation(deployment, self._embeds)
        return sorted(supported(provider, operation))

    def capabilities(self) -> dict[str, Any]:
        """What each provider takes, by its name."""
        return {name: capabilities(provider) for name, provider in PROVIDERS.items()}

    def recent_health(self) -> tuple[list[Report], list[Report]]:
        """As `check_health`, from a report that is at most a minute old."""
        return self._recent_health.read()

    def check_health(self) -> tuple[list[Report], list[Report]]:
        """(deployments that answer a real request, those that don't and why)."""
        deployments = self._settings.deployments
        return probe(deployments, self._dispatcher.send, self._runtime.new_id, self._secrets.mask, self._embeds)

    def check_background_health(self) -> tuple[list[Report], list[Report]]:
        """As `check_health`, without the deployments that are left out of checks in the background."""
        deployments = [
            deployment
            for deployment in self._settings.deployments
            if not deployment.info.get("disable_background_health_check")
        ]
        return probe(deployments, self._dispatcher.send, self._runtime.new_id, self._secrets.mask, self._embeds)

    def _mask(self, value: Any) -> Any:
        return loads(self._secrets.mask(dumps(value).decode()))
