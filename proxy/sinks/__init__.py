"""What watches finished calls: one sink a file. Their names, and which file each is, are in proxy.domain.callbacks."""

from collections.abc import Sequence
from importlib import import_module

from proxy.domain.sink_names import SINKS
from proxy.sinks.contract import Sink, SinkContext, SinkSetupError
from proxy.sinks.queue import Subscription


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
    module = SINKS.get(name)
    if module is None:
        raise SinkSetupError(f"there is no callback named {name!r}; known are {', '.join(sorted(SINKS))}")
    try:
        sink: Sink = import_module(f"{__name__}.{module}").build(context)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == __name__.partition(".")[0]:
            raise  # One of our own is missing: nothing that could be installed.
        raise SinkSetupError(f"the callback {name!r} needs a package: pip install {error.name}") from None
    return sink
