"""The sinks that the configuration names, and always the log and the recent calls of the status page."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy import __version__
from proxy.dispatch.exchange import Sender
from proxy.domain.wire import Clocks, WireRequest
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings
from proxy.sinks import build_subscriptions
from proxy.sinks.contract import Metrics, Post, Posted, SinkContext, SinkSetupError
from proxy.sinks.logs import setup_logging
from proxy.sinks.observation import Observation
from proxy.sinks.queue import SinkQueue, Subscription
from proxy.sinks.recent_calls import RecentCalls
from proxy.web import identity

_SINK_CLOCKS = Clocks(connect=5.0, first=10.0, idle=10.0, total=20.0)


def build_observation(
    settings: Settings,
    transport: Sender,
    runtime: Runtime,
    shared_path: Path | None = None,
    further: Sequence[Subscription] = (),
) -> Observation:
    """The sinks that the configuration names, and always the log and the board of the status page; `further` are others.

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
    board = RecentCalls(shared_path.with_suffix(".board") if shared_path else None)
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
    queue = SinkQueue((*subscriptions, Subscription(board), *further), runtime)
    return Observation(queue, board, next(counting, None))


def build_post(transport: Sender) -> Post:
    """How a sink reaches its receiver: through the transport, like everything that leaves."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        response = transport.send(WireRequest(url, body, headers), _SINK_CLOCKS)
        return Posted(response.status, response.read())

    return post
