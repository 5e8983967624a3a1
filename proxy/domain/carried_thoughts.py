"""What another maker's model must get back with a tool call, within the thought signature that Google's clients return.

A signature is base64, of bytes that mean something to its maker only. Clients such as Gemini CLI leave thoughts out of the
conversation but keep the signatures of calls: the first call of an answer carries its thoughts.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from proxy.domain.json_text.codec import dumps, loads

# Its length is a multiple of three: so all signatures begin with the same letters.
_MARK = b"patchbay-thoughts:"
_PREFIX = base64.b64encode(_MARK).decode()
# Some clients write base64 in the alphabet for URLs.
_STANDARD = str.maketrans("-_", "+/")
_CARRIED = ("reasoning_content", "thinking_blocks", "reasoning_details")


def pack_thoughts(message: Mapping[str, Any]) -> str | None:
    """The thoughts of an assistant's message as a signature; None where it has none."""
    thoughts = {name: message[name] for name in _CARRIED if message.get(name)}
    return base64.b64encode(_MARK + dumps(thoughts)).decode() if thoughts else None


def unpack_thoughts(signature: object) -> dict[str, Any] | None:
    """The thoughts that `pack_thoughts` put there; None for a signature of Google's own, or a damaged one."""
    if not isinstance(signature, str):
        return None
    text = signature.translate(_STANDARD).rstrip("=")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        found = loads(packed[len(_MARK) :]) if packed.startswith(_MARK) else None
    except (ValueError, binascii.Error):
        return None
    return {name: found[name] for name in _CARRIED if name in found} if isinstance(found, dict) else None


def carries_thoughts(signature: object) -> bool:
    """Whether a signature is `pack_thoughts`'s, and so means nothing to Google."""
    return isinstance(signature, str) and signature.translate(_STANDARD).startswith(_PREFIX)
