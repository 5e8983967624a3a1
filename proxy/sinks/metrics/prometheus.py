"""Counts calls for Prometheus, right across gunicorn's workers.

With PROMETHEUS_MULTIPROC_DIR set before the program starts, every worker writes its values to a file there and
whichever worker is scraped adds them all up (the library's multiprocess mode). Without it, each process has its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import prometheus_client
from prometheus_client import values

from proxy.domain.record import CallRecord
from proxy.sinks.contract import DeploymentLabels, GaugeSample, GaugeSource, SinkContext, SinkSetupError
from proxy.sinks.each import each
from proxy.sinks.metrics import allocated
from proxy.sinks.metrics.children import Family
from proxy.sinks.metrics.counting import Tried, counts, observations, tries
from proxy.sinks.metrics.exposition import Pause, render_directory
from proxy.sinks.metrics.label_limits import CLIENT, Bounds
from proxy.sinks.metrics.labels import MODEL_LABELS, CallLabels
from proxy.sinks.metrics.table import CALLER_LABELS, METRICS


class PrometheusSink:
    """`render` gives the text for /metrics. Sources of gauges are asked with each batch and before each rendering."""

    name = "prometheus"
    tries = 1
    anonymous = True
    content_type = prometheus_client.CONTENT_TYPE_LATEST

    def __init__(
        self,
        directory: str | None = None,
        caller_labels: Sequence[str] = (),
        hidden: Sequence[str] = (),
        pause: Pause = lambda: None,
    ) -> None:
        self._directory = directory
        self._pause = pause
        self._registry = prometheus_client.CollectorRegistry()
        registry = None if directory else self._registry
        self._bounds = Bounds()
        self._families = {metric.name: Family(metric, registry, self._bounds) for metric in METRICS}
        self._labels = CallLabels(self._bounds, frozenset(CALLER_LABELS) - frozenset(caller_labels) | frozenset(hidden))
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

    def know_models(self, is_model: Callable[[str], bool], configured: Iterable[str]) -> None:
        """`is_model` is whether the configuration serves a name; `configured` are the names that it spells out."""
        self._labels.know_models(is_model)
        names = tuple(configured)
        for label in MODEL_LABELS:
            self._bounds.allow(label, names)

    def write(self, records: Sequence[CallRecord]) -> None:
        """What the records of a batch add to one child is added up first."""
        try:
            groups = [*self._labels.groups(records)]
        except Exception:  # noqa: BLE001  whatever it is: each call counts
            groups = [
                group for found in each(records, lambda record: [*self._labels.groups([record])]) for group in found
            ]
        for labels, alike in groups:
            self._count(labels, alike)
        self.sample()

    def _count(self, labels: Mapping[str, str], alike: Sequence[CallRecord]) -> None:
        for name, amount in counts(alike).items():
            if amount > 0:
                self.add(name, labels, amount)
        for name, amounts in observations(alike).items():
            if amounts:
                self._families[name].child(labels).observe_all(amounts)
        self._count_tries(tries(alike), labels, client_owned=alike[0].client_owned)

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
        return render_directory(Path(self._directory), self._pause)

    def close(self) -> None:
        """Files of values stay until the process is known to be dead: `forget_process` of the settings."""

    def _count_tries(
        self, found: Iterable[tuple[Tried, int]], labels: Mapping[str, str], *, client_owned: bool
    ) -> None:
        """`labels` are those of the calls, which are a try's own where its deployment answered."""
        sums: Counter[tuple[tuple[str, str], ...]] = Counter()
        for tried, count in found:
            outcome = "failure" if tried.error_class else "success"
            if client_owned:
                tried = tried._replace(group=CLIENT, deployment_id=CLIENT)  # noqa: PLW2901
            own = {
                "model_group": tried.group,
                "model_id": self._bounds.of("model_id", tried.deployment_id),
                "exception_status": str(tried.status),
                "exception_class": tried.error_class or "",
                "reason": tried.reason,
                "outcome": outcome,
            }
            if tried.error_class and tried.deployment_id != labels["model_id"]:
                own = {**(self._deployment_labels(tried.deployment_id) or {}), **own}
            sums[tuple(own.items())] += count
        for facts, count in sums.items():
            own = dict(facts)
            for name in (
                "litellm_deployment_total_requests",
                f"litellm_deployment_{own['outcome']}_responses",
                "patchbay_attempts",
            ):
                self.add(name, {**labels, **own}, count)


def build(context: SinkContext) -> PrometheusSink:
    """PROMETHEUS_MULTIPROC_DIR is the folder in which workers share their values;
    `litellm_settings.prometheus_caller_labels` lists the labels of CALLER_LABELS to fill, and LiteLLM's
    `enable_end_user_cost_tracking_prometheus_only` adds `end_user`."""
    directory = context.environ.get("PROMETHEUS_MULTIPROC_DIR") or None
    if (values.ValueClass is not values.MutexValue) != bool(directory):
        raise SinkSetupError("PROMETHEUS_MULTIPROC_DIR has to be set, or unset, before the program starts")
    allocated.install()
    wanted = list(context.settings.get("prometheus_caller_labels") or ())
    if context.settings.get("enable_end_user_cost_tracking_prometheus_only"):
        wanted.append("end_user")
    # Readers of the metrics without the key must not be able to try keys on its digest.
    opened = context.settings.get("require_auth_for_metrics_endpoint") is False
    hidden = ("hashed_api_key",) if opened else ()
    return PrometheusSink(directory, wanted, hidden, pause=lambda: context.runtime.sleep(0))
