"""Reloads of the configuration, in the workers' parent: by SIGHUP (which POST /config/reload sends) or a changed file.

The configuration is first checked in a process of its own. A broken one changes nothing. A good one becomes the snapshot
that workers read; they swap it in place, or are replaced one by one where a change needs that.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy import settings
from proxy.host.config_state import SNAPSHOT, ConfigState, ReloadStatus, Snapshot
from proxy.server.check_result import CANDIDATE, REQUEST, RESULT, CheckResult
from proxy.server.config_watch import ConfigWatch
from proxy.server.metrics_directory import VARIABLE as METRICS_VARIABLE
from proxy.server.version_board import VersionBoard

_ROOT = Path(__file__).resolve().parents[2]
_CHECK_SECONDS = 60.0
# How long workers may take to swap, and a new worker to start.
_SWAP_SECONDS = 30.0
# gunicorn's main loop turns once a second, and in this many seconds while a reload runs.
_BUSY_SECONDS = 0.05


class Check:
    """The process that checks. gunicorn may reap it first, so its exit code means nothing: its result is a file."""

    def __init__(self, state: ConfigState, environ: Mapping[str, str]) -> None:
        self._state = state
        (state.folder / RESULT).unlink(missing_ok=True)
        # Its figures are not those of a worker.
        environ = {name: value for name, value in environ.items() if name != METRICS_VARIABLE}
        self._process = subprocess.Popen(  # noqa: S603  a command of this program
            [sys.executable, "-m", "proxy.server.reload_check", str(state.folder)],
            env={**environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def result(self) -> CheckResult:
        found = self._state.read(RESULT)
        return CheckResult("It could not be checked.") if found is None else CheckResult.of(found)


class Reloader:
    """One per parent. `step` runs with each turn of gunicorn's loop and never waits."""

    def __init__(
        self,
        arbiter: Any,
        state: ConfigState,
        board: VersionBoard,
        *,
        environ: Callable[[], Mapping[str, str]] = settings.environment,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._arbiter = arbiter
        self._state = state
        self._board = board
        self._environ = environ
        self._monotonic = monotonic
        self._now = now
        self._watch = ConfigWatch(monotonic)
        self._status = ReloadStatus()
        self._is_wanted = False
        self._refresh_seconds = 0.0
        self._refresh_at: float | None = None
        self._running: Iterator[None] | None = None

    def begin(self, start: CheckResult, snapshot: Snapshot) -> None:
        """The server starts with this configuration."""
        self._state.keep(snapshot)
        self._board.want(1)
        self._status = ReloadStatus(source=start.source, loaded_at=self._now())
        self._state.note(self._status)
        self._follow(start)

    def install(self) -> None:
        """Into gunicorn's main loop."""
        arbiter = self._arbiter
        manage, wait = arbiter.manage_workers, arbiter.wait_for_signals

        def manage_workers() -> None:
            self.step()
            manage()

        def wait_for_signals(timeout: float = 1.0) -> Any:
            return wait(timeout=_BUSY_SECONDS if self._running else timeout)

        arbiter.handle_hup = self.request
        arbiter.manage_workers, arbiter.wait_for_signals = manage_workers, wait_for_signals

    def request(self) -> None:
        """Reload; after the present reload, where one runs, because that one may have read the files already."""
        self._is_wanted = True
        self._arbiter.log.reopen_files()

    def step(self) -> None:
        if self._running is not None:
            self._running = self._running if next(self._running, True) is None else None
        elif self._is_wanted or self._watch.changed():
            self._is_wanted = False
            self._start(self._reload())
        elif self._refresh_at is not None and self._monotonic() >= self._refresh_at:
            self._start(self._reload(is_asked=False))

    def _start(self, reload: Iterator[None]) -> None:
        self._running = reload
        self.step()

    def _follow(self, result: CheckResult) -> None:
        """Watch what was read, and read secret managers again in time."""
        seconds = self._watch.seconds if result.watch_seconds is None else result.watch_seconds
        self._watch.follow(result.files, seconds)
        if result.reason is None:
            self._refresh_seconds = result.refresh_seconds
        self._refresh_at = self._monotonic() + self._refresh_seconds if self._refresh_seconds else None

    def _reload(self, *, is_asked: bool = True) -> Iterator[None]:
        """One reload, in steps. One that is not asked for looks whether a secret manager has other secrets now."""
        self._status = self._status.begin()
        self._state.note(self._status)
        self._watch.begin()
        version = self._status.version + 1
        addresses = [listener.sock.getsockname() for listener in self._arbiter.LISTENERS]
        self._state.write(REQUEST, {"addresses": addresses, "version": version})
        check = Check(self._state, self._environ())
        yield from self._wait_while(check.is_running, _CHECK_SECONDS)
        if check.is_running():
            check.kill()
        result = check.result()
        self._follow(result)
        if result.reason is not None:
            self._refuse(result.reason)
            return
        if not (is_asked or result.is_new):
            self._status = self._status.find_nothing()
            self._state.note(self._status)
            return
        for warning in result.warnings:
            self._arbiter.log.warning(warning)
        if result.is_new:
            (self._state.folder / CANDIDATE).replace(self._state.folder / SNAPSHOT)
        else:
            version = self._status.version
        yield from self._replace_workers() if result.worker_changes else self._swap(version)
        self._accept(version, result)

    def _refuse(self, reason: str) -> None:
        self._status = self._status.refuse(reason, self._now())
        self._state.note(self._status)
        self._arbiter.log.error("The configuration is not reloaded, the old one is kept. %s", reason)

    def _accept(self, version: int, result: CheckResult) -> None:
        self._board.want(version)
        self._status = self._status.accept(version, result.source, result.worker_changes, self._now())
        self._state.note(self._status)
        self._arbiter.log.info("Configuration %d is served. %s", version, result.summary)

    def _swap(self, version: int) -> Iterator[None]:
        """The workers that run take the snapshot; those that start have read it."""
        self._board.want(version)
        yield from self._wait_while(
            lambda: any(self._board.served_by(worker.age) < version for worker in self._arbiter.WORKERS.values()),
            _SWAP_SECONDS,
        )

    def _replace_workers(self) -> Iterator[None]:
        """One by one, each by a worker that has started before the old one stops taking requests."""
        arbiter = self._arbiter
        arbiter.log.info("Workers are replaced one by one.")
        for _ in range(arbiter.num_workers):
            arbiter.num_workers += 1
            arbiter.spawn_worker()
            age = arbiter.worker_age
            yield from self._wait_while(
                lambda age=age: not self._board.served_by(age) and _lives(arbiter, age),  # type: ignore[misc]
                _SWAP_SECONDS,
            )
            # gunicorn ends the oldest.
            arbiter.num_workers -= 1
            yield

    def _wait_while(self, condition: Callable[[], bool], seconds: float) -> Iterator[None]:
        end = self._monotonic() + seconds
        while condition() and self._monotonic() < end:
            yield


def _lives(arbiter: Any, age: int) -> bool:
    return any(worker.age == age for worker in arbiter.WORKERS.values())
