"""Which store a configuration asks for. `state_store` is auto, memory, host or redis."""

import os
import shutil
import tempfile
from pathlib import Path

from proxy.domain.router_settings import RouterSettings
from proxy.routing.state.host import HostState
from proxy.routing.state.memory import MemoryState, StateStore
from proxy.routing.state.processes import is_alive, start_time

# The host's file has so many places at least, and four for each deployment: its own row, one for clients' keys, one for
# its group, and room that keeps finding them quick. It is sparse: what is not used takes no memory.
_PLACES, _PLACES_EACH = 8192, 4


def build_state(settings: RouterSettings, shared_path: str | Path | None = None, deployments: int = 0) -> StateStore:
    """`shared_path`: where the workers of this gateway meet, None when there is only one process. `deployments`: how many
    the configuration has.

    `settings.state_path` wins, so that several gateways of a host can share. Raise HostStateError for a file that can't
    be used.
    """
    host = _build_host(settings, shared_path, max(_PLACES, _PLACES_EACH * deployments))
    named = settings.redis_url is not None or settings.redis_host is not None
    if settings.state_store == "redis" or (settings.state_store == "auto" and named):
        return _build_redis(settings, host)
    return host


def _build_redis(settings: RouterSettings, host: StateStore) -> StateStore:
    try:
        from proxy.routing.state.redis import RedisState, build_client  # noqa: PLC0415 - an extra, only when asked for
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
    return HostState(path, capacity)


def default_path(master: int) -> Path:
    """A place for the state of all workers that `master` has started: in memory where the system has such a folder.

    It is the same for a worker that is started later, and another one for another gateway. What gateways that are gone
    have left there is removed.
    """
    memory = Path("/dev/shm")  # noqa: S108 - the file is made for one user only, and refused when it is another's
    folder = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    remove_leftovers(folder)
    return folder / f"patchbay-{os.geteuid()}-{master}-{start_time(master)}.state"


def remove_leftovers(folder: Path) -> None:
    """Remove this user's files, and folders of workers' figures, whose master does not live any more."""
    for path in folder.glob(f"patchbay-{os.geteuid()}-*-*.*"):
        master, started = path.stem.split("-")[2:4]
        if master.isdigit() and started.isdigit() and not is_alive(int(master), int(started)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
