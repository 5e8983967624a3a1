"""What a request says about the response cache, and what the cache did for a call."""

from typing import NamedTuple


class CacheControl(NamedTuple):
    """`ttl` and `s_maxage` are seconds; None: not set. `use_cache` is for a cache that is off by default."""

    no_cache: bool = False
    no_store: bool = False
    ttl: float | None = None
    s_maxage: float | None = None
    namespace: str | None = None
    use_cache: bool = False


class CacheResult(NamedTuple):
    """`age` is in seconds, `saved_cost` in USD: what the answer had cost; both are for hits."""

    hit: bool
    key: str
    age: float = 0.0
    saved_cost: float | None = None
