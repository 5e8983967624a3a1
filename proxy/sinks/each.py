"""One record at a time: a record that can't be written in full is written without what clients and providers put into it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from proxy.domain.record import CallRecord

Written = TypeVar("Written")


def each(records: Iterable[CallRecord], build: Callable[[CallRecord], Written]) -> Iterator[Written]:
    """`build` of each record, or of its bare form where that fails; the others of a batch are not lost with it."""
    for record in records:
        try:
            built = build(record)
        except Exception:  # noqa: BLE001  whatever it is: the call may have cost money, and has its line
            built = build(record.bare())
        yield built
