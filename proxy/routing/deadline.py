"""The time until which a client waits for its answer, retries and fallbacks included."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.domain.call import Call


class Deadline(NamedTuple):
    """`at` is monotonic, None for a client that named no timeout."""

    at: float | None
    monotonic: Callable[[], float]

    @classmethod
    def of(cls, call: Call, monotonic: Callable[[], float]) -> "Deadline":
        timeout = call.options.timeout
        return cls(None if timeout is None else call.started + timeout, monotonic)

    def remaining(self) -> float | None:
        return None if self.at is None else self.at - self.monotonic()

    def allows(self, pause: float = 0.0) -> bool:
        """Whether something that starts after `pause` starts in time."""
        return self.at is None or self.at - self.monotonic() > pause
