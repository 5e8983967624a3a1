"""A JSON object kept as the bytes it came in: read parsed, changed by top-level member.

Where the client's dialect is the provider's, what need not change is forwarded byte for byte
(numbers, key order, spacing, unknown members); only the changed members are spliced.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# Objects and arrays of at most three levels are a token as a whole: they are passed over at the speed of the regular
# expression. Nothing in it can match in two ways (the repeats are possessive), so a text is looked at a few times at most.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN = r'[^{}\[\]"]*+'
_FLAT = rf"[{{\[]{_PLAIN}(?:{_STRING}{_PLAIN})*+[}}\]]"
_LOW = rf"[{{\[]{_PLAIN}(?:(?:{_STRING}|{_FLAT}){_PLAIN})*+[}}\]]"
_SHALLOW = rf"[{{\[]{_PLAIN}(?:(?:{_STRING}|{_LOW}){_PLAIN})*+[}}\]]"
_TOKEN = re.compile(rf"{_STRING}|{_SHALLOW}|[{{}}\[\],]".encode(), re.DOTALL)
_OPEN = (b"{", b"[")
_CLOSE = (b"}", b"]")
_WHITE = b" \t\r\n"
# Up to this size it is quicker to count each name than to take the text apart.
_SHORT = 4096


class Document:
    """An immutable JSON object. `fields` is its parsed form with all changes applied; never change it."""

    __slots__ = ("_changed", "_dropped", "_members", "_raw", "fields")

    def __init__(
        self,
        raw: bytes | None,
        fields: Mapping[str, Any],
        _changed: Mapping[str, Any] = _NOTHING,
        _dropped: frozenset[str] = frozenset(),
        _members: "tuple[Member, ...] | None" = None,
    ) -> None:
        self._raw = raw
        self.fields = fields
        self._changed = _changed
        self._dropped = _dropped
        self._members = _members

    @classmethod
    def parse(cls, raw: bytes) -> "Document":
        """Raise ValueError unless `raw` is one JSON object."""
        fields = orjson.loads(raw)
        if not isinstance(fields, dict):
            raise ValueError("not a JSON object")
        return cls(raw, fields)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Document":
        return cls(None, fields)

    def edit(self, changes: Mapping[str, Any] = _NOTHING, drop: Collection[str] = ()) -> "Document":
        """A new document with top-level members replaced or added, and others left out."""
        gone = [name for name in drop if name in self.fields]
        if not gone and _all_there(changes, self.fields):
            return self
        fields = {**self.fields, **changes}
        for name in gone:
            fields.pop(name, None)
        if self._raw is None:
            return Document(None, fields)
        changed = {name: value for name, value in {**self._changed, **changes}.items() if name in fields}
        return Document(self._raw, fields, changed, (self._dropped | set(gone)) - set(changed), self._members)

    def repeated(self) -> str | None:
        """A name that two top-level members have; only one of them is in `fields`."""
        if self._raw is None or _plainly_distinct(self._raw, self.fields):
            return None
        # Whoever changes the document next will need them, too.
        self._members = tuple(members(self._raw))
        names = [member.name for member in self._members]
        return None if len(names) == len(self.fields) else next(name for name in names if names.count(name) > 1)

    def to_bytes(self) -> bytes:
        """The JSON text: the original bytes where nothing changed."""
        if self._raw is None:
            return orjson.dumps(self.fields)
        if not self._changed and not self._dropped:
            return self._raw
        return splice(self._raw, self._changed, self._dropped, self._members)


def _all_there(changes: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether the fields already say what the changes would make them say. Only texts are compared: 1 and true are equal."""
    return all(isinstance(value, str) and fields.get(name) == value for name, value in changes.items())


def _plainly_distinct(raw: bytes, names: Collection[str]) -> bool:
    """Whether a look at a short text tells that no name is in it twice, however deep. False says nothing."""
    if len(raw) > _SHORT or b"\\u" in raw or b"\\/" in raw:
        return False
    return all(name.isascii() and raw.count(b'"%b"' % name.encode()) == 1 for name in names)


class Member(NamedTuple):
    """Where a top-level member stands: from `start` of its name, its value from `value_start` to `end`."""

    name: str
    start: int
    value_start: int
    end: int


def members(raw: bytes) -> Iterator[Member]:
    """Each top-level member, in order.

    `raw` must be valid JSON for an object: parse it first.
    """
    depth = 1
    name: bytes | None = None
    start = value_start = end = 0
    for token in _TOKEN.finditer(raw, raw.index(b"{") + 1):
        text = token.group()
        if text in _OPEN:
            depth += 1
        elif text in _CLOSE:
            depth -= 1
            if depth == 0 and name is not None:
                end = token.start()
                yield Member(orjson.loads(name), start, value_start, _strip_back(raw, end))
                return
        elif depth != 1:
            continue
        elif text == b",":
            if name is not None:
                yield Member(orjson.loads(name), start, value_start, _strip_back(raw, token.start()))
            name = None
        elif name is None:
            name, start = text, token.start()
            value_start = _value_start(raw, token.end())


def splice(
    raw: bytes, changes: Mapping[str, Any], drop: Collection[str] = (), found: Iterable[Member] | None = None
) -> bytes:
    """`raw` with the top-level members in `changes` replaced (or added at the end) and those in `drop` cut."""
    pieces: list[bytes] = []
    missing = dict(changes)
    untouched_from: int | None = None
    last_end = 0

    def flush() -> None:
        nonlocal untouched_from
        if untouched_from is not None:
            pieces.append(raw[untouched_from:last_end])
            untouched_from = None

    for name, start, value_start, end in members(raw) if found is None else found:
        if name in changes:
            flush()
            if name in missing:
                pieces.append(raw[start:value_start] + orjson.dumps(missing.pop(name)))
        elif name in drop:
            flush()
        else:
            if untouched_from is None:
                untouched_from = start
            last_end = end
    flush()
    pieces.extend(orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in missing.items())
    return b"{" + b",".join(pieces) + b"}"


def _value_start(raw: bytes, position: int) -> int:
    position = raw.index(b":", position) + 1
    while raw[position : position + 1] in (b" ", b"\t", b"\r", b"\n"):
        position += 1
    return position


def _strip_back(raw: bytes, end: int) -> int:
    while raw[end - 1] in _WHITE:
        end -= 1
    return end
