"""`litellm_settings.cache` and `cache_params`: whether answers are cached, where, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# LiteLLM's defaults by kind of store, in seconds.
_TTL = {
    "local": 600.0,
    "disk": 600.0,
    "redis": 60.0,
}
_SCOPES = ("key", "team", "org", "global")
# Also by their names without the leading `a`.
_CALL_TYPES = ("acompletion", "atext_completion", "aembedding", "amoderation", "arerank")
_MEGABYTE = 1024 * 1024
_NOT_SERVED = "litellm_settings.cache_params.type: {kind!r} is not served ({served} are): nothing is cached"


@dataclass(frozen=True)
class CacheConfig:
    """`ttl` is seconds. `place` is Redis's: url, or host, port, username, password and ssl."""

    kind: str = "local"
    ttl: float = 600.0
    scope: str = "key"
    namespace: str | None = None
    off_by_default: bool = False
    call_types: frozenset[str] = frozenset(_CALL_TYPES)
    most_messages: int | None = None
    most_bytes: int = 64 * _MEGABYTE
    directory: str | None = None
    place: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_cache(litellm: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[CacheConfig | None, tuple[str, ...]]:
    """None where answers are not cached; and what is wrong, by setting."""
    if not litellm.get("cache"):
        return None, ()
    params: Mapping[str, Any] = litellm.get("cache_params") or {}
    kind = str(params.get("type", "local"))
    if kind not in _TTL:
        return None, (_NOT_SERVED.format(kind=kind, served=", ".join(_TTL)),)
    warnings: list[str] = []
    ttl = _number(params, ("ttl", "default_in_redis_ttl" if kind == "redis" else "default_in_memory_ttl"), warnings)
    most = _number(params, ("max_size_mb",), warnings)
    messages = _number(params, ("max_messages",), warnings)
    scope = str(params.get("scope", "key"))
    if scope not in _SCOPES:
        warnings.append(f"litellm_settings.cache_params.scope: must be one of {', '.join(_SCOPES)}; key is used")
        scope = "key"
    namespace = params.get("namespace")
    return CacheConfig(
        kind=kind,
        ttl=_TTL[kind] if ttl is None else ttl,
        scope=scope,
        namespace=str(namespace) if namespace else None,
        off_by_default=params.get("mode") == "default_off",
        call_types=_call_types(params.get("supported_call_types")),
        most_messages=None if messages is None else int(messages),
        most_bytes=int((64 if most is None else most) * _MEGABYTE),
        directory=str(params["disk_cache_dir"]) if params.get("disk_cache_dir") else None,
        place=_redis(params, environ) if kind == "redis" else {},
    ), tuple(warnings)


def _call_types(given: object) -> frozenset[str]:
    if not isinstance(given, list):
        return frozenset(_CALL_TYPES)
    names = {str(name) for name in given}
    return frozenset(name for name in _CALL_TYPES if name in names or name.removeprefix("a") in names)


def _number(params: Mapping[str, Any], names: tuple[str, ...], warnings: list[str]) -> float | None:
    for name in names:
        value = params.get(name)
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
            return float(value)
        warnings.append(f"litellm_settings.cache_params.{name}: must be a positive number; the default is used")
    return None


def _redis(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The file's, else REDIS_URL, else REDIS_HOST, REDIS_PORT, REDIS_USERNAME, REDIS_PASSWORD and REDIS_SSL."""
    given = {name: params.get(name) for name in ("url", "host", "port", "username", "password", "ssl")}
    if given["url"] is None and given["host"] is None:
        given = {name: environ.get(f"REDIS_{name.upper()}") or given[name] for name in given}
    if given["port"] is not None:
        given["port"] = int(given["port"])
    if isinstance(given["ssl"], str):
        given["ssl"] = given["ssl"].lower() in ("1", "true", "yes")
    return {name: value for name, value in given.items() if value is not None}
