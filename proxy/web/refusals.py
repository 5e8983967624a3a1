"""Requests that were refused at the door: counted by reason, logged within a bound, and slowed where keys are guessed."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

from proxy.errors import AuthenticationError, GatewayError
from proxy.runtime import Runtime

_log = logging.getLogger("patchbay.access")

# Records and log lines of refused keys in each minute; further ones are only counted.
MOST_LOGGED = 60
WINDOW = 60.0
# Wrong keys of one address in a minute before its further ones wait, each longer than the one before (seconds).
FREE_TRIES = 10
FIRST_WAIT = 0.25
LONGEST_WAIT = 4.0
# Answers that wait at a time: a thread each in a gthread worker.
MOST_WAITING = 16
ADDRESSES = 1024

_CODES = {
    "invalid_api_key": "wrong_key",
    "missing_api_key": "no_key",
    "host_not_allowed": "host",
    "proxy_not_allowed": "proxy",
    "origin_not_allowed": "origin",
    "request_too_large": "body",
}
_BODY_STATUSES = frozenset({400, 408, 413, 415, 422})

Count = Callable[[str], None]


class Refusals:
    """One per application; `count` adds one to the metric of a reason. Safe for threads."""

    def __init__(self, runtime: Runtime, count: Count) -> None:
        self._runtime = runtime
        self._count = count
        self._lock = threading.Lock()
        self._window = float("-inf")
        self._logged = 0
        self._unlogged = 0
        # Wrong keys by address, and since when.
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._waiting = 0

    def note(self, error: GatewayError, address: str | None, path: str) -> bool:
        """Count and log a refusal before a call was read. False where its record is one too many."""
        reason = reason_of(error)
        if reason is None:
            return True
        self._count(reason)
        if reason == "body":
            return True
        with self._lock:
            allowed = self._may_log()
        if allowed:
            _log.warning("refused %s %.200r: %s (%d)", address or "a local socket", path, reason, error.status_code)
        return allowed

    def slow(self, error: GatewayError, address: str | None) -> None:
        """Wait, where an address has sent many wrong keys; requests with a right one never do."""
        if reason_of(error) != "wrong_key":
            return
        with self._lock:
            wait = self._next_wait(address or "")
            if not wait or self._waiting >= MOST_WAITING:
                return
            self._waiting += 1
        try:
            self._runtime.sleep(wait)
        finally:
            with self._lock:
                self._waiting -= 1

    def _may_log(self) -> bool:
        now = self._runtime.monotonic()
        if now - self._window >= WINDOW:
            if self._unlogged:
                _log.warning("refused %d more requests than the log shows", self._unlogged)
            self._window, self._logged, self._unlogged = now, 0, 0
        if self._logged >= MOST_LOGGED:
            self._unlogged += 1
            return False
        self._logged += 1
        return True

    def _next_wait(self, address: str) -> float:
        now = self._runtime.monotonic()
        since, count = self._wrong.get(address, (now, 0))
        if now - since >= WINDOW:
            since, count = now, 0
        self._wrong[address] = (since, count + 1)
        self._wrong.move_to_end(address)
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)
        return 0.0 if count < FREE_TRIES else min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - FREE_TRIES, 8))


def reason_of(error: GatewayError) -> str | None:
    """The reason as the metric has it; None for what was not refused at the door."""
    if error.provider is not None or error.attempts:
        return None
    found = _CODES.get(error.code or "")
    if found is not None:
        return found
    if isinstance(error, AuthenticationError):
        return "no_key"
    if error.error_type == "overloaded":
        return "overload"
    return "body" if error.status_code in _BODY_STATUSES else None
