"""Removing a request's content from an error's message: providers quote prompts, in whole and in parts.

Both are compared by their letters and digits alone, so that escapes, line breaks and cut ends make no difference. A common
run of twice `_GRAM` characters is always found, and so is a shorter text that is whole in either.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

REMOVED = "[content]"
TOO_LONG = "[the provider's message is left out: the request is too long to be compared with it]"
LONGEST_MESSAGE = 4000
# Characters of content that are compared, some milliseconds; a message about longer content is left out.
LONGEST_CONTENT = 512 * 1024
_GRAM, _DENSE_GRAM = 8, 4
_SHORTEST = 3
_QUOTED_RUNS = 24
_BETWEEN = re.compile(r"[\W_]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrtbf])")
_QUOTED = re.compile(r"'([^']{1,64})'|\"([^\"]{1,64})\"|`([^`]{1,64})`|“([^”]{1,64})”")
# Members that say what a part is, not what is in it.
_STRUCTURE = frozenset(
    {"role", "type", "detail", "id", "tool_call_id", "format", "cache_control", "media_type", "strict"}
)


def without_quotes(message: str, content: Any) -> str:
    """`message`, at most LONGEST_MESSAGE of it, with REMOVED for what is also in `content`: JSON values of a request."""
    message = _ESCAPE.sub(_unescape, message[:LONGEST_MESSAGE])
    texts = [*_texts(content)]
    if sum(map(len, texts)) > LONGEST_CONTENT:
        return TOO_LONG
    letters, places = _letters(message)
    if not letters:
        return message
    squeezed = [_BETWEEN.sub("", text).lower() for text in texts]
    gram = _GRAM if letters.isascii() else _DENSE_GRAM
    covered = bytearray(len(letters))
    _cover_long(covered, letters, squeezed, gram)
    _cover_short(covered, letters, {text for text in squeezed if _SHORTEST <= len(text) < 2 * gram})
    removed = _Spans(message)
    removed.add_covered(covered, places)
    _add_quoted(removed, message, "\0".join(squeezed))
    return removed.apply()


def _texts(content: Any) -> Iterator[str]:
    """All texts of a value that are content."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting.extend(item for name, item in value.items() if name not in _STRUCTURE)
        elif isinstance(value, list):
            waiting.extend(value)


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else " "


def _letters(message: str) -> tuple[str, list[int]]:
    """The letters and digits in small form, and the place of each in the message."""
    pairs = [(small, place) for place, char in enumerate(message) if char.isalnum() for small in char.lower()]
    return "".join([small for small, _ in pairs]), [place for _, place in pairs]


def _cover_long(covered: bytearray, letters: str, squeezed: list[str], gram: int) -> None:
    """Mark runs of a text: each of its pieces of `gram` characters is looked up, and what is found is extended."""
    grams: dict[str, list[int]] = {}
    for start in range(len(letters) - gram + 1):
        grams.setdefault(letters[start : start + gram], []).append(start)
    for text in squeezed:
        for at in range(0, len(text) - gram + 1, gram):
            for start in grams.pop(text[at : at + gram], ()):
                if not covered[start] or not covered[start + gram - 1]:
                    _extend(covered, letters, start, text, at, gram)


def _extend(covered: bytearray, letters: str, start: int, text: str, at: int, gram: int) -> None:
    end, beyond = start + gram, at + gram
    while end < len(letters) and beyond < len(text) and letters[end] == text[beyond]:
        end, beyond = end + 1, beyond + 1
    while start > 0 and at > 0 and letters[start - 1] == text[at - 1]:
        start, at = start - 1, at - 1
    covered[start:end] = b"\1" * (end - start)


def _cover_short(covered: bytearray, letters: str, texts: set[str]) -> None:
    if not texts:
        return
    for length in {len(text) for text in texts}:
        for start in range(len(letters) - length + 1):
            if letters[start : start + length] in texts:
                covered[start : start + length] = b"\1" * length


def _add_quoted(removed: "_Spans", message: str, content: str) -> None:
    """What the message puts in quotation marks and the content has as well, however short."""
    for number, found in enumerate(_QUOTED.finditer(message)):
        if number == _QUOTED_RUNS:
            return
        quoted = _BETWEEN.sub("", found[found.lastindex or 0]).lower()
        if len(quoted) >= _SHORTEST and quoted in content:
            removed.add(*found.span(found.lastindex or 0))


class _Spans:
    """Parts of a message that are to be removed, whole words each."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._marked = bytearray(len(message))

    def add(self, start: int, end: int) -> None:
        message = self._message
        while start > 0 and message[start - 1].isalnum():
            start -= 1
        while end < len(message) and message[end].isalnum():
            end += 1
        self._marked[start:end] = b"\1" * (end - start)

    def add_covered(self, covered: bytearray, places: list[int]) -> None:
        for found in re.finditer(rb"\x01+", covered):
            self.add(places[found.start()], places[found.end() - 1] + 1)

    def apply(self) -> str:
        pieces, at = [], 0
        for found in re.finditer(rb"\x01+", self._marked):
            pieces += [self._message[at : found.start()], REMOVED]
            at = found.end()
        return "".join([*pieces, self._message[at:]])
