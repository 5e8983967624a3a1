"""Which names mean a credential: of parameters, headers, variables, members of a JSON body and parts of a query."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.secrets import MASK, SHORTEST_MASKED

_WORDS = (
    "key|apikey|secret|password|passwd|passphrase|pass|pwd|token|jwt|auth|sig|signature|credentials?|authorization|"
    "cookie|access_key_id"
)
_SECRET_NAME = re.compile(rf"(?:^|[_.-])(?:{_WORDS})$", re.IGNORECASE)
# apiKey, clientSecret: a capital begins a word.
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST_NAME = 128
# Names in bodies that are no credentials, although they end like one.
_PLAIN_MEMBERS = frozenset({"key", "cache_key", "prompt_cache_key", "cookie"})
# `"name": "value"`, `'name': 'value'` and `name=value` in a text: what providers quote of a request.
_QUOTED = re.compile(r"""(?<![\w.-])([\w.-]{1,64})(["']?(?::[ ]?["']|=["']?))([^\s"'&,;<>{}\\]{8,})""", re.ASCII)


def is_secret_name(name: str) -> bool:
    """True for names such as api_key, client_secret, LANGFUSE_SECRET_KEY, x-api-key, Authorization, sig, userPwd."""
    if len(name) > _LONGEST_NAME or name == "litellm_credential_name":
        return False
    return _SECRET_NAME.search(name) is not None or _SECRET_NAME.search(_CAPITAL.sub("_", name)) is not None


def mask_members(value: Any) -> Any:
    """A JSON value with a mask for each text whose member's name means a credential; `value` itself stays as it is."""
    if isinstance(value, Mapping):
        return {name: _masked(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_members(item) for item in value]
    return value


def mask_quotes(text: str) -> str:
    """An error's message with a mask for what it quotes under a credential's name."""
    return _QUOTED.sub(_mask_quote, text) if "=" in text or ":" in text else text


def _mask_quote(found: re.Match[str]) -> str:
    name, between, _ = found.groups()
    hidden = name not in _PLAIN_MEMBERS and is_secret_name(name)
    return f"{name}{between}{MASK}" if hidden else found[0]


def _masked(name: object, item: Any) -> Any:
    if isinstance(item, str):
        hidden = len(item) >= SHORTEST_MASKED and isinstance(name, str) and name not in _PLAIN_MEMBERS
        return MASK if hidden and is_secret_name(str(name)) else item
    return mask_members(item)
