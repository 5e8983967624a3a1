"""The router's state as gauges for /metrics."""

from collections.abc import Iterator

from proxy.domain.deployment import Deployment
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


def watch(observation: Observation, router: Router) -> None:
    """Let the metrics, if there are any, see the router and the queue."""
    metrics = observation.metrics
    if metrics is not None:
        labels = {one.id: deployment_labels(one) for one in router.catalogue.deployments}
        metrics.know_deployments(labels.get)
        catalogue = router.catalogue
        metrics.know_models(lambda name: catalogue.find(name) is not None, catalogue.names())
        metrics.watch(lambda: router_gauges(router), shared=True)
        metrics.watch(lambda: queue_gauges(observation.queue))
        metrics.watch(lambda: limit_gauges(observation))
        metrics.watch(lambda: state_gauges(router))


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
