"""Answers that the gateway keeps for the Responses API, where their provider keeps none: bounded, by owner."""

import threading
from collections import OrderedDict
from typing import NamedTuple, Protocol

from proxy.domain.conversation import KeptAnswer, ResponseName
from proxy.domain.json_text.codec import dumps, loads

# Of all answers together, in bytes of JSON.
MOST_BYTES = 64 * 2**20
MOST_ANSWERS = 10_000

Key = tuple[str, str]


class KeptAnswers(Protocol):
    """Where answers are kept. What is not found was never kept, is deleted, or had to make room."""

    def keep(self, name: ResponseName, answer: KeptAnswer) -> None: ...

    def find(self, name: ResponseName) -> KeptAnswer | None: ...

    def find_item(self, owner: str, identifier: str) -> object:
        """An output item of an answer of the owner's; None where there is none."""

    def delete(self, name: ResponseName) -> bool:
        """Whether there was one."""


class _Entry(NamedTuple):
    text: bytes
    item_ids: tuple[str, ...]


class AnswersInMemory:
    """Keeps answers in this process: the ones that were used last, within the bounds. Safe for threads."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_answers: int = MOST_ANSWERS) -> None:
        self._most_bytes, self._most_answers = most_bytes, most_answers
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        # The key of the answer that has an item, by owner and item.
        self._items: dict[Key, Key] = {}
        self._bytes = 0

    def keep(self, name: ResponseName, answer: KeptAnswer) -> None:
        text = dumps([answer.items, answer.response])
        if len(text) > self._most_bytes:
            return
        output = answer.response.get("output")
        found = [item.get("id") for item in output if isinstance(item, dict)] if isinstance(output, list) else []
        entry = _Entry(text, tuple(identifier for identifier in found if isinstance(identifier, str)))
        key = (name.owner, name.key)
        with self._lock:
            self._remove(key)
            self._entries[key] = entry
            self._bytes += len(text)
            self._items.update({(name.owner, identifier): key for identifier in entry.item_ids})
            while self._bytes > self._most_bytes or len(self._entries) > self._most_answers:
                self._remove(next(iter(self._entries)))

    def find(self, name: ResponseName) -> KeptAnswer | None:
        with self._lock:
            entry = self._entries.get((name.owner, name.key))
            if entry is None:
                return None
            self._entries.move_to_end((name.owner, name.key))
        return KeptAnswer(*loads(entry.text))

    def find_item(self, owner: str, identifier: str) -> object:
        with self._lock:
            key = self._items.get((owner, identifier))
        kept = None if key is None else self.find(ResponseName(key[1], key[0], ""))
        output = kept.response["output"] if kept is not None else ()
        return next((item for item in output if item.get("id") == identifier), None)

    def delete(self, name: ResponseName) -> bool:
        with self._lock:
            return self._remove((name.owner, name.key))

    def _remove(self, key: Key) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._bytes -= len(entry.text)
        for identifier in entry.item_ids:
            self._items.pop((key[0], identifier), None)
        return True
