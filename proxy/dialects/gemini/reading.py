"""Members of Google's objects: in either spelling, alone where a list may be, null where nothing is meant.

https://protobuf.dev/programming-guides/json/
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.errors import BadRequestError

Fields = Mapping[str, Any]

_WORD = re.compile(r"_([a-z0-9])")


def camel(fields: Fields) -> dict[str, Any]:
    """The object's own members without nulls, `system_instruction` as `systemInstruction`."""
    return {camel_name(name): value for name, value in fields.items() if value is not None}


def camel_name(name: str) -> str:
    return _WORD.sub(lambda found: found[1].upper(), name) if "_" in name else name


def entries(value: object, place: str) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its place; an object alone is a list of one. Raise BadRequestError."""
    if isinstance(value, Mapping):
        return [(place, camel(value))]
    if not isinstance(value, list):
        raise BadRequestError(f"Expected an array of objects ({place}).", param=place)
    return [(f"{place}[{at}]", read_object(item, f"{place}[{at}]")) for at, item in enumerate(value)]


def read_object(value: object, place: str) -> dict[str, Any]:
    """Raise BadRequestError for what is no object."""
    if not isinstance(value, Mapping):
        raise BadRequestError(f"Expected an object ({place}).", param=place)
    return camel(value)


def whole_number(value: object) -> int | None:
    """An integer, also as the text or the fraction-less number that protobuf's JSON allows; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
