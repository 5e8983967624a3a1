"""The gateway: routers, dispatcher, ledger, admission, and what looks into them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from proxy.accounting.cost import price_per_token
from proxy.accounting.prices import PriceTable, load_bundled
from proxy.assembly.accounts import (
    build_directory,
    build_limited_entities,
    build_management,
    build_storage,
    storage_inputs,
)
from proxy.assembly.alerts import alert_inputs, build_alerts, watch_cooldowns
from proxy.assembly.cache import build_cache
from proxy.assembly.health import build_background_health
from proxy.assembly.metering import build_meter
from proxy.assembly.observation import build_observation
from proxy.assembly.reload import observation_inputs, state_inputs
from proxy.assembly.spend import build_spend, spend_inputs
from proxy.assembly.transport import build_credentials
from proxy.cache.responses import Responses
from proxy.dispatch.dispatcher import Dispatcher
from proxy.dispatch.exchange import Sender
from proxy.domain.deployment import Deployment
from proxy.domain.operations import OPERATIONS
from proxy.domain.sealing import Sealer, derive_key
from proxy.gateway.admission import Admission
from proxy.gateway.conversations import Conversations
from proxy.gateway.gateway import Gateway
from proxy.gateway.gauges import ObservedRouter, count_cooldown, reload_gauges
from proxy.gateway.inspection import Inspection
from proxy.gateway.kept_answers import AnswersInMemory
from proxy.gateway.ledger import Ledger
from proxy.gateway.model_access import ModelAccess
from proxy.gateway.open_streams import OpenStreams
from proxy.gateway.routers import Routers
from proxy.gateway.user_routers import UserRouters, build_client
from proxy.host.config_state import ConfigState
from proxy.host.ended_sessions import EndedSessions
from proxy.host.kept import Kept
from proxy.host.shared_file import SharedFileError
from proxy.providers.registry import find_provider, shown_base
from proxy.routing.router import Router
from proxy.routing.state.build import build_state
from proxy.routing.state.memory import StateStore
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings
from proxy.settings.provider_choice import infer_provider
from proxy.sinks.observation import Observation
from proxy.sinks.queue import Subscription
from proxy.storage.spend_sink import SpendSink
from proxy.transport.framing.framing import DECODERS
from proxy.web.body import RequestReader
from proxy.web.client_timeouts import ClientTimeouts
from proxy.web.end_user import EndUserReader
from proxy.web.headers import header_base
from proxy.web.parts import Parts
from proxy.web.presenter import Presenter
from proxy.web.refusals import Refusals


def build_parts(
    settings: Settings,
    transport: Sender,
    runtime: Runtime,
    timeouts: ClientTimeouts,
    shared_path: Path | None = None,
    kept: Kept | None = None,
) -> Parts:
    """`shared_path`: where the workers of this gateway share the router's state; None for a single process.

    `kept`: the parts that an earlier application of this process has left; what has threads, connections or counts is
    there, so that a reload does not end it.
    """
    kept = kept or Kept()
    dispatcher = _build_dispatcher(settings, transport, runtime, kept)
    config_state = ConfigState.beside(shared_path) if shared_path else None
    storage = kept.part("storage", storage_inputs(settings), lambda: build_storage(settings, runtime))
    spend = kept.part("spend", spend_inputs(settings), lambda: build_spend(settings, runtime, storage))
    observation = _keep_observation(settings, transport, runtime, shared_path, kept, spend)
    prices = kept.part("prices", None, load_bundled)
    alerts = kept.part(
        "alerts", alert_inputs(settings), lambda: build_alerts(settings, transport, runtime, shared_path)
    )
    router = _build_router(settings, runtime, dispatcher, observation, prices, shared_path, kept)
    watch_cooldowns(router, alerts)
    kept.part("observed router", observation, lambda: _observe(observation, config_state)).observe(router)
    clients = kept.part("clients", None, lambda: _build_clients(settings, runtime))
    routers = Routers(settings, router, clients)
    streams = kept.part("streams", None, lambda: OpenStreams(observation.show_streams))
    ledger = _build_ledger(settings, observation, prices, runtime)
    access = ModelAccess(settings.deployments)
    directory = build_directory(settings, runtime, storage, shared_path, kept)
    entities = build_limited_entities(settings, runtime, storage, directory)
    meter = build_meter(settings, runtime, router, prices, kept, shared_path, entities, alerts)
    admission = Admission(settings, clients, access)
    inspection = Inspection(settings, routers, dispatcher, runtime, prices)
    cache = build_cache(settings, runtime, shared_path, kept)
    return Parts(
        settings=settings,
        runtime=runtime,
        gateway=Gateway(
            admission, routers, dispatcher, ledger, observation, streams, runtime, base_url, meter, cache=cache
        ),
        conversations=_build_conversations(settings, kept),
        inspection=inspection,
        health=build_background_health(settings, inspection, router, observation, runtime, kept, shared_path),
        streams=streams,
        observation=observation,
        reader=_build_reader(settings, runtime, timeouts, streams, cache),
        presenter=Presenter(settings.secrets.mask, runtime.monotonic),
        refusals=kept.part("refusals", observation, lambda: Refusals(runtime, observation.count_refusal)),
        started_at=kept.part("started at", None, lambda: int(runtime.now())),
        access=access,
        storage=storage,
        spend=spend,
        meter=meter,
        cache=cache,
        alerts=alerts,
        directory=directory,
        accounts=build_management(settings, runtime, storage, directory, meter),
        ended_sessions=kept.part("ended sessions", None, lambda: _ended_sessions(shared_path)),
        config_state=config_state,
        kept=kept,
    )


def _build_conversations(settings: Settings, kept: Kept) -> Conversations:
    sealer = Sealer(derive_key(settings.sealing_secret, "responses"))
    return Conversations(sealer, kept.part("answers", None, AnswersInMemory))


def _keep_observation(
    settings: Settings,
    transport: Sender,
    runtime: Runtime,
    shared_path: Path | None,
    kept: Kept,
    spend: SpendSink | None,
) -> Observation:
    further = [Subscription(spend)] if spend else []
    return kept.part(
        "observation",
        (*observation_inputs(settings), spend),
        lambda: build_observation(settings, transport, runtime, shared_path, further),
    )


def _build_reader(
    settings: Settings, runtime: Runtime, timeouts: ClientTimeouts, streams: OpenStreams, cache: Responses | None
) -> RequestReader:
    end_users, defaults = EndUserReader(user_headers(settings)), default_models(settings)
    return RequestReader(runtime, timeouts, defaults, streams.check_open, end_users, caches=cache is not None)


def _build_router(
    settings: Settings,
    runtime: Runtime,
    dispatcher: Dispatcher,
    observation: Observation,
    prices: PriceTable,
    shared_path: Path | None,
    kept: Kept,
) -> Router:
    return Router(
        settings.deployments,
        settings.router,
        runtime,
        kept.part("state", state_inputs(settings), lambda: _state_store(settings, shared_path)),
        price=lambda deployment: price_per_token(deployment, prices),
        infer=infer_provider,
        requests=dispatcher.count_requests,
        on_cooldown=partial(count_cooldown, observation.metrics),
    )


def _build_dispatcher(settings: Settings, transport: Sender, runtime: Runtime, kept: Kept) -> Dispatcher:
    return Dispatcher(
        transport,
        runtime,
        find_provider,
        DECODERS,
        kept.part("credentials", transport, lambda: build_credentials(transport, runtime, settings.secrets)),
        drop_params=settings.litellm.drop_params,
        forward_trace=settings.litellm.forward_traceparent_to_llm_provider,
    )


def _build_ledger(settings: Settings, observation: Observation, prices: PriceTable, runtime: Runtime) -> Ledger:
    return Ledger(
        observation.queue.emit,
        prices,
        runtime,
        settings.secrets.mask,
        log_content=observation.queue.shows_content and not settings.litellm.turn_off_message_logging,
        show_cost=settings.litellm.include_cost_in_streaming_usage,
    )


def _build_clients(settings: Settings, runtime: Runtime) -> UserRouters:
    return UserRouters(lambda config: build_client(config, runtime, settings.secrets), runtime.monotonic)


def _ended_sessions(shared_path: Path | None) -> EndedSessions:
    return EndedSessions(shared_path.with_suffix(".ended") if shared_path else None)


def _observe(observation: Observation, config_state: ConfigState | None) -> ObservedRouter:
    if observation.metrics is not None and config_state is not None:
        observation.metrics.watch(lambda: reload_gauges(config_state), shared=True)
    return ObservedRouter(observation)


def _state_store(settings: Settings, shared_path: Path | None) -> StateStore:
    """Raise ConfigError for a Redis or a file that the settings name and that can't be used."""
    try:
        return build_state(settings.router, shared_path, len(settings.deployments))
    except (SharedFileError, RuntimeError, ValueError) as error:
        raise ConfigError(f"router_settings: {error}") from None


def user_headers(settings: Settings) -> tuple[str, ...]:
    """The headers that name the end user."""
    general = settings.general
    return (*general.user_header_mappings, *((general.user_header_name,) if general.user_header_name else ()))


def default_models(settings: Settings) -> Mapping[str, str]:
    """The model for a body that names none, by the operation's name."""
    configured = settings.general.completion_model
    if configured is not None:
        return dict.fromkeys(OPERATIONS, configured)
    return {name: row.default_model for name, row in OPERATIONS.items() if row.default_model is not None}


def base_url(deployment: Deployment) -> str | None:
    """Where a deployment is, without credentials: the provider's own address, for one that names none."""
    return shown_base(deployment, find_provider)


def build_base_of(settings: Settings) -> Callable[[str], str | None]:
    """Where a deployment is, by its id, for the headers of an error."""
    return {deployment.id: header_base(shown_base(deployment)) for deployment in settings.deployments}.get
