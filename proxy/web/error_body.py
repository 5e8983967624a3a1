"""An error as the bytes of a client's dialect."""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.domain.json_text.codec import dumps
from proxy.domain.secret_names import mask_quotes
from proxy.errors import GatewayError

Mask = Callable[[str], str]
# Bound to a dialect, a request and the mask.
ErrorBody = Callable[[GatewayError], bytes]


def masked_json(value: Mapping[str, Any], mask: Mask) -> bytes:
    """Masked as a whole: a provider's message may repeat the key, or another credential under its name."""
    error = value.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    if isinstance(error, dict) and isinstance(message, str):
        value = {**value, "error": {**error, "message": mask_quotes(message)}}
    return mask(dumps(value).decode()).encode()
