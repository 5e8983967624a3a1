"""Keeping credentials out of all that is written: values that hide in a repr, and one registry that masks them."""

import re
import threading
from collections import OrderedDict

MASK = "sk-...masked"
# Shorter values are words of the language: masking them would garble every text and hide nothing.
SHORTEST_MASKED = 8
_PASSING_LIMIT = 512
# Up to so many values it is faster to look for each of them in the text.
_FEW = 256
_USERINFO = re.compile(r"^([^/]*//)?[^/]*@")


class Secret(str):
    """A credential: a plain `str` to whoever sends it, a mask to whoever prints the value that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'" if self else "''"


class SecretRegistry:
    """The credentials that are known in this process, and the one function that masks them. Safe for threads.

    The operator's stay for good. A client's own are kept only as the newest `passing_limit`, so that many
    clients cannot make it grow.
    """

    def __init__(self, passing_limit: int = _PASSING_LIMIT) -> None:
        self._lock = threading.Lock()
        self._lasting: set[str] = set()
        self._passing: OrderedDict[str, None] = OrderedDict()
        self._passing_limit = passing_limit
        # The values by their last characters: many keys begin alike. Read without the lock, and so never iterated.
        self._by_end: dict[str, tuple[str, ...]] = {}
        self._few: tuple[str, ...] | None = ()

    def add(self, value: object, *, passing: bool = False) -> None:
        """Know one more value. `passing` marks a client's own; what is not text, or too short, is not a secret."""
        if not isinstance(value, str) or len(value) < SHORTEST_MASKED:
            return
        plain = str.__str__(value)
        with self._lock:
            if plain in self._lasting:
                return
            if plain not in self._passing:
                self._index(plain)
            if passing:
                self._remember(plain)
            else:
                self._passing.pop(plain, None)
                self._lasting.add(plain)
            few = len(self._lasting) + len(self._passing) <= _FEW
            self._few = (*self._lasting, *self._passing) if few else None

    def mask(self, text: str) -> str:
        """`text` with every known value replaced; the longest first, since one may be the start of another."""
        for value in sorted(self._found_in(text), key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    def _found_in(self, text: str) -> list[str]:
        few = self._few
        if few is not None:
            return [value for value in few if value in text]
        # This costs by the length of the text, not by the number of values: their ends are looked up in it.
        by_end = self._by_end
        ends = {text[start : start + SHORTEST_MASKED] for start in range(len(text) - SHORTEST_MASKED + 1)}
        return [value for end in ends if end in by_end for value in by_end.get(end, ()) if value in text]

    def _remember(self, value: str) -> None:
        self._passing[value] = None
        self._passing.move_to_end(value)
        if len(self._passing) > self._passing_limit:
            self._unindex(self._passing.popitem(last=False)[0])

    def _index(self, value: str) -> None:
        end = value[-SHORTEST_MASKED:]
        self._by_end[end] = (*self._by_end.get(end, ()), value)

    def _unindex(self, value: str) -> None:
        end = value[-SHORTEST_MASKED:]
        others = tuple(other for other in self._by_end[end] if other != value)
        if others:
            self._by_end[end] = others
        else:
            del self._by_end[end]


def clean_url(url: str) -> str:
    """A URL that may be shown: without query, fragment and userinfo, the three places where credentials travel."""
    return _USERINFO.sub(r"\1", re.split(r"[?#]", url, maxsplit=1)[0])
