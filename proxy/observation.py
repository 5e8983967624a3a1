"""What watches the gateway: the queue of sinks, and those of them that are asked: the board and the metrics."""

from dataclasses import dataclass

from proxy.sinks.board import Board
from proxy.sinks.contract import GaugeSample, Metrics
from proxy.sinks.queue import SinkQueue


@dataclass(frozen=True)
class Observation:
    """`metrics` is None where no sink counts for /metrics."""

    queue: SinkQueue
    board: Board
    metrics: Metrics | None = None

    def show_streams(self, count: int) -> None:
        """So many streams are open in this process now. Shown at once: a long stream ends, and is recorded, much later."""
        if self.metrics is not None:
            self.metrics.show([GaugeSample("patchbay_streams_open", count)])
