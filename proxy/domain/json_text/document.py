"""A JSON object kept as the bytes it came in: read parsed, changed by top-level member.

Where the client's dialect is the provider's, what need not change is forwarded byte for byte
(numbers, key order, spacing, unknown members); only the changed members are spliced.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from proxy.domain.json_text.long_array import parse_parted
from proxy.domain.json_text.members import Member, locate, members, pieces, splice
from proxy.domain.json_text.unique_names import replace_values, stand_alone
from proxy.domain.wire import Content, Pieces

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# A longer text is leaped over sooner than looked through for each name.
_SHORT = 2048
# A shorter text is sooner parsed twice.
_PARTED = 16 * 1024
# A shorter text is sooner copied than sent in pieces.
_LONG = 128 * 1024


class Document:
    """An immutable JSON object. `fields` is its parsed form with all changes applied; never change it."""

    __slots__ = ("_changed", "_dropped", "_members", "_names", "_raw", "fields")

    def __init__(
        self,
        raw: bytes | None,
        fields: Mapping[str, Any],
        _changed: Mapping[str, Any] = _NOTHING,
        _dropped: frozenset[str] = frozenset(),
        _members: "tuple[Member, ...] | None" = None,
        _names: Mapping[str, Any] | None = None,
    ) -> None:
        self._raw = raw
        self.fields = fields
        # What the text has, whatever has changed since.
        self._names = fields if _names is None else _names
        self._changed = _changed
        self._dropped = _dropped
        self._members = _members

    @classmethod
    def parse(cls, raw: bytes) -> "Document":
        """Raise ValueError unless `raw` is one JSON object."""
        parted = parse_parted(raw) if len(raw) >= _PARTED else None
        if parted is not None:
            return cls(raw, parted.fields, _members=parted.members)
        fields = orjson.loads(raw)
        if not isinstance(fields, dict):
            raise ValueError("not a JSON object")
        return cls(raw, fields)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Document":
        return cls(None, fields)

    def edit(self, changes: Mapping[str, Any] = _NOTHING, drop: Collection[str] = ()) -> "Document":
        """A new document with top-level members replaced or added, and others left out."""
        gone = [name for name in drop if name in self.fields] if drop else ()
        if not gone and _all_there(changes, self.fields):
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
        return Document(self._raw, fields, changed, dropped, self._members, self._names)

    def repeated(self) -> str | None:
        """A name that two top-level members have; only one of them is in `fields`."""
        if self._raw is None or (len(self._raw) <= _SHORT and stand_alone(self._raw, self._names)):
            return None
        # Whoever changes the document next will need them, too.
        self._members = self._locate(self._raw)
        if len(self._members) == len(self._names):
            return None
        names = [member.name for member in self._members]
        return next(name for name in names if names.count(name) > 1)

    def to_bytes(self) -> bytes:
        """The JSON text: the original bytes where nothing changed."""
        if self._raw is None:
            return orjson.dumps(self.fields)
        if not self._changed and not self._dropped:
            return self._raw
        # Where the members are known already, nothing has to be searched for.
        if self._members is None and not self._dropped:
            replaced = replace_values(self._raw, self._changed, self._names)
            if replaced is not None:
                return replaced
        return splice(self._raw, self._changed, self._dropped, self._locate(self._raw))

    def to_content(self) -> Content:
        """The same, for sending it: of a long text nothing is copied that did not change."""
        if self._raw is None or len(self._raw) < _LONG or not (self._changed or self._dropped):
            return self.to_bytes()
        return Pieces(pieces(self._raw, self._changed, self._dropped, self._locate(self._raw)))

    def _locate(self, raw: bytes) -> tuple[Member, ...]:
        return self._members or locate(raw, self._names) or tuple(members(raw))


def _all_there(changes: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether the fields already say what the changes would make them say. Only texts are compared: 1 and true are equal."""
    for name, value in changes.items():  # noqa: SIM110  a generator takes longer than what it would compare
        if not isinstance(value, str) or fields.get(name) != value:
            return False
    return True
