"""How many tokens a request will take, before anybody has counted: only text weighs, four characters to a token."""

from collections.abc import Mapping
from typing import Any

from proxy.domain.operations import TEXT_FIELDS

CHARACTERS_PER_TOKEN = 4
_ANSWER = ("max_completion_tokens", "max_tokens", "max_output_tokens")
# Media travel as data in the text's place, and are counted by size of picture or second: not by character.
_LONGEST_WORD = 100_000
_MEDIA_TYPES = frozenset({"media_type", "mimeType", "mime_type"})


def prompt_tokens(fields: Mapping[str, Any]) -> int:
    """About the tokens of what is sent; a list of token numbers counts by its length."""
    characters, numbers = 0, 0
    pending: list[Any] = [fields[name] for name in TEXT_FIELDS if name in fields]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            characters += 0 if value.startswith("data:") else min(len(value), _LONGEST_WORD * CHARACTERS_PER_TOKEN)
        elif isinstance(value, Mapping):
            if _MEDIA_TYPES.isdisjoint(value):
                pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, int):
            numbers += 1
    return characters // CHARACTERS_PER_TOKEN + numbers


def total_tokens(fields: Mapping[str, Any]) -> int:
    """The prompt and the longest answer that was asked for."""
    return prompt_tokens(fields) + (asked_tokens(fields) or 0)


def asked_tokens(fields: Mapping[str, Any]) -> int | None:
    """The longest answer that was asked for; None where the request has no maximum."""
    for name in _ANSWER:
        asked = fields.get(name)
        if isinstance(asked, int):
            return max(0, asked)
    return None
