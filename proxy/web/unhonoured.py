"""Fields of a request that ask for protection or for a cache which the gateway does not have: refused, not dropped."""

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.errors import BadRequestError

CACHE_FIELDS = frozenset({"cache", "caching"})
_FIELDS = frozenset({"guardrails", "policies", "cache", "caching"})
_IN_METADATA = ("guardrails", "policies")
_METADATA = ("metadata", "litellm_metadata")
# Without a cache nothing is read from it and nothing is kept in it: these are honoured as they are.
_HONOURED = {"no-cache": True, "no-store": True, "no_cache": True, "no_store": True}


def refuse_unhonoured(body: Mapping[str, Any], own: Iterable[str], *, caches: bool) -> None:
    """Raise BadRequestError that names the first of the body's `own` fields that requires something that is not served.

    `caches`: there is a response cache.
    """
    names = [name for name in own if name in _FIELDS and _asks(name, body[name])]
    if caches:
        names = [name for name in names if name not in CACHE_FIELDS]
    for place in _METADATA:
        metadata = body.get(place)
        if isinstance(metadata, Mapping):
            names += [f"{place}.{name}" for name in _IN_METADATA if metadata.get(name)]
    if names:
        raise BadRequestError(f"This gateway can't honour {', '.join(names)}: leave it out.", param=names[0])


def _asks(name: str, value: object) -> bool:
    if name == "cache" and isinstance(value, Mapping):
        return any(_HONOURED.get(key) is not setting for key, setting in value.items() if setting)
    return bool(value)
