"""Which store of counters a configuration asks for, by the same settings as the router's state."""

import logging
from pathlib import Path

from proxy.counters.host import HostCounters
from proxy.counters.store import CounterStore, LocalCounters, MemoryCounters
from proxy.domain.router_settings import RouterSettings
from proxy.host.shared_file import SharedFileError

_log = logging.getLogger("patchbay.counters")


def build_counters(settings: RouterSettings, state_path: Path | None = None) -> CounterStore:
    """`state_path`: where the workers of this gateway share their state, None for a single process.

    The counters are beside it. Raise RuntimeError if a Redis is named and its client is not installed.
    """
    host = _build_host(settings, Path(settings.state_path) if settings.state_path else state_path)
    named = settings.redis_url is not None or settings.redis_host is not None
    if settings.state_store == "redis" or (settings.state_store == "auto" and named):
        return _build_redis(settings, host)
    return host


def _build_host(settings: RouterSettings, state_path: Path | None) -> LocalCounters:
    if settings.state_store == "memory" or state_path is None:
        return MemoryCounters()
    try:
        return HostCounters(state_path.with_suffix(".counters"))
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
