"""Look-ups side by side become one: while one question is at the database, all others are gathered for the next one."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from proxy.storage.errors import DatabaseDownError

T = TypeVar("T")


class BatchedLookup(Generic[T]):
    """`find` answers for several names at once. A flood of names costs as many questions as fit one after another."""

    def __init__(self, find: Callable[[Sequence[str]], Mapping[str, T]]) -> None:
        self._find = find
        self._guard = threading.Lock()
        self._asking = threading.Lock()
        self._gathered: _Batch[T] | None = None

    def find(self, name: str) -> T | None:
        """What there is of the name. Raise DatabaseDownError."""
        with self._guard:
            batch = self._gathered
            leads = batch is None
            if batch is None:
                batch = self._gathered = _Batch()
            batch.names[name] = None
        if leads:
            self._ask(batch)
        else:
            batch.done.wait()
        if batch.error is not None:
            raise DatabaseDownError(str(batch.error))
        return batch.found.get(name)

    def _ask(self, batch: "_Batch[T]") -> None:
        try:
            with self._asking:
                with self._guard:
                    self._gathered = None
                batch.found = self._find(list(batch.names))
                batch.error = None
        except DatabaseDownError as error:
            batch.error = error
        finally:
            with self._guard:
                if self._gathered is batch:
                    self._gathered = None
            batch.done.set()


class _Batch(Generic[T]):
    """`error` until there is an answer: one that is interrupted has found nothing out."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.found: Mapping[str, T] = {}
        self.error: DatabaseDownError | None = DatabaseDownError("the look-up was interrupted")
        self.done = threading.Event()
