"""The bound on the requests that a worker serves at once, where the configuration sets one."""

from collections.abc import Iterator

from proxy.gateway.request_queue import QueueLimits, RequestQueue
from proxy.host.kept import Kept
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.sinks.contract import GaugeSample
from proxy.sinks.observation import Observation


def build_request_queue(
    settings: Settings, observation: Observation, runtime: Runtime, kept: Kept
) -> RequestQueue | None:
    """The queue of this process, which a reload gives other limits; None without a bound."""
    general = settings.general
    running, waiting = general.max_in_flight_requests_per_worker, general.max_queued_requests_per_worker
    if running is None:
        return None
    limits = QueueLimits(running, running if waiting is None else waiting, general.admission_queue_timeout_seconds)
    queue = kept.part("request queue", observation, lambda: _build(limits, observation, runtime))
    queue.limits = limits
    return queue


def _build(limits: QueueLimits, observation: Observation, runtime: Runtime) -> RequestQueue:
    queue = RequestQueue(limits, runtime.monotonic)
    if observation.metrics is not None:
        observation.metrics.watch(lambda: _gauges(queue))
    return queue


def _gauges(queue: RequestQueue) -> Iterator[GaugeSample]:
    yield GaugeSample("patchbay_requests_running", queue.running)
    yield GaugeSample("patchbay_requests_waiting", queue.waiting)
