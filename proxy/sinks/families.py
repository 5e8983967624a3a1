"""One metric and its children in the Prometheus library, written to in sums: each write of one of its values takes a
lock, a look at the process and a packing into a mapped file."""

import operator
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import prometheus_client

from proxy.sinks.metrics import LATENCY_BUCKETS, Metric

# The values that one label may take before the rest is counted as OTHER: clients can invent model names.
LABEL_VALUES = 100
OTHER = "other"


class Family:
    """One metric and its children by label values, bounded in number."""

    def __init__(self, metric: Metric, registry: Any) -> None:
        self.metric = metric
        self._names = tuple(metric.labels.split())
        self._children: dict[object, Any] = {}
        self._seen: dict[str, set[str]] = {name: set() for name in self._names}
        self._values = operator.itemgetter(*self._names) if self._names else lambda _: ()
        self._parent = _build(metric, self._names, registry)

    def child(self, labels: Mapping[str, str]) -> Any:
        """The child for these labels; names that the metric does not have are ignored, missing ones are empty."""
        try:
            key = self._values(labels)
        except KeyError:
            return self.child({**dict.fromkeys(self._names, ""), **labels})
        child = self._children.get(key)
        if child is None:
            bounded = [self._bounded(name, labels[name]) for name in self._names]
            child = self._parent.labels(*bounded) if self._names else self._parent
            if OTHER not in bounded:
                self._children[key] = child
        return child

    def _bounded(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen and len(seen) >= LABEL_VALUES:
            return OTHER
        seen.add(value)
        return value


class Histogram(prometheus_client.Histogram):
    """The library's, for many observations at once."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """What `observe` of each amount does; a bucket holds what is not above its bound."""
        counts: dict[int, int] = {}
        for amount in amounts:
            position = bisect_left(self._upper_bounds, amount)
            counts[position] = counts.get(position, 0) + 1
        self._sum.inc(sum(amounts))
        for position, count in counts.items():
            self._buckets[position].inc(count)


def _build(metric: Metric, names: Sequence[str], registry: Any) -> Any:
    if metric.kind == "counter":
        return prometheus_client.Counter(metric.name, metric.help, names, registry=registry)
    if metric.kind == "gauge":
        return prometheus_client.Gauge(
            metric.name, metric.help, names, registry=registry, multiprocess_mode=metric.mode
        )
    return Histogram(metric.name, metric.help, names, registry=registry, buckets=LATENCY_BUCKETS)
