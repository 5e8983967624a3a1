"""Which store of counters a configuration asks for, by the same settings as the router's state."""

import logging
from pathlib import Path

from proxy.counters.host import HostCounters
from proxy.counters.store import CounterStore, LocalCounters, MemoryCounters
from proxy.domain.router_settings import RouterSettings
from proxy.host.shared_file import SharedFileError

_log = logging.getLogger("patchbay.counters")


def build_counters(settings: RouterSettings, path: Path | None = None) -> CounterStore:
    """`path`: the file of all workers of this host, None for a single process.

    A path that stays the same keeps what is spent when all workers are killed; in a folder that is emptied at a restart,
    `restore` has to bring it back. Raise RuntimeError if a Redis is named and its client is not installed.
    """
    host = _build_host(settings, path)
    named = settings.redis_url is not None or settings.redis_host is not None
    if settings.state_store == "redis" or (settings.state_store == "auto" and named):
        return _build_redis(settings, host)
    return host


def _build_host(settings: RouterSettings, path: Path | None) -> LocalCounters:
    if settings.state_store == "memory" or path is None:
        return MemoryCounters()
    try:
        return HostCounters(path)
    except SharedFileError as error:
        _log.warning("%s. Each worker counts limits and budgets for itself.", error)
        return MemoryCounters()


def _build_redis(settings: RouterSettings, host: LocalCounters) -> CounterStore:
    try:
        from proxy.counters.redis import RedisCounters  # noqa: PLC0415 - an extra, only when asked for
        from proxy.counters.redis_client import build_client  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise RuntimeError(
            "router_settings names a Redis: install its client with `pip install 'patchbay[redis]'`"
        ) from missing
    client = build_client(
        settings.redis_url,
        host=settings.redis_host,
        port=settings.redis_port,
        password=settings.redis_password,
        db=settings.redis_db,
    )
    return RedisCounters(host, client)
