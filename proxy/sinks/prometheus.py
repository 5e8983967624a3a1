"""Counts calls for Prometheus, right across gunicorn's workers.

With PROMETHEUS_MULTIPROC_DIR set before the program starts, every worker writes its values to a file there and
whichever worker is scraped adds them all up (the library's multiprocess mode). Without it, each process has its own.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import prometheus_client
from prometheus_client import values
from prometheus_client.multiprocess import MultiProcessCollector

from proxy.domain.attempt import Attempt
from proxy.domain.record import CallRecord
from proxy.domain.usage import Usage
from proxy.sinks.contract import DeploymentLabels, GaugeSample, GaugeSource, SinkContext, SinkSetupError
from proxy.sinks.metrics import CALLER_LABELS, LATENCY_BUCKETS, METRICS, Metric

# The values that one label may take before the rest is counted as OTHER: clients can invent model names.
LABEL_VALUES = 100
OTHER = "other"


_ATTEMPT_COUNTERS = {
    outcome: ("litellm_deployment_total_requests", f"litellm_deployment_{outcome}_responses", "patchbay_attempts")
    for outcome in ("success", "failure")
}


class PrometheusSink:
    """`render` gives the text for /metrics. Sources of gauges are asked with each batch and before each rendering."""

    name = "prometheus"
    tries = 1
    anonymous = True
    content_type = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(
        self, directory: str | None = None, caller_labels: Sequence[str] = (), hidden: Sequence[str] = ()
    ) -> None:
        self._directory = directory
        self._registry = prometheus_client.CollectorRegistry()
        self._families = {metric.name: Family(metric, None if directory else self._registry) for metric in METRICS}
        self._hidden = frozenset(CALLER_LABELS) - frozenset(caller_labels) | frozenset(hidden)
        self._sources: list[GaugeSource] = []
        self._shared: list[GaugeSource] = []
        self._deployment_labels: DeploymentLabels = lambda _: None

    def watch(self, source: GaugeSource, *, shared: bool = False) -> None:
        """Ask `source` for its gauges from now on: with each batch, or what all workers share only for a rendering."""
        (self._shared if shared else self._sources).append(source)

    def show(self, samples: Iterable[GaugeSample]) -> None:
        """Set gauges of this process."""
        for name, value, labels in samples:
            self._families[name].child(labels).set(value)

    def know_deployments(self, labels: DeploymentLabels) -> None:
        """Where the labels of a deployment that was tried, but did not answer, come from."""
        self._deployment_labels = labels

    def write(self, records: Sequence[CallRecord]) -> None:
        """Counters are added up over the batch first: the library's are slow, and a batch has few different labels."""
        totals: dict[Any, float] = {}
        for record in records:
            self._count(record, totals)
        for child, amount in totals.items():
            child.inc(amount)
        self.sample()

    def sample(self) -> None:
        """Set the gauges of this process."""
        for source in self._sources:
            self.show(source())

    def add(self, name: str, labels: Mapping[str, str], amount: float = 1.0) -> None:
        """Count something that is not a call, such as a cooldown. `name` is a counter of METRICS."""
        self._families[name].child(labels).inc(amount)

    def render(self) -> bytes:
        """The text of /metrics: all workers' values where there is a common directory."""
        self.sample()
        for source in self._shared:
            self.show(source())
        if self._directory is None:
            return prometheus_client.generate_latest(self._registry)
        registry = prometheus_client.CollectorRegistry()
        MultiProcessCollector(registry, path=self._directory)  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(registry)

    def close(self) -> None:
        """Files of values stay until the process is known to be dead: `forget_process` of the settings."""

    def _count(self, record: CallRecord, totals: dict[Any, float]) -> None:
        labels = call_labels(record, self._hidden)
        for name, amount in _amounts(record):
            family = self._families[name]
            child = family.child(labels)
            if family.metric.kind == "histogram":
                child.observe(amount)
            else:
                totals[child] = totals.get(child, 0.0) + amount
        for attempt in record.attempts:
            outcome = "failure" if attempt.error_class else "success"
            tried = self._attempt_labels(record, attempt, labels, outcome)
            for name in _ATTEMPT_COUNTERS[outcome]:
                child = self._families[name].child(tried)
                totals[child] = totals.get(child, 0.0) + 1

    def _attempt_labels(
        self, record: CallRecord, attempt: Attempt, labels: Mapping[str, str], outcome: str
    ) -> dict[str, str]:
        known = {} if attempt.deployment_id == record.model_id else self._deployment_labels(attempt.deployment_id) or {}
        return {
            **labels,
            **known,
            "model_group": attempt.group,
            "model_id": attempt.deployment_id,
            "exception_status": str(attempt.status),
            "exception_class": attempt.error_class or "",
            "reason": attempt.reason,
            "outcome": outcome,
        }


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


def _build(metric: Metric, names: Sequence[str], registry: Any) -> Any:
    if metric.kind == "counter":
        return prometheus_client.Counter(metric.name, metric.help, names, registry=registry)
    if metric.kind == "gauge":
        return prometheus_client.Gauge(
            metric.name, metric.help, names, registry=registry, multiprocess_mode=metric.mode
        )
    return prometheus_client.Histogram(metric.name, metric.help, names, registry=registry, buckets=LATENCY_BUCKETS)


def call_labels(record: CallRecord, hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Every label that a call's metrics may have; those in `hidden` are empty."""
    requester, error = record.requester, record.error
    first = record.attempts[0] if record.attempts else None
    labels = {
        "end_user": record.end_user or "",
        "hashed_api_key": requester.key_hash or "",
        "api_key_alias": record.key_alias or "",
        "route": requester.route or "",
        "client_ip": requester.ip_address or "",
        "user_agent": requester.user_agent or "",
        "requested_model": record.model_group,
        "model_group": record.model_group,
        "fallback_model": record.served_group or "",
        "model": record.model,
        "litellm_model_name": record.model,
        "model_id": record.model_id or "",
        "api_provider": record.custom_llm_provider or "",
        "api_base": record.api_base or "",
        "service_tier": str(record.model_parameters.get("service_tier") or ""),
        "status_code": str(record.status_code),
        "exception_status": str(error.status if error else first.status if first else ""),
        "exception_class": (error.error_class if error else first.error_class if first else "") or "",
        **_UNKNOWN,
    }
    return {**labels, **dict.fromkeys(hidden, "")}


# What only a database of teams and users could tell.
_UNKNOWN = dict.fromkeys(("team", "team_alias", "user", "user_email", "org_id", "org_alias"), "")

_TOKEN_COUNTS: tuple[tuple[str, Callable[[Usage], int]], ...] = (
    ("litellm_total_tokens_metric", lambda usage: usage.total_tokens),
    ("litellm_input_tokens_metric", lambda usage: usage.prompt_tokens),
    ("litellm_output_tokens_metric", lambda usage: usage.completion_tokens),
    ("litellm_input_cached_tokens_metric", lambda usage: usage.cached_tokens),
    ("litellm_input_cache_creation_tokens_metric", lambda usage: usage.cache_write_tokens),
    ("litellm_input_audio_tokens_metric", lambda usage: usage.prompt_audio_tokens),
    ("litellm_output_reasoning_tokens_metric", lambda usage: usage.reasoning_tokens),
    ("litellm_output_audio_tokens_metric", lambda usage: usage.completion_audio_tokens),
)


def _amounts(record: CallRecord) -> list[tuple[str, float]]:
    """What one call adds to which metric."""
    served = record.attempts[-1].milliseconds / 1000 if record.attempts else None
    tokens = record.usage.completion_tokens if record.usage else 0
    succeeded = record.status == "success"
    spent, difference = record.response_cost, record.cost.difference if record.cost else None
    fell_back = f"litellm_deployment_{'successful' if succeeded else 'failed'}_fallbacks"
    amounts: tuple[tuple[str, float | None], ...] = (
        ("litellm_proxy_total_requests_metric", 1),
        ("litellm_request_total_latency_metric", record.response_time),
        ("litellm_requests_metric" if succeeded else "litellm_proxy_failed_requests_metric", 1),
        ("litellm_overhead_latency_metric", record.overhead),
        ("litellm_llm_api_latency_metric", served if succeeded else None),
        ("litellm_llm_api_time_to_first_token_metric", record.first if record.stream else None),
        ("litellm_deployment_latency_per_output_token", served / tokens if served and tokens and succeeded else None),
        ("litellm_spend_metric", spent or None),
        ("patchbay_provider_cost_difference", difference if difference and difference > 0 else None),
        (fell_back, 1 if record.fallbacks else None),
        ("litellm_cache_hits_metric", 1 if record.cache_hit else None),
        ("litellm_cache_misses_metric", 1 if record.cache_hit is False else None),
    )
    counted = [(name, amount) for name, amount in amounts if amount is not None]
    if record.usage is not None:
        counted += [(name, count) for name, read in _TOKEN_COUNTS if (count := read(record.usage))]
    return counted


def build(context: SinkContext) -> PrometheusSink:
    """PROMETHEUS_MULTIPROC_DIR says where workers share their values; `litellm_settings.prometheus_caller_labels` lists
    the labels of CALLER_LABELS to fill, and LiteLLM's `enable_end_user_cost_tracking_prometheus_only` adds `end_user`."""
    directory = context.environ.get("PROMETHEUS_MULTIPROC_DIR") or None
    if (values.ValueClass is not values.MutexValue) != bool(directory):
        raise SinkSetupError("PROMETHEUS_MULTIPROC_DIR has to be set, or unset, before the program starts")
    wanted = list(context.settings.get("prometheus_caller_labels") or ())
    if context.settings.get("enable_end_user_cost_tracking_prometheus_only"):
        wanted.append("end_user")
    # Whoever may read the metrics without the key must not be able to try keys on its digest.
    opened = context.settings.get("require_auth_for_metrics_endpoint") is False
    return PrometheusSink(directory, wanted, ("hashed_api_key",) if opened else ())
