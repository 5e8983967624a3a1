"""Long bodies nearly all of which is one array (`messages`, `input`): the array and what stands around it are parsed apart.

So each byte is parsed once, and where the top-level members stand is known with it. What is found this way is right by its
making: an object in which a top-level value is `null`, and an array to put in its place.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from proxy.domain.json_text.members import Member, locate

# How much may stand around the array, on either side.
_AROUND = 4096
_PLACE = b"null"
# An array's end that may be a top-level member's: another member follows, or the object's end.
_END = re.compile(rb'\](?=[ \t\r\n]*+(?:,[ \t\r\n]*+"[^"\\]*+"[ \t\r\n]*+:|\}))')
# Others are in what follows the array, such as tools. More than these are not worth a look each.
_MOST_ENDS = 32


class Parted(NamedTuple):
    """An object's parsed form, and where its members stand, in their order."""

    fields: dict[str, Any]
    members: tuple[Member, ...]


def parse_parted(raw: bytes) -> Parted | None:
    """None for a text that is made in another way, or is no JSON: to be parsed as a whole."""
    start = raw.find(b"[", 0, _AROUND)
    if start < 0:
        return None
    for end in _ends(raw, max(start, len(raw) - _AROUND)):
        around = b"%b%b%b" % (raw[:start], _PLACE, raw[end:])
        try:
            fields = orjson.loads(around)
        except ValueError:
            continue
        members = locate(around, fields) if isinstance(fields, dict) else None
        name = next((member.name for member in members or () if member.value_start == start), None)
        if members is None or name is None:
            return None
        try:
            fields[name] = orjson.loads(memoryview(raw)[start:end])
        except ValueError:
            return None
        return Parted(fields, tuple(_moved(members, start, end - start - len(_PLACE))))
    return None


def _ends(raw: bytes, first: int) -> Iterator[int]:
    for found, _ in zip(_END.finditer(raw, first), range(_MOST_ENDS), strict=False):
        yield found.end()


def _moved(members: tuple[Member, ...], place: int, distance: int) -> Iterator[Member]:
    """The members as they stand where the value at `place` is longer."""
    for name, start, value_start, end in members:
        if start < place:
            yield Member(name, start, value_start, end + distance if value_start == place else end)
        else:
            yield Member(name, start + distance, value_start + distance, end + distance)
