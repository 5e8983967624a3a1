"""A JSON object as the text that came: read as values, changed by top-level member, every other byte kept.

Where the client's form is the provider's, numbers, key order, spacing and unknown members reach the provider as they were
sent: `locate` finds the top-level members, and `splice` replaces those that change.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from json.scanner import make_scanner
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from proxy.domain.json_text.codec import check_depth, dumps, has_many_digits, loads, read_text
from proxy.domain.wire import Content, Pieces

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# A longer text is sent in pieces: nothing that stays is copied.
_LONG = 128 * 1024
# A longer text is nearly always one long array (`messages`, `input`) with a little text around it. Parsing the two apart
# costs half as much as parsing the whole and locating its members (bench/NOTES.md, "Long bodies").
_SPLIT = 16 * 1024
_AROUND = 4096
_PLACE = b"null"
# An array's end that may be a top-level member's: another member follows, or the object's end.
_ARRAY_END = re.compile(rb'\](?=[ \t\r\n]*+(?:,[ \t\r\n]*+"[^"\\]*+"[ \t\r\n]*+:|\}))')
# Arrays in the members behind the long one end like it.
_MOST_ENDS = 32

_WHITE = b" \t\r\n"
_SPACE = r"[ \t\r\n]*+"
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# A member's name, and its value with the separator behind it unless the value is an array or an object.
_MEMBER = re.compile(rf"{_SPACE}({_STRING}){_SPACE}:{_SPACE}(?:({_STRING}|[-+.\w]++){_SPACE}[,}}])?", re.DOTALL)
_SEPARATOR = re.compile(rf"{_SPACE}[,}}]")
# Finds the end of a value. Numbers become `bool`s: their values are not needed.
_scan_value = make_scanner(json.JSONDecoder(parse_int=bool, parse_float=bool))  # type: ignore[arg-type]
# The same, and objects become tuples of their members, repeated ones included.
_scan_members = make_scanner(json.JSONDecoder(parse_int=bool, parse_float=bool, object_pairs_hook=tuple))  # type: ignore[arg-type]


# A top-level member: its name, where that begins, and from where to where its value is.
Member = tuple[str, int, int, int]


class NotAnObjectError(ValueError):
    """The text is JSON, but not an object."""


class Document:
    """An immutable JSON object. `fields` is its parsed form with all changes applied; never change it."""

    __slots__ = ("_changed", "_dropped", "_is_unique", "_members", "_raw", "fields")

    def __init__(
        self,
        raw: bytes | None,
        fields: Mapping[str, Any],
        _changed: Mapping[str, Any] = _NOTHING,
        _dropped: frozenset[str] = frozenset(),
        _members: tuple[Member, ...] | None = None,
        _is_unique: bool = False,
    ) -> None:
        self._raw = raw
        self.fields = fields
        self._changed = _changed
        self._dropped = _dropped
        # All top-level members of the text, where they are known already.
        self._members = _members
        # No name is known to be repeated.
        self._is_unique = _is_unique

    @classmethod
    def parse(cls, raw: bytes) -> "Document":
        """Raise NotAnObjectError, DepthError or another ValueError unless `raw` is one JSON object."""
        if len(raw) >= _SPLIT and not has_many_digits(raw):
            split = _split_array(raw)
            if split is not None:
                return cls(raw, split.fields, _members=split.members)
        fields, raw = read_text(raw)
        if not isinstance(fields, dict):
            raise NotAnObjectError("not a JSON object")
        return cls(raw, fields)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Document":
        return cls(None, fields)

    @property
    def size(self) -> int:
        """The length in bytes of the text that came; 0 for a document that was made here."""
        return len(self._raw) if self._raw is not None else 0

    def edit(self, changes: Mapping[str, Any] = _NOTHING, drop: Collection[str] = ()) -> "Document":
        """A new document with top-level members replaced or added, and others left out."""
        gone = [name for name in drop if name in self.fields] if drop else ()
        if not gone and _are_equal_texts(changes, self.fields):
            return self
        fields, dropped = {**self.fields, **changes}, self._dropped
        changed = {**self._changed, **changes} if self._changed else dict(changes)
        for name in gone:
            fields.pop(name, None)
            changed.pop(name, None)
        if self._raw is None:
            return Document(None, fields)
        if gone or dropped:
            dropped = dropped.union(gone).difference(changed)
        return Document(self._raw, fields, changed, dropped, self._members, self._is_unique)

    def repeated(self) -> str | None:
        """A name that two top-level members have; only the last of them is in `fields`. For unchanged documents."""
        raw, members = self._raw, self._members
        if raw is None:
            return None
        if members is None:
            text = raw.decode("latin-1")
            members = _scan_members(text, text.index("{"))[0]
        if len(members) != len(self.fields):
            return _first_repeated(raw)
        self._is_unique = True
        return None

    def to_bytes(self) -> bytes:
        """The JSON text: the original bytes where nothing changed."""
        if self._raw is None:
            return dumps(self.fields)
        if not self._changed and not self._dropped:
            return self._raw
        members = self._members or locate(self._raw)
        return b"".join(_pieces(self._raw, self._changed, self._dropped, members, self._is_unique))

    def to_content(self) -> Content:
        """The same, for sending it: of a long text nothing is copied that did not change."""
        raw = self._raw
        if raw is None or not (self._changed or self._dropped):
            return self.to_bytes()
        pieces = _pieces(raw, self._changed, self._dropped, self._members or locate(raw), self._is_unique)
        return b"".join(pieces) if len(raw) < _LONG else Pieces(pieces)


def _are_equal_texts(changes: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether the fields already have these values. Only texts are compared: 1 and true are equal."""
    for name, value in changes.items():  # noqa: SIM110  a generator takes longer than what it would compare
        if not isinstance(value, str) or fields.get(name) != value:
            return False
    return True


def locate(raw: bytes) -> Iterator[Member]:
    """The top-level members in their order, repeated ones included. `raw` must be valid JSON for an object."""
    # One character a byte: positions in the one are positions in the other, and JSON's own characters are ASCII.
    text = raw.decode("latin-1")
    at = text.index("{") + 1
    while (head := _MEMBER.match(text, at)) is not None:
        (_, at), (start, name_end), (value_start, end) = head.regs
        if value_start < 0:
            value_start = at
            _, end = _scan_value(text, at)
            at = _separator_end(text, end)
        name = text[start + 1 : name_end - 1]
        yield name if name.isascii() and "\\" not in name else loads(raw[start:name_end]), start, value_start, end


def _first_repeated(raw: bytes) -> str | None:
    seen: set[str] = set()
    for name, *_ in locate(raw):
        if name in seen:
            return name
        seen.add(name)
    return None


def splice(raw: bytes, changes: Mapping[str, Any]) -> bytes:
    """`raw`, valid JSON for an object, with the top-level members in `changes` replaced or added at the end."""
    return b"".join(_pieces(raw, changes, (), locate(raw)))


class _Split(NamedTuple):
    """An object's parsed form, and the places of its members."""

    fields: dict[str, Any]
    members: tuple[Member, ...]


def _split_array(raw: bytes) -> _Split | None:
    """Parse the first array apart from the text around it; None where the text has another form, or is not JSON.

    Correct by construction: `null` in the array's place makes a JSON object, that `null` is a top-level member's value,
    and what was in its place is a JSON array.
    """
    start = raw.find(b"[", 0, _AROUND)
    for end in _array_ends(raw, max(start, len(raw) - _AROUND)) if start >= 0 else ():
        around = b"%b%b%b" % (raw[:start], _PLACE, raw[end:])
        try:
            fields = orjson.loads(around)
            members = tuple(locate(around)) if isinstance(fields, dict) else ()
            name = next((name for name, _, value_start, _ in members if value_start == start), None)
            if name is None:
                return None
            fields[name] = orjson.loads(memoryview(raw)[start:end])
        except ValueError:
            continue
        check_depth(fields)
        return _Split(fields, tuple(_shift(members, start, end - start - len(_PLACE))))
    return None


def _array_ends(raw: bytes, first: int) -> Iterator[int]:
    for found, _ in zip(_ARRAY_END.finditer(raw, first), range(_MOST_ENDS), strict=False):
        yield found.end()


def _shift(members: Iterable[Member], place: int, distance: int) -> Iterator[Member]:
    """The members' places where the value at `place` is longer by `distance`."""
    for name, start, value_start, end in members:
        if start < place:
            yield name, start, value_start, end + distance if value_start == place else end
        else:
            yield name, start + distance, value_start + distance, end + distance


def _separator_end(text: str, at: int) -> int:
    found = _SEPARATOR.match(text, at)
    return found.end() if found else len(text)


def _pieces(
    raw: bytes, changes: Mapping[str, Any], drop: Collection[str], members: Iterable[Member], is_unique: bool = False
) -> list[bytes | memoryview]:
    """The text with changed members replaced and dropped ones cut; the space around those is left out.

    Where no name is repeated, a short text is looked at as far as the last of these members.
    """
    built: list[bytes | memoryview] = []
    view, missing = memoryview(raw), dict(changes)
    left = len(changes) + len(drop) if is_unique and len(raw) < _SPLIT else 0
    kept_from: int | None = None
    kept_to = 0
    for name, start, value_start, end in members:
        if name not in changes and name not in drop:
            kept_from, kept_to = start if kept_from is None else kept_from, end
            continue
        if kept_from is not None:
            built += (b",", view[kept_from:kept_to])
            kept_from = None
        if name in missing:
            value = missing.pop(name)
            text = orjson.dumps(value) if type(value) is str else dumps(value)
            built += (b",", view[start:value_start], text)
        left -= 1
        if left == 0:
            rest = raw[end : raw.rindex(b"}")].strip(_WHITE)
            built += (b",", rest[1:].lstrip(_WHITE)) if rest else ()
            break
    if kept_from is not None:
        built += (b",", view[kept_from:kept_to])
    if missing:
        built += (b",", dumps(missing)[1:-1])
    built[:1] = (b"{",)
    built.append(b"}")
    return built
