"""Checks callback names against the known sinks."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.sink_names import SINKS
from proxy.settings.files import Source

_NAMES = ("callbacks", "success_callback", "failure_callback")


def served_callbacks(litellm: Mapping[str, Any]) -> dict[str, Any]:
    """litellm_settings with only those callbacks that have a sink."""
    kept = {name: tuple(item for item in litellm[name] if item in SINKS) for name in _NAMES if name in litellm}
    return {**litellm, **kept}


def idle_callbacks(source: Source, litellm: Mapping[str, Any]) -> Iterator[str]:
    """The callbacks without a sink. They are no error: LiteLLM has more of them."""
    for name in _NAMES:
        for position, item in enumerate(litellm.get(name, ())):
            if item not in SINKS:
                place = source.locate(f"litellm_settings.{name}[{position}]")
                yield f"{place}: there is no callback {item!r} here, so it gets no calls; there are {', '.join(SINKS)}"
