"""The router: what it is made of. How a call walks through it is in walk.py, where it may go in plan.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.domain.attempt import Outcome, Send
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.errors import BadRequestError
from proxy.routing.candidates import all_fit
from proxy.routing.catalogue import Catalogue, Group, Infer
from proxy.routing.context import OnCooldown
from proxy.routing.pinning import pinned
from proxy.routing.plan import Rules, Target, build_rules, general_fallbacks
from proxy.routing.profile import GroupProfile, build_group_profile
from proxy.routing.state.memory import MemoryState, StateStore
from proxy.routing.strategies import STRATEGIES, SelectionInput, Strategy
from proxy.routing.walk import Walk
from proxy.runtime import Runtime

Price = Callable[[Deployment], float | None]


class Router:
    """Safe for threads. Built once for a configuration; a call costs the same however many groups there are.

    `state` is what it shares with other routers and workers (by default nothing), `price` what a deployment's tokens
    cost where its configuration does not say (USD, input and output together), `infer` names the provider of a bare
    model name, `requests` counts those that an embeddings call becomes at a deployment, `on_cooldown` is called for
    each cooldown that a call of this worker's begins.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        settings: RouterSettings,
        runtime: Runtime,
        state: StateStore | None = None,
        *,
        price: Price | None = None,
        infer: Infer | None = None,
        requests: Callable[[Call, Deployment], int] = lambda _call, _deployment: 1,
        on_cooldown: OnCooldown = lambda _deployment, _status: None,
    ) -> None:
        if settings.routing_strategy not in STRATEGIES:
            raise ValueError(f"routing_strategy: '{settings.routing_strategy}' is none of {', '.join(STRATEGIES)}")
        self.settings = settings
        self.runtime = runtime
        self.on_cooldown = on_cooldown
        self.state: StateStore = MemoryState() if state is None else state
        self.catalogue = Catalogue(deployments, settings.model_group_alias, infer)
        self.strategy: Strategy = STRATEGIES[settings.routing_strategy]
        self.all_fit = all_fit(settings)
        self._price = price or _unpriced
        self.requests = requests
        # The ids of deployments that no call tries, such as those that health checks found dead.
        self.avoided: Callable[[], Sequence[str]] | None = None
        self._profiles: dict[str, GroupProfile] = {}
        self._configured = build_rules(Options(), settings)
        self._strategy_args = _strategy_args(settings.routing_strategy_args)

    def run(self, call: Call, send: Send, avoid: Sequence[str] = ()) -> Outcome:
        """Send the call to one deployment after another until one answers.

        A stream comes back with its first content read. `avoid` are the ids of deployments that
        are not asked. Raise the first group's error, with `.attempts` filled, when
        all failed; BadRequestError (model_not_found) for a model that is not configured.
        """
        if self.avoided is not None:
            avoid = (*avoid, *self.avoided())
        return Walk(self, call, send, self.target(call), avoid).run()

    def target(self, call: Call) -> Target:
        """The call's model group, with its call."""
        group = self.catalogue.find(call.model)
        if group is None:
            raise BadRequestError(
                f"Invalid model name passed in model={call.model}. "
                "Call `/v1/models` to view available models for your key.",
                param="model",
                code="model_not_found",
            )
        return Target(
            group if call.pin is None else pinned(group, call.pin, call.model, self.catalogue.deployments),
            call,
            call.model,
        )

    def rules(self, call: Call) -> Rules:
        return build_rules(call.options, self.settings)

    def profile(self, group: Group) -> GroupProfile:
        """What is worked out for the group, kept after its first call."""
        found = self._profiles.get(group.key)
        if found is None:
            rescued = bool(general_fallbacks(self._configured, (group.name,)))
            found = self._profiles[group.key] = build_group_profile(group, rescued, self.settings)
        return found

    def selection_input(self, call: Call, now: float) -> SelectionInput:
        buffer, ttl = self._strategy_args
        return SelectionInput(call.stream, now, self.runtime.rng, self._price, buffer, ttl)


def _strategy_args(args: Mapping[str, Any]) -> tuple[float, float]:
    """(buffer, seconds that a sample lives) of latency-based-routing."""
    buffer, ttl = args.get("lowest_latency_buffer"), args.get("ttl")
    return (
        float(buffer) if isinstance(buffer, int | float) else 0.0,
        float(ttl) if isinstance(ttl, int | float) else 3600.0,
    )


def _unpriced(deployment: Deployment) -> float | None:
    return None
