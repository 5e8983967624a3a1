"""The last report of the deployments' health, for requests that must not cost money each time."""

import threading
from collections.abc import Callable

from proxy.gateway.health_check import Report

KEPT_SECONDS = 60.0

Reports = tuple[list[Report], list[Report]]


class RecentHealth:
    """`check` calls every deployment. Requests that come while it runs share its result. Safe for threads."""

    def __init__(self, check: Callable[[], Reports], monotonic: Callable[[], float]) -> None:
        self._check = check
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._reports: Reports | None = None
        self._until = 0.0

    def read(self) -> Reports:
        """A report that is at most KEPT_SECONDS old."""
        with self._lock:
            if self._reports is None or self._monotonic() >= self._until:
                self._reports = self._check()
                self._until = self._monotonic() + KEPT_SECONDS
            return self._reports
