"""What the process that checks a configuration hands to the workers' parent, and the files in which it does."""

from dataclasses import dataclass
from typing import Any

REQUEST, RESULT, CANDIDATE = "request.json", "result.json", "candidate.json"


@dataclass(frozen=True)
class CheckResult:
    """`reason` is why the configuration is refused, None for a good one. `files` were read; `is_new`: their texts differ
    from those that are served. `worker_changes`: see `find_worker_changes`. `watch_seconds`: how often the files are
    looked at; `refresh_seconds`: how often secret managers are read again, 0 for never."""

    reason: str | None
    files: tuple[str, ...] = ()
    is_new: bool = True
    worker_changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    summary: str = ""
    source: str = ""
    watch_seconds: float | None = None
    refresh_seconds: float = 0.0

    @classmethod
    def of(cls, found: dict[str, Any]) -> "CheckResult":
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**values)
