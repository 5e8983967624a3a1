"""One metric and its children in the Prometheus library, written to in sums: each write of one of its values takes a
lock, a look at the process and a packing into a mapped file."""

import operator
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import prometheus_client

from proxy.sinks.metrics.label_limits import FAMILY_CHILDREN, OTHER, Bounds
from proxy.sinks.metrics.table import LATENCY_BUCKETS, Metric


class Family:
    """One metric and its children by label values."""

    def __init__(self, metric: Metric, registry: Any, bounds: Bounds) -> None:
        self.metric = metric
        self._names = tuple(metric.labels.split())
        self._children: dict[object, Any] = {}
        self._shown: set[tuple[str, ...]] = set()
        self._bounds = bounds
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
            given = [labels[name] for name in self._names]
            bounded = [self._bounds.of(name, value) for name, value in zip(self._names, given, strict=True)]
            if tuple(bounded) not in self._shown:
                if len(self._shown) >= FAMILY_CHILDREN:
                    bounded = [OTHER] * len(bounded)
                self._shown.add(tuple(bounded))
            child = self._parent.labels(*bounded) if self._names else self._parent
            if bounded == given:
                self._children[key] = child
        return child


class Histogram(prometheus_client.Histogram):
    """The library's, for many observations at once."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """What `observe` of each amount does; a bucket holds what is not above its bound."""
        self._sum.inc(sum(amounts))
        ordered, counted = sorted(amounts), 0
        for bound, bucket in zip(self._upper_bounds, self._buckets, strict=True):
            upto = bisect_right(ordered, bound)
            if upto > counted:
                bucket.inc(upto - counted)
                counted = upto
            if counted == len(ordered):
                break


def _build(metric: Metric, names: Sequence[str], registry: Any) -> Any:
    if metric.kind == "counter":
        return prometheus_client.Counter(metric.name, metric.help, names, registry=registry)
    if metric.kind == "gauge":
        return prometheus_client.Gauge(
            metric.name, metric.help, names, registry=registry, multiprocess_mode=metric.mode
        )
    return Histogram(metric.name, metric.help, names, registry=registry, buckets=LATENCY_BUCKETS)
