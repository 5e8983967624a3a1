"""An error as the bytes of a client's dialect."""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.domain.json_text.codec import dumps
from proxy.errors import GatewayError

Mask = Callable[[str], str]
# Bound to a dialect, a request and the mask.
ErrorBody = Callable[[GatewayError], bytes]


def masked_json(value: Mapping[str, Any], mask: Mask) -> bytes:
    """Masked as a whole: a provider's message may repeat the key."""
    return mask(dumps(value).decode()).encode()
