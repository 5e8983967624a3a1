"""A client's own router configuration, as it came, and what it is known by between its requests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class UserConfig:
    """`values` is the body's `user_config`. Two with equal members, in whatever order, have one `digest`; `size` is in bytes."""

    values: Mapping[str, Any] = field(repr=False)
    digest: bytes = field(repr=False)
    size: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "UserConfig":
        canonical = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
        return cls(values, hashlib.sha256(canonical).digest(), len(canonical))
