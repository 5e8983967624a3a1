"""The body's `cache` and `caching`, and the header `Cache-Control`, as the controls of one call."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.cache_control import CacheControl
from proxy.errors import BadRequestError

_FLAGS = ("no-cache", "no-store", "use-cache")
_SECONDS = ("ttl", "s-maxage")
_MEMBERS = (*_FLAGS, *_SECONDS, "namespace")
_LONGEST_NAMESPACE = 128


def read_cache_control(body: Mapping[str, Any], headers: Mapping[str, str]) -> CacheControl | None:
    """None where the request says nothing of the cache. Raise BadRequestError that names a wrong control."""
    controls = _from_header(headers.get("cache-control"))
    if body.get("caching") is False:
        controls = {**controls, "no-cache": True, "no-store": True}
    given = body.get("cache")
    if given is not None:
        controls = {**controls, **_checked(given)}
    if not controls:
        return None
    return CacheControl(**{name.replace("-", "_"): value for name, value in controls.items()})


def _checked(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise BadRequestError("'cache' must be an object, such as {\"no-cache\": true}.", param="cache")
    controls: dict[str, Any] = {}
    for member, value in given.items():
        name = str(member).replace("_", "-")
        if name not in _MEMBERS:
            raise BadRequestError(f"'cache' has no member like this; it has {', '.join(_MEMBERS)}.", param="cache")
        if value is not None:
            controls[name] = _value(name, value)
    return controls


def _value(name: str, value: object) -> object:
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise BadRequestError(f"'cache.{name}' must be true or false.", param=f"cache.{name}")
        return value
    if name in _SECONDS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
            raise BadRequestError(f"'cache.{name}' must be a number of seconds.", param=f"cache.{name}")
        return float(value)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAMESPACE:
        raise BadRequestError(
            f"'cache.namespace' must be a text of at most {_LONGEST_NAMESPACE} characters.", param="cache.namespace"
        )
    return value


def _from_header(header: str | None) -> dict[str, Any]:
    """no-cache, no-store and max-age; the rest of the header is for caches on the way."""
    controls: dict[str, Any] = {}
    for directive in (header or "").lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-cache", "no-store"):
            controls[name] = True
        elif name == "max-age" and value.isdecimal() and len(value) < 10:
            controls["s-maxage"] = float(value)
    return controls
