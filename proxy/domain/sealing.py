"""What the gateway hands to a client and wants back unchanged: ids and state, authenticated with the gateway's key.

Sealed text can be read by its holder, but not changed or made up. All workers, hosts and restarts with the same key open
each other's.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from typing import Any

from proxy.domain.json_text.codec import dumps, loads

_TAG_BYTES = 16
# Shorter values grow when they are compressed.
_LONG = 512
_PLAIN, _PACKED = b"\x00", b"\x01"
# What one sealed text may hold; a compressed one that is longer is not this gateway's.
_MOST_BYTES = 32 * 2**20


def derive_key(secret: str | None, purpose: str) -> bytes:
    """A key for one purpose out of the operator's secret; without a secret only this machine is served."""
    return hmac.digest((secret or "").encode(), f"patchbay {purpose}".encode(), "sha256")


class Sealer:
    """Seals JSON values under a prefix, which is a part of what is authenticated. Safe for threads."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, prefix: str, value: Any) -> str:
        """`prefix`, and the value in letters, digits, `-` and `_`."""
        text = dumps(value)
        data = _PACKED + zlib.compress(text) if len(text) >= _LONG else _PLAIN + text
        return prefix + base64.urlsafe_b64encode(self._tag(prefix, data) + data).rstrip(b"=").decode()

    def open(self, prefix: str, sealed: str) -> Any:
        """The value; None for text that this gateway's key has not sealed under the prefix."""
        if not sealed.startswith(prefix):
            return None
        try:
            letters = sealed[len(prefix) :].encode("ascii")
            raw = base64.b64decode(letters + b"=" * (-len(letters) % 4), b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        tag, data = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(prefix, data)):
            return None
        text = zlib.decompressobj().decompress(data[1:], _MOST_BYTES) if data[:1] == _PACKED else data[1:]
        return loads(text)

    def _tag(self, prefix: str, data: bytes) -> bytes:
        return hmac.digest(self._key, prefix.encode() + b"\x00" + data, hashlib.sha256)[:_TAG_BYTES]
