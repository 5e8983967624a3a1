"""What the status page shows of the last hour: each worker keeps its own figures, and writes them to a file of its own
where the others can read them. Whichever worker is asked for the page adds all files up.

A worker's figures are bounded: an hour of minutes with at most LISTED deployments each, and the last CALLS calls. The
files lie in memory where the system has such a folder; those of workers that have ended count until they are an hour old.
"""

import logging
import os
import threading
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from proxy.domain.record import CallRecord
from proxy.host.folder import prepare_folder
from proxy.host.shared_file import SharedFileError
from proxy.sinks.each import each
from proxy.sinks.history import LATENCY_BOUNDS, MINUTES, History, Minute, Totals

_log = logging.getLogger("patchbay.sinks")

CALLS = 50
LISTED = 200
# What is beyond LISTED is counted under this name.
OTHER = "other"
_TEXT = 500
_LAST = len(LATENCY_BOUNDS) - 1
_ATTEMPTS = 20
# How long a change may wait for its file.
PUBLISH_SECONDS = 0.5


# (what to do): does it, a little later.
Later = Callable[[Callable[[], None]], None]


def publish_later(action: Callable[[], None]) -> None:
    timer = threading.Timer(PUBLISH_SECONDS, action)
    timer.daemon = True
    timer.start()


class RecentCalls:
    """`directory` is where the workers meet; None for a process that is alone."""

    name = "board"
    tries = 1
    anonymous = True

    def __init__(self, directory: Path | None = None, later: Later = publish_later) -> None:
        self._directory = directory and _usable(directory)
        self._warned = False
        self._later = later
        self._lock = threading.Lock()
        self._waiting = False
        self._minute = 0
        # By deployment, in the order of Totals.
        self._totals: dict[str, list[float]] = {}
        self._latencies = [0] * len(LATENCY_BOUNDS)
        self._past: deque[bytes] = deque(maxlen=MINUTES)
        self._fresh: deque[CallRecord] = deque(maxlen=CALLS)
        self._calls: deque[bytes] = deque(maxlen=CALLS)

    def write(self, records: Sequence[CallRecord]) -> None:
        """Count; the file is written a little later, so that busy times cost no more than quiet ones."""
        with self._lock:
            for (minute, name), alike in _grouped(records).items():
                self._count(minute, name, alike)
            self._fresh.extend(record for record in records if not record.no_log)
            starting, self._waiting = not self._waiting, True
        if starting and self._directory is not None:
            self._later(self.publish)

    def publish(self) -> None:
        """Publish the current calls to the other workers, in one step: a reader sees all of it, or the previous state."""
        with self._lock:
            self._waiting = False
            if self._directory is not None:
                path = self._path(self._directory)
                draft = path.with_suffix(".draft")
                try:
                    draft.write_bytes(self._figures())
                    draft.replace(path)
                except OSError as error:
                    self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("the status page lacks this worker's figures: %s", error.strerror)

    def close(self) -> None:
        """The file stays: what this worker did belongs to the hour."""
        self.publish()

    def read(self, now: float) -> History:
        """The hour before `now` (Unix seconds), of all workers."""
        first = int(now // 60) - MINUTES + 1
        minutes = [Minute((first + step) * 60) for step in range(MINUTES)]
        deployments: dict[str, Totals] = {}
        calls: list[Mapping[str, Any]] = []
        for part in self._parts():
            calls += part["calls"]
            for name, figures in part["minutes"].items():
                if 0 <= int(name) - first < MINUTES:
                    _add(minutes[int(name) - first], deployments, figures)
        calls.sort(key=lambda call: float(call["time"]), reverse=True)
        return History(tuple(minutes), deployments, tuple(calls[:CALLS]))

    def _parts(self) -> Iterator[dict[str, Any]]:
        with self._lock:
            own = self._figures()
        yield orjson.loads(own)
        if self._directory is None:
            return
        others = set(self._directory.glob("*.json")) - {self._path(self._directory)}
        for path in others:
            try:
                yield orjson.loads(path.read_bytes())
            except FileNotFoundError:  # another worker has just removed it
                continue

    def _path(self, directory: Path) -> Path:
        """A fork has a file of its own."""
        return directory / f"{os.getpid()}-{id(self):x}.json"

    def _count(self, minute: int, name: str, records: Sequence[CallRecord]) -> None:
        """Calls of one minute and one deployment; what comes late is counted where we are."""
        if minute > self._minute:
            self._begin(minute)
        if name not in self._totals and len(self._totals) >= LISTED:
            name = OTHER
        totals = self._totals.get(name)
        if totals is None:
            totals = self._totals[name] = [0] * len(Totals._fields)
        seconds = [record.response_time for record in records]
        for position, amount in enumerate(_amounts(records, seconds)):
            totals[position] += amount
        for time in seconds:
            self._latencies[min(bisect_left(LATENCY_BOUNDS, time), _LAST)] += 1

    def _begin(self, minute: int) -> None:
        """The last minute is finished; files that will not be read again are removed."""
        if self._totals:
            self._past.append(self._present())
        self._minute = minute
        self._totals = {}
        self._latencies = [0] * len(LATENCY_BOUNDS)
        if self._directory is not None:
            _remove_old(self._directory, (minute - MINUTES) * 60)

    def _present(self) -> bytes:
        return b'"%d":%b' % (self._minute, orjson.dumps({"totals": self._totals, "latencies": self._latencies}))

    def _figures(self) -> bytes:
        self._calls.extend(each(self._fresh, lambda record: orjson.dumps(call_facts(record))))
        self._fresh.clear()
        minutes = b",".join([*self._past, self._present()])
        return b'{"minutes":{%b},"calls":[%b]}' % (minutes, b",".join(self._calls))


def call_facts(record: CallRecord) -> dict[str, Any]:
    """What the page shows of a call: no prompt, no answer; long texts are cut."""
    usage, error = record.usage, record.error
    return {
        "time": record.end_time,
        "id": record.id,
        "request_id": record.requester.request_id,
        "status": record.status_code,
        "operation": record.operation,
        "stream": record.stream,
        "model_group": record.model_group[:_TEXT],
        "served_group": record.served_group,
        "model": record.model[:_TEXT],
        "provider": record.custom_llm_provider,
        "milliseconds": record.response_time * 1000,
        "first_milliseconds": None if record.first is None else record.first * 1000,
        "overhead_milliseconds": None if record.overhead is None else record.overhead * 1000,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "cost": record.response_cost,
        "key_alias": record.key_alias,
        "end_user": record.end_user[:_TEXT] if record.end_user else None,
        "tags": [tag[:_TEXT] for tag in record.tags[:10]],
        "metadata": record.metadata_json[:_TEXT].decode(errors="ignore"),
        "dropped_params": list(record.dropped_params),
        "error_class": error.error_class if error else None,
        "error": error.message[:_TEXT] if error else None,
        "attempts": [attempt.to_dict() for attempt in record.attempts[:_ATTEMPTS]],
    }


def _grouped(records: Sequence[CallRecord]) -> dict[tuple[int, str], list[CallRecord]]:
    """By minute and deployment: a batch has few of them."""
    groups: defaultdict[tuple[int, str], list[CallRecord]] = defaultdict(list)
    for record in records:
        groups[int(record.end_time // 60), record.model_id or ""].append(record)
    return groups


def _amounts(records: Sequence[CallRecord], seconds: Sequence[float]) -> tuple[float, ...]:
    """What the calls, which lasted so long, add to the Totals."""
    usages = [record.usage for record in records if record.usage]
    return (
        len(records),
        [record.status for record in records].count("failure"),
        sum([usage.prompt_tokens for usage in usages]),
        sum([usage.completion_tokens for usage in usages]),
        sum([record.cost.total for record in records if record.cost]),
        sum(seconds),
    )


def _add(minute: Minute, deployments: dict[str, Totals], figures: Mapping[str, Any]) -> None:
    for name, totals in figures["totals"].items():
        minute.totals = minute.totals.plus(totals)
        deployments[name] = deployments.get(name, Totals()).plus(totals)
    minute.latencies = [one + other for one, other in zip(minute.latencies, figures["latencies"], strict=True)]


def _usable(directory: Path) -> Path | None:
    """The folder, made if it is missing; None with a warning if it can't be used."""
    try:
        prepare_folder(directory)
    except SharedFileError as error:
        _log.warning("%s. The status page shows the calls of one worker at a time.", error)
        return None
    return directory


def _remove_old(directory: Path, before: float) -> None:
    for path in directory.glob("*.json"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except FileNotFoundError:  # another worker was faster
            continue
