"""The four clocks of one try: connect, first token, idle, total."""

from typing import Protocol

from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.wire import Clocks

# LiteLLM's request_timeout: the default.
DEFAULT_TOTAL = 6000.0


class _Limits(Protocol):
    """A source of timeouts: a request, a deployment, the router."""

    @property
    def stream_timeout(self) -> float | None: ...
    @property
    def connect_timeout(self) -> float | None: ...
    @property
    def first_token_timeout(self) -> float | None: ...
    @property
    def idle_timeout(self) -> float | None: ...


def build_clocks(call: Call, deployment: Deployment, settings: RouterSettings, remaining: float | None) -> Clocks:
    """The client's word, then the deployment's, then the router's. `remaining`: until the client's own deadline.

    As in LiteLLM a `stream_timeout` stands in for `timeout` when a stream is asked for, and limits each silence (before
    the first token and between two events) where the same source has no limit of its own for it; a client's own
    `timeout` still ends the whole. The tick is that of the comments that keep a silent stream's connection alive.
    """
    return _clocks(call.options, call.stream, deployment, settings, remaining)


def usual_clocks(deployment: Deployment, settings: RouterSettings) -> tuple[Clocks, Clocks]:
    """(of a plain answer, of a stream) for a request without timeouts."""
    return (
        _clocks(NO_OPTIONS, False, deployment, settings, None),
        _clocks(NO_OPTIONS, True, deployment, settings, None),
    )


def _clocks(
    options: Options, stream: bool, deployment: Deployment, settings: RouterSettings, remaining: float | None
) -> Clocks:
    voices: tuple[_Limits, ...] = (options, deployment, settings)
    total = first_said(deployment.timeout, settings.timeout, DEFAULT_TOTAL)
    first = idle = tick = None
    if stream:
        if any(voice.stream_timeout is not None for voice in voices):
            total = DEFAULT_TOTAL
        first = first_said(*(time for voice in voices for time in (voice.first_token_timeout, voice.stream_timeout)))
        idle = first_said(*(time for voice in voices for time in (voice.idle_timeout, voice.stream_timeout)))
        tick = settings.keepalive_seconds or None
    return Clocks(
        connect=first_said(options.connect_timeout, deployment.connect_timeout, settings.connect_timeout),
        first=first,
        idle=idle,
        total=total if remaining is None else remaining,
        tick=tick,
    )


def first_said(*times: float | None) -> float | None:
    """The first that is not None."""
    for time in times:
        if time is not None:
            return time
    return None
