"""The four clocks of one try: connect, first token, idle, total."""

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.wire import Clocks

# LiteLLM's request_timeout: what holds when nobody says anything.
DEFAULT_TOTAL = 6000.0


def build_clocks(call: Call, deployment: Deployment, settings: RouterSettings, remaining: float | None) -> Clocks:
    """The client's word, then the deployment's, then the router's. `remaining`: until the client's own deadline.

    As in LiteLLM a `stream_timeout` stands in for `timeout` when a stream is asked for, and limits each silence (before
    the first byte and between two); a client's own `timeout` still ends the whole. The tick is that of the comments
    that keep a silent stream's connection alive.
    """
    total = first_said(deployment.timeout, settings.timeout, DEFAULT_TOTAL)
    first = idle = None
    if call.stream:
        silence = first_said(call.options.stream_timeout, deployment.stream_timeout, settings.stream_timeout)
        if silence is not None:
            total = DEFAULT_TOTAL
        first = first_said(settings.first_token_timeout, silence)
        idle = first_said(settings.idle_timeout, silence)
    if remaining is not None:
        total = remaining
    tick = (settings.keepalive_seconds or None) if call.stream else None
    return Clocks(connect=settings.connect_timeout, first=first, idle=idle, total=total, tick=tick)


def first_said(*times: float | None) -> float | None:
    """The first that is not None."""
    for time in times:
        if time is not None:
            return time
    return None
