"""Keeping credentials out of all that is written: values that hide in a repr, and one registry that masks them."""

import re
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from typing import TypeGuard

MASK = "sk-...masked"
# Shorter values are words of the language: masking them would garble every text and hide nothing.
SHORTEST_MASKED = 8
_PASSING_LIMIT = 512
# Headers whose values can't be credentials.
PLAIN_HEADERS = frozenset({"accept", "content-type", "anthropic-version", "anthropic-beta", "accept-encoding"})
# Up to so many values it is faster to look for each of them in the text.
_FEW = 256
_USERINFO = re.compile(r"^([^/]*//)?[^/]*@")
_SHORTEST_TOKEN = 12
_PREFIXED = re.compile(r"(?:sk|pk|key|token|secret|pat|gsk|hf|ghp|xox[a-z]|AIza)[-_]", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_LETTER = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"[0-9]")


class Secret(str):
    """A credential: a plain `str` for the code that sends it, masked wherever the value that holds it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{MASK}'" if self else "''"


class MaskLease:
    """Keeps a client's credentials masked for as long as a call, or an object that outlives calls, refers to it.

    Its end takes no lock, for it comes wherever the last reference goes; the registry takes note at its next change.
    """

    __slots__ = ("_released", "_values")

    def __init__(self, values: tuple[str, ...], released: "deque[tuple[str, ...]]") -> None:
        self._values = values
        self._released = released

    def __del__(self) -> None:
        self._released.append(self._values)


class SecretRegistry:
    """The credentials that are known in this process, and the one function that masks them. Safe for threads.

    The operator's stay for good. A client's own are masked while a lease on them exists, and of those without a lease
    the newest `passing_limit`, for logs and records that are written later; so clients cannot make it grow.
    """

    def __init__(self, passing_limit: int = _PASSING_LIMIT) -> None:
        self._lock = threading.Lock()
        self._lasting: set[str] = set()
        self._held: Counter[str] = Counter()
        self._passing: OrderedDict[str, None] = OrderedDict()
        self._released: deque[tuple[str, ...]] = deque()
        self._passing_limit = passing_limit
        # The values by their last characters: many keys begin alike. Read without the lock, and so never iterated.
        self._by_end: dict[str, tuple[str, ...]] = {}
        self._few: tuple[str, ...] | None = ()
        self._configured: frozenset[str] = frozenset()

    def exchange(self, newer: "SecretRegistry") -> None:
        """The configuration was reloaded, and `newer` has its values; the first time it is this registry itself.

        A value that only the earlier configuration had stays masked among those that are held no more: calls that use
        it may still run, and are still recorded.
        """
        configured = frozenset(newer._lasting)
        gone, self._configured = self._configured - configured, configured
        for value in configured:
            self.add(value)
        with self._lock:
            for value in gone & self._lasting:
                self._lasting.discard(value)
                self._remember(value)
            self._count()

    def add(self, value: object) -> None:
        """Mask one more value for good. What is not text, or too short, is not a secret."""
        if not _is_secret(value):
            return
        plain = str.__str__(value)
        with self._lock:
            if plain not in self._lasting:
                if plain not in self._held and plain not in self._passing:
                    self._index(plain)
                self._passing.pop(plain, None)
                self._held.pop(plain, None)
                self._lasting.add(plain)
                self._count()

    def lease(self, values: Iterable[object]) -> MaskLease:
        """Mask a client's own values until the returned lease is gone."""
        wanted = tuple(str.__str__(value) for value in values if _is_secret(value))
        with self._lock:
            self._let_go()
            for value in wanted:
                if value in self._lasting:
                    continue
                if value not in self._held and value not in self._passing:
                    self._index(value)
                self._passing.pop(value, None)
                self._held[value] += 1
            self._count()
        return MaskLease(wanted, self._released)

    def mask(self, text: str) -> str:
        """`text` with every known value replaced; the longest first, since one may be the start of another."""
        found = self._found_in(text)
        if found:
            for value in sorted(found, key=len, reverse=True):
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

    def _let_go(self) -> None:
        """Take note of the holds that have ended since the last change."""
        while self._released:
            for value in self._released.popleft():
                if value not in self._held:
                    continue
                self._held[value] -= 1
                if not self._held[value]:
                    del self._held[value]
                    self._remember(value)

    def _count(self) -> None:
        few = len(self._lasting) + len(self._held) + len(self._passing) <= _FEW
        self._few = (*self._lasting, *self._held, *self._passing) if few else None

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


def _is_secret(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) >= SHORTEST_MASKED


def clean_url(url: str) -> str:
    """A URL that may be shown: without query, fragment, userinfo and tokens in its path, where credentials travel."""
    bare = url.partition("#")[0].partition("?")[0]
    bare = _USERINFO.sub(r"\1", bare) if "@" in bare else bare
    if len(bare) < _SHORTEST_TOKEN:
        return bare
    start = bare.find("://")
    head, slash, path = bare[start + 3 :].partition("/") if start >= 0 else (bare, "", "")
    if not slash:
        return bare
    shown = ("..." if looks_like_token(segment) else segment for segment in path.split("/"))
    return f"{bare[: start + 3]}{head}/{'/'.join(shown)}"


def looks_like_token(segment: str) -> bool:
    """Whether a step of a URL's path is a credential by its form: a key's prefix, a UUID, or 20 mixed letters and digits."""
    if len(segment) < _SHORTEST_TOKEN:
        return False
    if _PREFIXED.match(segment) or _UUID.search(segment):
        return True
    return any(_LETTER.search(run) and _DIGIT.search(run) for run in _RUN.findall(segment))
