"""Which of the callbacks that a file names there are."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.sink_names import SINKS
from proxy.settings.files import Source

_NAMES = ("callbacks", "success_callback", "failure_callback")


def served_callbacks(litellm: Mapping[str, Any]) -> dict[str, Any]:
    """litellm_settings with those callbacks only that there is a sink for."""
    kept = {name: tuple(item for item in litellm[name] if item in SINKS) for name in _NAMES if name in litellm}
    return {**litellm, **kept}


def idle_callbacks(source: Source, litellm: Mapping[str, Any]) -> Iterator[str]:
    """The callbacks that nothing comes of. A file that names one is no mistake: LiteLLM has more of them."""
    for name in _NAMES:
        for position, item in enumerate(litellm.get(name, ())):
            if item not in SINKS:
                place = source.locate(f"litellm_settings.{name}[{position}]")
                yield f"{place}: there is no callback {item!r} here, so it gets no calls; there are {', '.join(SINKS)}"
