"""The configuration as the operator may see it over HTTP: credentials and addresses are masked, references stay."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.secret_names import is_secret_name
from proxy.domain.secrets import MASK

MASKED_ADDRESS = "...masked"
_REFERENCE = "os.environ/"
_ADDRESS = re.compile(
    r"(?:^|_)(?:api_base|base|url|uri|host|hosts|endpoint|endpoints|address|dsn|proxy)$", re.IGNORECASE
)
_HEADERS = frozenset({"headers", "extra_headers"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def mask_config(document: Mapping[str, Any]) -> dict[str, Any]:
    """The file's content. A reference such as `os.environ/KEY` names no value, and stays."""
    return {str(name): _masked(str(name), value) for name, value in document.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        if name in _HEADERS:
            return {str(header): MASK for header in value}
        return mask_config(value)
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    if not isinstance(value, str) or value.startswith(_REFERENCE):
        return value
    if is_secret_name(name):
        return MASK
    if _ADDRESS.search(name) or _SCHEME.match(value):
        scheme = _SCHEME.match(value)
        return f"{scheme[0] if scheme else ''}{MASKED_ADDRESS}"
    return value
