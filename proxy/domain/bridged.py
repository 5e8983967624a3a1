"""A client's body of another dialect in OpenAI's form, bridged only when it is needed."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from proxy.domain.json_text.document import Document
from proxy.domain.wire import Content

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NO_NAMES: frozenset[str] = frozenset()


class Pivot(Document):
    """What a bridge makes of a client's body, where not everything of it has a place in OpenAI's form.

    `left_out` names the client's members without a place; `optional` the members that a provider may go without.
    """

    __slots__ = ("left_out", "optional")

    def __init__(
        self, fields: Mapping[str, Any], left_out: tuple[str, ...] = (), optional: frozenset[str] = _NO_NAMES
    ) -> None:
        super().__init__(None, fields)
        self.left_out = left_out
        self.optional = optional


class BridgedDocument(Document):
    """The pivot of a request in another dialect.

    `bridge` builds it of `native` at the first look and may raise BadRequestError: a call that a deployment answers in the
    client's own dialect never pays for it, and is never refused for what the pivot can't hold.
    """

    __slots__ = ("_bridge", "_native", "_pivot")

    def __init__(self, bridge: Callable[[Document], Document], native: Document) -> None:
        self._bridge = bridge
        self._native = native
        self._pivot: Document | None = None

    def over(self, native: Document) -> "BridgedDocument":
        """The same bridge over another body in the client's dialect."""
        return BridgedDocument(self._bridge, native)

    @property
    def is_built(self) -> bool:
        return self._pivot is not None

    @property
    def left_out(self) -> tuple[str, ...]:
        """See Pivot."""
        pivot = self.pivot()
        return pivot.left_out if isinstance(pivot, Pivot) else ()

    @property
    def optional(self) -> frozenset[str]:
        """See Pivot."""
        pivot = self.pivot()
        return pivot.optional if isinstance(pivot, Pivot) else _NO_NAMES

    @property
    def fields(self) -> Mapping[str, Any]:  # type: ignore[override]
        return self.pivot().fields

    def pivot(self) -> Document:
        if self._pivot is None:
            self._pivot = self._bridge(self._native)
        return self._pivot

    def edit(self, changes: Mapping[str, Any] = _NOTHING, drop: Collection[str] = ()) -> Document:
        return self.pivot().edit(changes, drop)

    def repeated(self) -> str | None:
        return None

    def to_bytes(self) -> bytes:
        return self.pivot().to_bytes()

    def to_content(self) -> Content:
        return self.pivot().to_content()
