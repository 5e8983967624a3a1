"""What watches finished calls: one sink a file, one row here. Names are those of LiteLLM's `callbacks`."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from proxy.sinks import jsonl, logs
from proxy.sinks.contract import Sink, SinkContext, SinkSetupError
from proxy.sinks.queue import Subscription

SINKS: Mapping[str, Callable[[SinkContext], Sink]] = MappingProxyType(
    {
        "json": jsonl.build,
        "jsonl": jsonl.build,
        "logs": logs.build,
    }
)


def build_subscriptions(
    context: SinkContext, *, callbacks: Sequence[str] = (), success: Sequence[str] = (), failure: Sequence[str] = ()
) -> tuple[Subscription, ...]:
    """The sinks that the configuration names, each built once; raise SinkSetupError for one that can't be.

    `callbacks` see every call, `success` and `failure` the calls that ended so.
    """
    named = dict.fromkeys((*callbacks, *success, *failure))
    return tuple(
        Subscription(
            build_sink(name, context), name in callbacks or name in success, name in callbacks or name in failure
        )
        for name in named
    )


def build_sink(name: str, context: SinkContext) -> Sink:
    """The sink of that name; raise SinkSetupError if there is none or something is missing."""
    builder = SINKS.get(name)
    if builder is None:
        raise SinkSetupError(f"there is no callback named {name!r}; known are {', '.join(sorted(SINKS))}")
    return builder(context)
