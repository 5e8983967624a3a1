"""The callbacks that there are, by the names that LiteLLM gives them: the sinks that watch finished calls."""

from collections.abc import Mapping
from types import MappingProxyType

# Name -> the module whose `build(context)` makes the sink; imported only when the configuration names it.
SINKS: Mapping[str, str] = MappingProxyType(
    {
        "generic_api": "webhook",
        "json": "jsonl",
        "jsonl": "jsonl",
        "langfuse": "langfuse",
        "logs": "logs",
        "otel": "otel",
        "prometheus": "metrics.prometheus",
        "webhook": "webhook",
    }
)
