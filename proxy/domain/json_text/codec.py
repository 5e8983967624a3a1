"""JSON text to values and back: integers of any size, no half surrogate pairs, a bounded depth.

orjson does the work. It turns integers beyond 64 bits into floats, refuses lone surrogates, reads 1024 levels and writes 254:
what it reads differently is read by the standard library, and what is deeper than `MAX_DEPTH` is refused.
"""

import json
import math
import re
from typing import Any

import orjson

# Levels of objects and arrays in one text.
MAX_DEPTH = 100
# Python converts integers of more digits in quadratic time, and refuses to.
MAX_DIGITS = 4300

_DIGIT = ord("0")
_DIGITS_ONLY = bytes(_DIGIT if chr(byte).isdecimal() else 0 for byte in range(256))
# A signed 64-bit integer has at most 19 digits.
_MANY_DIGITS = b"0" * 19
# So many in a row hold two bytes of this slice: most texts need no look at all of them.
_EVERY_NINTH = slice(8, None, 9)
# Counting the brackets of a longer text costs more than a look at its values.
_LONG = 16 * 1024
_CONTAINERS = frozenset({dict, list})
# A longer list of numbers or texts is passed over at once.
_FEW = 16
# An escape: a whole pair of surrogates, half of one, or any other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class DepthError(ValueError):
    """The text has more than `MAX_DEPTH` levels."""

    def __init__(self) -> None:
        super().__init__(f"nested deeper than {MAX_DEPTH} levels")


def loads(text: bytes | str) -> Any:
    """The value of a JSON text. Raise ValueError for text that is not JSON, DepthError where it is too deep.

    Integers have any size (up to `MAX_DIGITS` digits); half a surrogate pair becomes U+FFFD.
    """
    return read_text(text.encode() if isinstance(text, str) else text)[0]


def read_text(raw: bytes) -> tuple[Any, bytes]:
    """As `loads`, and the text itself without halves of surrogate pairs."""
    try:
        may_be_long = b"00" in raw[_EVERY_NINTH].translate(_DIGITS_ONLY)
        value = _load_exactly(raw) if may_be_long and has_many_digits(raw) else orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("depth limit"):
            raise DepthError from None
        whole = without_half_pairs(raw)
        if whole is raw:
            raise
        return read_text(whole)
    if len(raw) > 2 * MAX_DEPTH and (len(raw) > _LONG or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH):
        check_depth(value)
    return value, raw


def has_many_digits(raw: bytes) -> bool:
    """Whether the text may hold an integer beyond 64 bits."""
    return _MANY_DIGITS in raw.translate(_DIGITS_ONLY)


def loads_rounded(raw: bytes) -> Any:
    """As `loads`, for writers of 64-bit integers: a longer one is the nearest float, or its digits as text beyond floats."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _ROUNDED.decode(without_half_pairs(raw).decode())


def _round_integer(digits: str) -> int | float | str:
    number = float(digits)
    if math.isinf(number):
        return digits
    return int(digits) if abs(number) < 2**63 else number


def dumps(value: Any) -> bytes:
    """The JSON text of a value that holds integers of any size. Raise DepthError where it is too deep to be written."""
    try:
        return orjson.dumps(value)
    except TypeError:
        check_depth(value)
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        # A lone surrogate becomes its escape, which is Python's spelling and JSON's alike.
        return text.encode("utf-8", "backslashreplace")


def check_depth(value: Any) -> None:
    """Raise DepthError for a value of more than `MAX_DEPTH` levels."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if len(outer) < _FEW or type(outer) is dict or not _CONTAINERS.isdisjoint(map(type, outer))
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise DepthError


def without_half_pairs(raw: bytes) -> bytes:
    """JSON text with U+FFFD for each half of a surrogate pair: the same bytes object where there is none."""
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return raw
    whole = _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], raw)
    return raw if whole == raw else whole


def _load_exactly(raw: bytes) -> Any:
    """As orjson reads it, but for integers, which keep their digits."""
    try:
        return _EXACT.decode(without_half_pairs(raw).decode())
    except RecursionError:
        raise DepthError from None
    except UnicodeDecodeError:
        raise ValueError("str is not valid UTF-8") from None


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer has more than {MAX_DIGITS} digits")
    return int(digits)


def _read_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("number is infinity when parsed as double")
    return number


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


_EXACT = json.JSONDecoder(parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant)
_ROUNDED = json.JSONDecoder(parse_int=_round_integer)
