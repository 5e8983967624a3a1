"""What watches the gateway: the queue of sinks, and those of them that are asked: the board and the metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from proxy.domain.attempt import Outcome
from proxy.domain.deployment import Deployment
from proxy.sinks.contract import GaugeSample, Metrics
from proxy.sinks.queue import SinkQueue
from proxy.sinks.recent_calls import RecentCalls


@dataclass(frozen=True)
class Observation:
    """`metrics` is None where no sink counts for /metrics. `provider_headers` are the newest headers of deployments,
    by their ids."""

    queue: SinkQueue
    recent_calls: RecentCalls
    metrics: Metrics | None = None
    provider_headers: dict[str, tuple[Deployment, Mapping[str, str]]] = field(default_factory=dict)

    def show_streams(self, count: int) -> None:
        """So many streams are open in this process now. Shown at once: a long stream ends, and is recorded, much later."""
        if self.metrics is not None:
            self.metrics.show([GaugeSample("patchbay_streams_open", count)])

    def count_refusal(self, reason: str) -> None:
        """A request was refused before it was a call."""
        if self.metrics is not None:
            self.metrics.add("patchbay_refused_requests", {"reason": reason})

    def note_headers(self, outcome: Outcome) -> None:
        """Keep the provider's headers about its limits until the metrics are written next: the call must not wait."""
        if self.metrics is not None:
            self.provider_headers[outcome.deployment.id] = (outcome.deployment, outcome.reply.headers)

    def take_headers(self) -> Iterator[tuple[Deployment, Mapping[str, str]]]:
        """What was noted since the last time; each deployment once."""
        for identifier in tuple(self.provider_headers):
            noted = self.provider_headers.pop(identifier, None)
            if noted is not None:
                yield noted
