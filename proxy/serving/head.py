"""The head of an ordinary request, out of its bytes. What is anything else, gunicorn's own parser reads.

Ordinary is a strict part of what RFC 9112 allows: GET or POST, HTTP/1.1, no repeated field, no folded line, a plain length.
Everything that frames a message in another way is not, so there is one opinion on where a request ends: gunicorn's, or
the only one that is possible.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# As far as this a head is looked for. Those that are longer, and those in pieces, are gunicorn's.
MAX_HEAD_BYTES = 8190
MAX_FIELDS = 100
_TOKEN = rb"[!$%&'*+\-.^`|~0-9A-Za-z]+"
_TARGET = rb'/(?:[!"$-.0-~][!"$-~]*)?'
_HEAD = re.compile(
    rb"(GET|POST) (" + _TARGET + rb") HTTP/1\.1\r\n((?:" + _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
_LENGTH = re.compile(r"[0-9]{1,12}")
# They change how the message, or the connection, is to be read.
_UNCOMMON = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_HTTP2_SETTINGS", "HTTP_TRAILER"})


class Head(NamedTuple):
    """`fields` are named as in a WSGI environ; `length` is the body's, `size` the head's own."""

    method: str
    path: str
    query: str
    target: str
    fields: dict[str, str]
    length: int
    size: int
    closes: bool


def read_head(data: bytes) -> Head | None:
    """The head that `data` begins with; None for one that is not ordinary, or not all there."""
    found = _HEAD.match(data, 0, MAX_HEAD_BYTES)
    if found is None:
        return None
    fields = _read_fields(found[3])
    if fields is None or not _UNCOMMON.isdisjoint(fields):
        return None
    length = fields.get("CONTENT_LENGTH", "0" if found[1] == b"GET" else "")
    connection = fields.get("HTTP_CONNECTION", "keep-alive").lower()
    if not _LENGTH.fullmatch(length) or connection not in ("keep-alive", "close"):
        return None
    target = found[2].decode("ascii")
    path, _, query = target.partition("?")
    return Head(
        found[1].decode("ascii"),
        path if "%" not in path else unquote_to_bytes(path).decode("latin-1"),
        query,
        target,
        fields,
        int(length),
        found.end(),
        connection == "close",
    )


def _read_fields(lines: bytes) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    count = 0
    for line in lines.decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        fields[_environ_name(name)] = value.strip(" \t")
        count += 1
    return fields if count == len(fields) <= MAX_FIELDS else None


@lru_cache(maxsize=1024)
def _environ_name(name: str) -> str:
    name = name.upper().replace("-", "_")
    return name if name in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{name}"
