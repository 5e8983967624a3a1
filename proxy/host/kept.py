"""Parts of a process that outlive a reload of the configuration: each is built again only where its inputs have changed."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Part = TypeVar("Part")


class Kept:
    """One per process, handed from one application to the next. Safe for threads: a part may be built at its first use."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._parts: dict[str, tuple[object, Any]] = {}

    def part(self, name: str, inputs: object, build: Callable[[], Part]) -> Part:
        """The part of this name, from `build` at the first time and where `inputs` differ from the last time's."""
        with self._lock:
            found = self._parts.get(name)
            if found is None or found[0] != inputs:
                found = self._parts[name] = (inputs, build())
        part: Part = found[1]
        return part
