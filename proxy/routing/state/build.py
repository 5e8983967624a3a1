"""The store that a configuration selects. `state_store` is auto, memory, host or redis."""

import logging
import os
from pathlib import Path

from proxy.domain.router_settings import RouterSettings
from proxy.host.folder import default_path
from proxy.host.shared_file import NoRoomError, SharedFileError
from proxy.routing.state.host import HostState
from proxy.routing.state.memory import MemoryState, StateStore

_log = logging.getLogger("patchbay.routing")

# The host's file has so many places at least (1.4 MB), and four for each deployment: its own row, one for clients' keys,
# one for its group, and room that keeps finding them quick.
_PLACES, _PLACES_EACH = 2048, 4


def build_state(settings: RouterSettings, shared_path: str | Path | None = None, deployments: int = 0) -> StateStore:
    """`shared_path`: where the workers of this gateway meet, None when there is only one process. `deployments`: how many
    the configuration has.

    `settings.state_path` wins, so that several gateways of a host can share. A file that has no room is replaced by
    the memory of each worker, with a warning. Raise SharedFileError for a `state_path` that can't be used safely.
    """
    host = _build_host(settings, shared_path, max(_PLACES, _PLACES_EACH * deployments))
    named = settings.redis_url is not None or settings.redis_host is not None
    if settings.state_store == "redis" or (settings.state_store == "auto" and named):
        return _build_redis(settings, host)
    return host


def _build_redis(settings: RouterSettings, host: StateStore) -> StateStore:
    try:
        from proxy.counters.redis_client import build_client  # noqa: PLC0415 - an extra, only when asked for
        from proxy.routing.state.redis import RedisState  # noqa: PLC0415
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
    return RedisState(host, client)


def _build_host(settings: RouterSettings, shared_path: str | Path | None, capacity: int) -> StateStore:
    path = settings.state_path or shared_path
    if settings.state_store == "host" and path is None:
        path = default_path(os.getppid())
    if settings.state_store == "memory" or path is None:
        return MemoryState()
    try:
        return HostState(path, capacity)
    except SharedFileError as error:
        if settings.state_path and not isinstance(error, NoRoomError) and Path(settings.state_path).parent.is_dir():
            raise
        _log.warning("%s. Each worker counts calls, limits and cooldowns for itself.", error)
        return MemoryState()
