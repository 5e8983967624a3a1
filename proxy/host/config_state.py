"""Which configuration a gateway serves, and how its reloads went: a folder that the parent writes and its workers read.

`snapshot.json` has the texts of the last good configuration, so that a worker that starts later serves it although the
files have changed. `status.json` has the outcome of each reload, for GET /config/version and the metrics.
"""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

SUFFIX = ".config"
SNAPSHOT, _STATUS = "snapshot.json", "status.json"
Result = Literal["success", "failure"]


class Snapshot(NamedTuple):
    """The texts of a configuration's files, by path. `version` counts the configurations of this gateway from 1.

    `secrets` is a digest of the secrets that they refer to.
    """

    version: int
    texts: Mapping[str, str]
    secrets: str = ""


@dataclass(frozen=True)
class ReloadStatus:
    """`started` and `finished` count reloads: they differ while one runs. Times are Unix seconds.

    `reason` is why the last reload was refused. `replaced` names the changes for which workers are replaced.
    """

    version: int = 1
    source: str = ""
    loaded_at: float = 0.0
    started: int = 0
    finished: int = 0
    last_result: Result | None = None
    last_at: float | None = None
    reason: str | None = None
    replaced: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=lambda: {"success": 0, "failure": 0})

    def begin(self) -> "ReloadStatus":
        return replace(self, started=self.started + 1)

    def find_nothing(self) -> "ReloadStatus":
        """Nothing has changed, and nothing was asked for."""
        return replace(self, finished=self.started)

    def refuse(self, reason: str, now: float) -> "ReloadStatus":
        return self._end("failure", now, reason=reason, replaced=())

    def accept(self, version: int, source: str, replaced: tuple[str, ...], now: float) -> "ReloadStatus":
        """A changed configuration; `loaded_at` stays where the same one was read again."""
        loaded_at = self.loaded_at if version == self.version else now
        return self._end(
            "success", now, reason=None, replaced=replaced, version=version, source=source, loaded_at=loaded_at
        )

    def _end(self, result: Result, now: float, **changes: Any) -> "ReloadStatus":
        counts = {**self.counts, result: self.counts[result] + 1}
        return replace(self, finished=self.started, last_result=result, last_at=now, counts=counts, **changes)


class ConfigState:
    """`folder` is the parent's; nothing is read where it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, shared_path: Path) -> "ConfigState":
        return cls(shared_path.with_suffix(SUFFIX))

    @property
    def folder(self) -> Path:
        return self._folder

    def snapshot(self) -> Snapshot | None:
        """None where no parent keeps one."""
        found = self.read(SNAPSHOT)
        return None if found is None else Snapshot(found["version"], found["texts"], found["secrets"])

    def keep(self, snapshot: Snapshot) -> None:
        self.write(SNAPSHOT, snapshot._asdict())

    def status(self) -> ReloadStatus | None:
        """None where nothing reloads: a server that is not gunicorn, or an application in a test."""
        found = self.read(_STATUS)
        return None if found is None else ReloadStatus(**{**found, "replaced": tuple(found["replaced"])})

    def note(self, status: ReloadStatus) -> None:
        self.write(_STATUS, asdict(status))

    def read(self, name: str) -> dict[str, Any] | None:
        try:
            found = json.loads((self._folder / name).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """For this user only, and all at once: a reader finds the old content or the new one."""
        path = self._folder / name
        draft = path.with_suffix(f".{os.getpid()}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            json.dump(content, opened)
        draft.replace(path)


def request_reload() -> None:
    """Make this worker's parent reload. Only where `status` shows that a parent does."""
    os.kill(os.getppid(), signal.SIGHUP)
