"""The response cache that the settings describe, or none."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from proxy.cache.responses import CacheSettings, Responses
from proxy.cache.store import CacheStore, MemoryStore
from proxy.host.kept import Kept
from proxy.runtime import Runtime
from proxy.settings import ConfigError, Settings
from proxy.settings.cache import CacheConfig


def build_cache(settings: Settings, runtime: Runtime, shared_path: Path | None, kept: Kept) -> Responses | None:
    """`shared_path`: the folder of what the workers of a host share; without it a local cache is this process's."""
    config = settings.cache
    if config is None:
        return None
    store = kept.part("cache", config, lambda: _STORES[config.kind](config, settings, runtime, shared_path))
    return Responses(
        store,
        CacheSettings(
            ttl=config.ttl,
            scope=config.scope,
            namespace=config.namespace,
            off_by_default=config.off_by_default,
            call_types=config.call_types,
            most_messages=config.most_messages,
            groups=dict(_shared_names(settings.router.caching_groups)),
        ),
        runtime,
    )


def _build_local(config: CacheConfig, settings: Settings, runtime: Runtime, shared_path: Path | None) -> CacheStore:
    if shared_path is None:
        return MemoryStore(config.most_bytes)
    from proxy.cache.sqlite import SqliteStore  # noqa: PLC0415  only where there is such a cache

    return SqliteStore(shared_path.with_suffix(".cache"), config.most_bytes, "local")


def _build_disk(config: CacheConfig, settings: Settings, runtime: Runtime, shared_path: Path | None) -> CacheStore:
    from proxy.cache.sqlite import SqliteStore  # noqa: PLC0415  only where there is such a cache

    folder = Path(config.directory) if config.directory else settings.state_folder
    return SqliteStore(folder / "cache.sqlite", config.most_bytes, "disk")


def _build_redis(config: CacheConfig, settings: Settings, runtime: Runtime, shared_path: Path | None) -> CacheStore:
    try:
        from proxy.cache.redis import RedisStore  # noqa: PLC0415  an extra
        from proxy.counters.redis_client import build_client  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigError(
            "litellm_settings.cache_params.type is redis, and its package is missing: pip install 'patchbay[redis]'"
        ) from None
    place = dict(config.place)
    return RedisStore(build_client(place.pop("url", None), **place), runtime.monotonic)


# By `cache_params.type`; settings/cache.py has how long each keeps an entry by default.
_STORES: Mapping[str, Callable[[CacheConfig, Settings, Runtime, Path | None], CacheStore]] = {
    "local": _build_local,
    "disk": _build_disk,
    "redis": _build_redis,
}


def _shared_names(groups: Iterable[Any]) -> Iterable[tuple[str, str]]:
    """Each model group of a caching group with the name that they share."""
    for group in groups:
        if isinstance(group, list | tuple):
            for name in group:
                yield str(name), "+".join(map(str, group))
