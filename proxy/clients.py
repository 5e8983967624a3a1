"""Routers of clients that bring their own configuration (`user_config`), remembered between their requests.

Their cooldowns, limits and latencies mean something only if they outlive a request; so each configuration's router is
kept under a digest of it, in a table that is bounded and forgets what has not been used for a while.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.routing.router import Router
from proxy.runtime import Runtime
from proxy.settings.client import load_client_config

KEPT_ROUTERS = 1000
KEPT_SECONDS = 3600.0


@dataclass(slots=True)
class _Entry:
    router: Router
    used_at: float


class ClientRouters:
    """Safe for threads. `build` makes a router; it raises BadRequestError, naming the path, for a wrong configuration."""

    def __init__(
        self,
        build: Callable[[Mapping[str, Any]], Router],
        monotonic: Callable[[], float],
        kept: int = KEPT_ROUTERS,
        seconds: float = KEPT_SECONDS,
    ) -> None:
        self._build = build
        self._monotonic = monotonic
        self._kept = kept
        self._seconds = seconds
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def router(self, user_config: Mapping[str, Any]) -> Router:
        """The router of this configuration, built only when it is new."""
        digest = hashlib.blake2b(orjson.dumps(user_config, option=orjson.OPT_SORT_KEYS), digest_size=32).digest()
        now = self._monotonic()
        with self._lock:
            entry = self._entries.get(digest)
            if entry is not None:
                entry.used_at = now
                self._entries.move_to_end(digest)
                return entry.router
        router = self._build(user_config)
        with self._lock:
            entry = self._entries.setdefault(digest, _Entry(router, now))
            self._forget(now)
            return entry.router

    def __len__(self) -> int:
        return len(self._entries)

    def _forget(self, now: float) -> None:
        """Oldest first: those beyond the bound, and those that have not been used for long."""
        while self._entries:
            entry = next(iter(self._entries.values()))
            if len(self._entries) <= self._kept and now - entry.used_at <= self._seconds:
                return
            self._entries.popitem(last=False)


def build_client_router(user_config: Mapping[str, Any], runtime: Runtime) -> Router:
    """A router of a client's own: it sees only its own `model_list`, and nothing of the operator's environment.

    Raise BadRequestError that names the path inside `user_config`.
    """
    config = load_client_config(user_config)
    return Router(config.deployments, config.router, runtime)
