"""The composition root: the only file that knows every part."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from flask import Flask

from proxy import __version__, endpoints
from proxy.accounting.cost import price_per_token
from proxy.accounting.prices import load_bundled
from proxy.dispatch.dispatcher import Dispatcher, Sender
from proxy.domain.wire import Clocks, WireRequest, WireResponse
from proxy.endpoints import metrics
from proxy.fastpath.flask_app import Application
from proxy.gateway.gateway import Gateway
from proxy.gateway.gauges import count_cooldown, watch
from proxy.gateway.ledger import Ledger
from proxy.gateway.user_routers import Clients, build_client
from proxy.mock.local import build_local
from proxy.providers.contract import Auth
from proxy.providers.registry import find_provider, shown_base
from proxy.routing.router import Router
from proxy.routing.state.build import build_state
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings, load_default
from proxy.settings.load import environment
from proxy.settings.network import read_network
from proxy.settings.provider_choice import infer_provider
from proxy.sinks import build_subscriptions
from proxy.sinks.contract import Metrics, Post, Posted, SinkContext, SinkSetupError
from proxy.sinks.logs import setup_logging
from proxy.sinks.observation import Observation
from proxy.sinks.queue import SinkQueue, Subscription
from proxy.sinks.recent_calls import Board
from proxy.transport.credentials import Credentials
from proxy.transport.credentials.aws import AwsCredentials
from proxy.transport.credentials.azure import AzureCredentials
from proxy.transport.credentials.google import GoogleCredentials
from proxy.transport.credentials.ibm import IbmCredentials
from proxy.transport.framing.framing import DECODERS
from proxy.transport.guard import Guard, build_policy
from proxy.transport.transport import Transport
from proxy.web import client_timeouts as patience
from proxy.web import cors as browsers
from proxy.web import errors, identity
from proxy.web.headers import header_base

_TOKEN_CLOCKS = Clocks(connect=5.0, first=15.0, idle=10.0, total=30.0)
# How long the end of a process may wait for its sinks.
_CLOSING_SECONDS = 5.0
_SINK_CLOCKS = Clocks(connect=5.0, first=10.0, idle=10.0, total=20.0)


def create_app(
    settings: Settings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    transport: Sender | None = None,
    runtime: Runtime | None = None,
    shared_path: Path | None = None,
) -> Flask:
    """A fresh gateway. Without `settings` they are read as the environment says; raise ConfigError if they are wrong."""
    runtime = runtime or Runtime()
    settings = settings or load_default(environment() if environ is None else environ)
    transport = transport or build_transport(settings, runtime)
    app = Application("patchbay", static_folder=None)
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = int(settings.general.max_request_size_mb * 1024 * 1024)
    gateway = build_gateway(settings, transport, runtime, shared_path)
    app.extensions["gateway"] = gateway
    litellm = settings.litellm
    identity.install(
        app,
        runtime,
        settings.master_key,
        facts=identity.NO_KEY if litellm.redact_user_api_key_info else identity.key_facts(settings.master_key),
        open_views=() if litellm.require_auth_for_metrics_endpoint else metrics.VIEWS,
    )
    errors.install(app, runtime.monotonic, settings.secrets.mask, build_base_of(settings))
    general = settings.general
    browsers.install(app, general.cors_allow_origins, has_key=settings.master_key is not None)
    waits = patience.Patience(runtime.monotonic, runtime.sleep, general.receive_timeout, general.send_timeout)
    patience.install(app, waits)
    endpoints.register(app)
    return app


def build_gateway(settings: Settings, transport: Sender, runtime: Runtime, shared_path: Path | None = None) -> Gateway:
    """`shared_path`: where the workers of this gateway share what the router knows; None for a single process."""
    dispatcher = Dispatcher(
        transport,
        runtime,
        find_provider,
        DECODERS,
        build_credentials(transport, runtime),
        drop_params=settings.litellm.drop_params,
        forward_trace=settings.litellm.forward_traceparent_to_llm_provider,
    )
    observation = build_observation(settings, transport, runtime, shared_path)
    prices = load_bundled()
    router = Router(
        settings.deployments,
        settings.router,
        runtime,
        build_state(settings.router, shared_path, len(settings.deployments)),
        price=lambda deployment: price_per_token(deployment, prices),
        infer=infer_provider,
        on_cooldown=partial(count_cooldown, observation.metrics),
    )
    watch(observation, router)
    return Gateway(
        settings=settings,
        router=router,
        clients=Clients(lambda config: build_client(config, runtime, settings.secrets), runtime.monotonic),
        dispatcher=dispatcher,
        find_provider=find_provider,
        runtime=runtime,
        ledger=Ledger(
            observation.queue.emit,
            prices,
            runtime,
            settings.secrets.mask,
            log_content=observation.queue.shows_content and not settings.litellm.turn_off_message_logging,
        ),
        observation=observation,
        on_close=lambda: observation.queue.close(_CLOSING_SECONDS),
    )


def build_base_of(settings: Settings) -> Callable[[str], str | None]:
    """Where a deployment is, by its id, for the headers of an error."""
    return {deployment.id: header_base(shown_base(deployment)) for deployment in settings.deployments}.get


def build_transport(settings: Settings, runtime: Runtime) -> Transport:
    network = read_network(settings.environ, settings.litellm.ssl_verify)
    return Transport(
        runtime,
        local={"mock": build_local(runtime.sleep)},
        user_agent=f"patchbay/{__version__}",
        verify=network.verify,
        proxies=network.proxies,
        no_proxy=network.no_proxy,
        guard=Guard(build_policy(settings.litellm.provider_url_destination_allowed_hosts)),
    )


def build_credentials(transport: Sender, runtime: Runtime) -> Mapping[Auth, Credentials]:
    """Tokens are fetched through the transport, like everything that leaves."""

    def fetch(request: WireRequest) -> WireResponse:
        return transport.send(request, _TOKEN_CLOCKS)

    return {
        "aws": AwsCredentials(),
        "azure": AzureCredentials(fetch, runtime.monotonic),
        "google": GoogleCredentials(fetch),
        "ibm": IbmCredentials(fetch, runtime.monotonic),
    }


def build_observation(
    settings: Settings, transport: Sender, runtime: Runtime, shared_path: Path | None = None
) -> Observation:
    """The sinks that the configuration names, and always the log and the board of the status page.

    Raise ConfigError for one that can't be built.
    """
    litellm = settings.litellm
    terminal = sys.stderr.isatty() and not litellm.json_logs
    setup_logging(settings.log_level, settings.secrets.mask, terminal=terminal, call_id=identity.current_call_id)
    context = SinkContext(
        post=build_post(transport),
        runtime=runtime,
        settings=settings.sinks,
        environ=settings.environ,
        terminal=terminal,
        version=__version__,
    )
    board = Board(shared_path.with_suffix(".board") if shared_path else None)
    try:
        subscriptions = build_subscriptions(
            context,
            callbacks=("logs", *litellm.callbacks),
            success=litellm.success_callback,
            failure=litellm.failure_callback,
        )
    except SinkSetupError as error:
        raise ConfigError(f"litellm_settings.callbacks: {error}") from None
    counting = (one.sink for one in subscriptions if isinstance(one.sink, Metrics))
    queue = SinkQueue((*subscriptions, Subscription(board)), runtime)
    return Observation(queue, board, next(counting, None))


def build_post(transport: Sender) -> Post:
    """How a sink reaches its receiver: through the transport, like everything that leaves."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        response = transport.send(WireRequest(url, body, headers), _SINK_CLOCKS)
        return Posted(response.status, response.read())

    return post
