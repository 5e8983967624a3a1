"""Health checks in the background: one worker of a host calls each deployment now and then, and all read its report."""

import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.gateway.health_check import Report
from proxy.runtime import Runtime

_log = logging.getLogger("patchbay.health")
# How often a worker looks whether a report is due, or newer than the one that it knows.
_POLL = 1.0

Reports = tuple[list[Report], list[Report]]
Check = Callable[[], Reports]


@dataclass(frozen=True)
class HealthReport:
    """`at` is Unix seconds, 0 before the first check."""

    at: float = 0.0
    healthy: Sequence[Report] = ()
    unhealthy: Sequence[Report] = ()


class BackgroundHealth:
    """One per process. `path`: the file that all workers of the host read; None for a process alone."""

    def __init__(self, path: Path | None, runtime: Runtime) -> None:
        self._path = path
        self._runtime = runtime
        self._check: Check | None = None
        self._interval = 0.0
        self._lock_file: int | None = None
        self._thread: threading.Thread | None = None
        self._seen: tuple[int, int] | None = None
        self.report = HealthReport()
        # The ids of deployments that did not answer. Replaced whole: read without a lock.
        self.unhealthy: frozenset[str] = frozenset()

    def configure(self, check: Check | None, interval: float) -> None:
        """What to do from now on; None: nothing. `interval` is seconds."""
        self._check, self._interval = check, interval
        if check is None:
            self._show(HealthReport())

    def start(self) -> None:
        """In a process that serves, once or again."""
        if self._check is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="background-health", daemon=True)
            self._thread.start()

    def step(self) -> None:
        """Check, where this worker does it and a report is due; else read what another worker has found."""
        check = self._check
        if check is None:
            return
        self._read()
        if self._runtime.now() - self.report.at < self._interval or not self._leads():
            return
        healthy, unhealthy = check()
        report = HealthReport(self._runtime.now(), healthy, unhealthy)
        self._warn(report)
        self._show(report)
        self._write(report)

    def _run(self) -> None:
        while True:
            try:
                self.step()
            except Exception as error:  # noqa: BLE001  the next check may do better
                _log.error("background health check failed: %s", type(error).__name__)
            self._runtime.sleep(_POLL)

    def _leads(self) -> bool:
        """The first worker that locks the file checks until it ends; then another one does."""
        if self._path is None or self._lock_file is not None:
            return True
        file = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._lock_file = file
        return True

    def _warn(self, report: HealthReport) -> None:
        """One line for each deployment whose health has changed."""
        for entry in report.unhealthy:
            if entry["model_id"] not in self.unhealthy:
                _log.warning("%s (%s) does not answer: %s", entry["model_name"], entry["model_id"], entry["error"])
        for entry in report.healthy:
            if entry["model_id"] in self.unhealthy:
                _log.warning("%s (%s) answers again", entry["model_name"], entry["model_id"])

    def _show(self, report: HealthReport) -> None:
        self.report = report
        self.unhealthy = frozenset(entry["model_id"] for entry in report.unhealthy)

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            facts = self._path.stat()
            if (facts.st_ino, facts.st_mtime_ns) == self._seen:
                return
            self._show(_parse(json.loads(self._path.read_bytes())))
        except (OSError, ValueError, KeyError, TypeError):
            return
        self._seen = (facts.st_ino, facts.st_mtime_ns)

    def _write(self, report: HealthReport) -> None:
        """All at once: a reader finds the old report or the new one."""
        if self._path is None:
            return
        content = {"at": report.at, "healthy": list(report.healthy), "unhealthy": list(report.unhealthy)}
        draft = self._path.with_suffix(".draft")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            json.dump(content, opened)
        draft.replace(self._path)


def _parse(content: Mapping[str, Any]) -> HealthReport:
    return HealthReport(float(content["at"]), content["healthy"], content["unhealthy"])
