"""The form of a virtual key: what it looks like, its hash, and how it is shown."""

import hashlib
import re

PREFIX = "sk-"
_HASH = re.compile(r"[0-9a-f]{64}")


def hash_key(key: str) -> str:
    """The id under which a key is stored. A key has 128 random bits, so the hash needs no salt."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


def to_hash(key_or_hash: str) -> str:
    """The key's SHA-256 hash; a value without the prefix `sk-` is taken for a hash and returned unchanged."""
    return hash_key(key_or_hash) if key_or_hash.startswith(PREFIX) else key_or_hash


def shown_name(key: str) -> str:
    """`sk-...` and the last four characters."""
    return f"{PREFIX}...{key[-4:]}"
