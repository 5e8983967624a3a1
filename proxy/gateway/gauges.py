"""The router's state as gauges for /metrics."""

from collections.abc import Callable, Iterable, Iterator

from proxy.domain.deployment import Deployment
from proxy.host.config_state import ConfigState
from proxy.providers.registry import shown_base
from proxy.routing.explain import status
from proxy.routing.router import Router
from proxy.sinks.contract import GaugeSample, Metrics
from proxy.sinks.observation import Observation
from proxy.sinks.queue import SinkQueue

# LiteLLM's 1 is a partial outage: here one try at a time is let through.
_STATES = {"healthy": 0, "half_open": 1, "cooling": 2}

_LEFT = (
    ("litellm_remaining_requests_metric", "x-ratelimit-remaining-requests"),
    ("litellm_remaining_tokens_metric", "x-ratelimit-remaining-tokens"),
)


class ObservedRouter:
    """The router whose state the metrics show: that of the newest configuration."""

    def __init__(self, observation: Observation) -> None:
        self._router: Router | None = None
        self._metrics = observation.metrics
        if self._metrics is not None:
            self._metrics.watch(lambda: self._gauges(router_gauges), shared=True)
            self._metrics.watch(lambda: queue_gauges(observation.queue))
            self._metrics.watch(lambda: limit_gauges(observation))
            self._metrics.watch(lambda: self._gauges(state_gauges))

    def observe(self, router: Router) -> None:
        """Let the metrics, if there are any, see this router."""
        self._router = router
        if self._metrics is not None:
            catalogue = router.catalogue
            labels = {deployment.id: deployment_labels(deployment) for deployment in catalogue.deployments}
            self._metrics.know_deployments(labels.get)
            self._metrics.know_models(lambda name: catalogue.find(name) is not None, catalogue.names())

    def _gauges(self, read: Callable[[Router], Iterable[GaugeSample]]) -> Iterable[GaugeSample]:
        return read(self._router) if self._router is not None else ()


def router_gauges(router: Router) -> Iterator[GaugeSample]:
    """Deployments' states, what is under way, and what is left of the retry budgets: the same in every worker."""
    now = router.runtime.now()
    deployments = router.catalogue.deployments
    states = router.state.view([one.id for one in deployments], now)
    for deployment, state in zip(deployments, states, strict=True):
        yield GaugeSample("litellm_deployment_state", _STATES[status(state, now)], deployment_labels(deployment))
    yield GaugeSample("litellm_in_flight_requests", sum(state.inflight for state in states))
    for group in router.catalogue.groups():
        for provider, budget in router.profile(group).budgets.items():
            firsts, extras = router.state.spending(budget.key, now)
            left = max(budget.floor, int(budget.share * firsts)) - extras
            labels = {"model_group": group.key, "api_provider": provider}
            yield GaugeSample("patchbay_retry_budget", max(0, left), labels)


def state_gauges(router: Router) -> Iterator[GaugeSample]:
    """How often this process has gone on without Redis, where the configuration names one."""
    facts = router.state.facts()
    if "failures" in facts:
        yield GaugeSample("patchbay_redis_failures", facts["failures"])


def reload_gauges(state: ConfigState) -> Iterator[GaugeSample]:
    """The reloads of the whole gateway, as its parent process counts them."""
    status = state.status()
    if status is None:
        return
    for result, count in status.counts.items():
        yield GaugeSample("patchbay_config_reloads_total", count, {"result": result})
    yield GaugeSample("patchbay_config_last_success_timestamp", status.loaded_at)
    yield GaugeSample("patchbay_config_version", status.version)


def queue_gauges(queue: SinkQueue) -> Iterator[GaugeSample]:
    """What became of this process's records, by sink."""
    for sink, counts in queue.counts().items():
        yield GaugeSample("patchbay_sink_queue_records", counts.waiting, {"sink": sink})
        for state in ("emitted", "written", "failed", "dropped"):
            yield GaugeSample("patchbay_sink_records", getattr(counts, state), {"sink": sink, "state": state})


def limit_gauges(observation: Observation) -> Iterator[GaugeSample]:
    """The providers' remaining limits, from OpenAI's headers."""
    for deployment, headers in observation.take_headers():
        values = ((name, headers.get(header)) for name, header in _LEFT)
        left = [(name, float(value)) for name, value in values if value is not None and value.isdecimal()]
        labels = {**deployment_labels(deployment), "model_group": deployment.group} if left else {}
        for name, value in left:
            yield GaugeSample(name, value, labels)


def deployment_labels(deployment: Deployment) -> dict[str, str]:
    return {
        "litellm_model_name": deployment.model,
        "model_id": deployment.id,
        "api_base": shown_base(deployment) or "",
        "api_provider": deployment.provider,
    }


def count_cooldown(metrics: Metrics | None, deployment: Deployment, status_code: int) -> None:
    """A deployment was taken out of service, with the status that did it."""
    if metrics is not None:
        labels = {**deployment_labels(deployment), "exception_status": str(status_code)}
        metrics.add("litellm_deployment_cooled_down", labels)
