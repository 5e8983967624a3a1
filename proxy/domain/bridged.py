"""A client's body of another dialect in OpenAI's form, bridged only when it is needed."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from proxy.domain.json_text.document import Document
from proxy.domain.wire import Content

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class BridgedDocument(Document):
    """The pivot of a request in another dialect.

    `bridge` builds it at the first look and may raise BadRequestError: a call that a deployment answers in the client's
    own dialect never pays for it, and is never refused for what the pivot can't say.
    """

    __slots__ = ("_bridge", "_pivot")

    def __init__(self, bridge: Callable[[], Document]) -> None:
        self._bridge = bridge
        self._pivot: Document | None = None

    @property
    def is_built(self) -> bool:
        return self._pivot is not None

    @property
    def fields(self) -> Mapping[str, Any]:  # type: ignore[override]
        return self.pivot().fields

    def pivot(self) -> Document:
        if self._pivot is None:
            self._pivot = self._bridge()
        return self._pivot

    def edit(self, changes: Mapping[str, Any] = _NOTHING, drop: Collection[str] = ()) -> Document:
        return self.pivot().edit(changes, drop)

    def repeated(self) -> str | None:
        return None

    def to_bytes(self) -> bytes:
        return self.pivot().to_bytes()

    def to_content(self) -> Content:
        return self.pivot().to_content()
