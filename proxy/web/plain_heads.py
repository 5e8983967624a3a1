"""The headers of ordinary requests, taken apart by one regular expression.

gunicorn's parser takes some 6 us for each header, and OpenAI's clients send twenty. What is not plain in every respect is
left to it: it refuses, or it knows what to do.
"""

import re
from collections.abc import Callable, Collection
from typing import Any

from gunicorn.http import message

Pairs = list[tuple[str, str]]

# A token without an underscore (which would make two names one in a WSGI environ), and a value on one line.
_FIELD = r"([!#$%&'*+.^`|~0-9A-Za-z-]++):([\t\x20-\x7e\x80-\xff]*+)\r\n"
_FIELDS = re.compile(_FIELD)
_ONLY_FIELDS = re.compile(f"(?:{_FIELD})++")
# It asks for an answer of its own.
_EXPECT = "EXPECT"


def plain_headers(data: bytes, special: Collection[str], most: int) -> Pairs | None:
    """The lines of a head as gunicorn would give them; None for any but at most `most` different and ordinary ones.

    `special` are upper-case names that mean something to gunicorn.
    """
    text = data.decode("latin-1") + "\r\n"
    if _ONLY_FIELDS.fullmatch(text) is None:
        return None
    headers = [(name.upper(), value.strip(" \t")) for name, value in _FIELDS.findall(text)]
    names = {name for name, _ in headers}
    if len(names) < len(headers) or len(headers) > most or not names.isdisjoint(special):
        return None
    return headers


def install(settings: Any) -> None:
    """Let gunicorn's requests be read like this. `settings` are its configuration."""
    special = {_EXPECT, *settings.secure_scheme_headers}
    by_gunicorn: Callable[..., Pairs] = message.Message.parse_headers

    def parse_headers(self: Any, data: bytes, from_trailer: bool = False) -> Pairs:
        if not from_trailer and len(data) <= self.limit_request_field_size:
            found = plain_headers(data, special, self.limit_request_fields)
            if found is not None:
                return found
        return by_gunicorn(self, data, from_trailer)

    message.Message.parse_headers = parse_headers
