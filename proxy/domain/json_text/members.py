"""Where the top-level members of a JSON object stand in its text, and the text with some of them changed.

Two ways lead there. `locate` knows the names in their order and leaps over what is long; `members` needs to
know nothing, and looks at everything.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

# Objects and arrays of at most three levels are a token as a whole: they are passed over at the speed of the regular
# expression. Nothing in it can match in two ways (the repeats are possessive), so a text is looked at a few times at most.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN = r'[^{}\[\]"]*+'
_FLAT = rf"[{{\[]{_PLAIN}(?:{_STRING}{_PLAIN})*+[}}\]]"
_LOW = rf"[{{\[]{_PLAIN}(?:(?:{_STRING}|{_FLAT}){_PLAIN})*+[}}\]]"
_SHALLOW = rf"[{{\[]{_PLAIN}(?:(?:{_STRING}|{_LOW}){_PLAIN})*+[}}\]]"
_TOKEN = re.compile(rf"{_STRING}|{_SHALLOW}|[{{}}\[\],]".encode(), re.DOTALL)
_OPEN = (b"{", b"[")
_CLOSE = (b"}", b"]")
_WHITE = b" \t\r\n"
_SPACE = r"[ \t\r\n]*+"
# A name, and the value with what ends it where that is a number, a word or a short text ...
_MEMBER = re.compile(
    rf'{_SPACE}("[^"\\]*+"){_SPACE}:{_SPACE}(?:("[^"\\]{{0,256}}+"|[-+.\w]++){_SPACE}([,}}]))?'.encode()
)
# ... or nearly anything, for bodies so short that looking at all of it takes no time.
_SHORT_MEMBER = re.compile(
    rf'{_SPACE}("[^"\\]*+"){_SPACE}:{_SPACE}(?:({_STRING}|[-+.\w]++|{_SHALLOW}){_SPACE}([,}}]))?'.encode(), re.DOTALL
)
_SHORT = 4096
_COMMA = ord(",")
_CLOSING = ord("}")


class Member(NamedTuple):
    """Where a top-level member stands: from `start` of its name, its value from `value_start` to `end`."""

    name: str
    start: int
    value_start: int
    end: int


def locate(raw: bytes, names: Collection[str]) -> tuple[Member, ...] | None:
    """The members, one for each of `names` and in their order; None where that can't be made out with little work.

    `raw` must be valid JSON for an object, and `names` what parsing it gave. Nothing is taken for a value that was not
    seen to be one, so there is no other member between those that are found.
    """
    front: list[Member] = []
    at, last = raw.index(b"{") + 1, len(names)
    match_member = (_SHORT_MEMBER if len(raw) <= _SHORT else _MEMBER).match
    for position, name in enumerate(names, 1):
        head = match_member(raw, at)
        if head is None:
            return None
        (_, at), (start, name_end), (value_start, end), (separator, _) = head.regs
        if raw[start + 1 : name_end - 1] != name.encode():
            return None
        if value_start < 0:
            back = _from_behind(raw, head, list(names)[position:])
            return None if back is None else (*front, Member(name, start, at, back.end), *back.members)
        if (raw[separator] == _CLOSING) != (position == last):
            return None
        front.append(Member(name, start, value_start, end))
    return tuple(front)


class _Back(NamedTuple):
    """The members behind a long value, and where that value ends."""

    members: Iterable[Member]
    end: int


def _from_behind(raw: bytes, long: re.Match[bytes], names: Sequence[str]) -> _Back | None:
    """What stands behind the member that `long` is the head of, found from the end of the text."""
    back: list[Member] = []
    end = _strip_back(raw, raw.rindex(b"}"))
    for name in reversed(names):
        start = raw.rfind(_quote(name), long.end(), end)
        found = _MEMBER.match(raw, start) if start > 0 else None
        if found is None or not _is_value(raw, found, end):
            return None
        back.append(Member(name, start, found.end() if found[2] is None else found.start(2), end))
        separator = _strip_back(raw, start) - 1
        if raw[separator] != _COMMA:
            return None
        end = _strip_back(raw, separator)
    return _Back(reversed(back), end) if _is_value(raw, long, end) else None


def _quote(name: str) -> bytes:
    """How a name is written that needs no escapes; others are not found."""
    return b'"%b"' % name.encode()


def _is_value(raw: bytes, head: re.Match[bytes], end: int) -> bool:
    """Whether all that stands between the name in `head` and `end` is one value."""
    if head[2] is not None:
        return head.end(2) == end
    try:
        orjson.loads(memoryview(raw)[head.end() : end])
    except ValueError:
        return False
    return True


def members(raw: bytes) -> Iterator[Member]:
    """Each top-level member, in order.

    `raw` must be valid JSON for an object: parse it first.
    """
    depth = 1
    name: bytes | None = None
    start = value_start = end = 0
    for token in _TOKEN.finditer(raw, raw.index(b"{") + 1):
        text = token.group()
        if text in _OPEN:
            depth += 1
        elif text in _CLOSE:
            depth -= 1
            if depth == 0 and name is not None:
                end = token.start()
                yield Member(orjson.loads(name), start, value_start, _strip_back(raw, end))
                return
        elif depth != 1:
            continue
        elif text == b",":
            if name is not None:
                yield Member(orjson.loads(name), start, value_start, _strip_back(raw, token.start()))
            name = None
        elif name is None:
            name, start = text, token.start()
            value_start = _value_start(raw, token.end())


def splice(
    raw: bytes, changes: Mapping[str, Any], drop: Collection[str] = (), found: Iterable[Member] | None = None
) -> bytes:
    """`raw` with the top-level members in `changes` replaced (or added at the end) and those in `drop` cut."""
    return b"".join(pieces(raw, changes, drop, members(raw) if found is None else found))


def pieces(
    raw: bytes, changes: Mapping[str, Any], drop: Collection[str], found: Iterable[Member]
) -> list[bytes | memoryview]:
    """What `splice` puts together; what stays is not copied."""
    built: list[bytes | memoryview] = []
    view, missing = memoryview(raw), dict(changes)
    kept_from: int | None = None
    kept_to = 0
    for name, start, value_start, end in found:
        if name not in changes and name not in drop:
            kept_from, kept_to = start if kept_from is None else kept_from, end
            continue
        if kept_from is not None:
            built += (b",", view[kept_from:kept_to])
            kept_from = None
        if name in missing:
            built += (b",", view[start:value_start], orjson.dumps(missing.pop(name)))
    if kept_from is not None:
        built += (b",", view[kept_from:kept_to])
    for name, value in missing.items():
        built += (b",", orjson.dumps(name), b":", orjson.dumps(value))
    return [b"{", *built[1:], b"}"]


def _value_start(raw: bytes, position: int) -> int:
    position = raw.index(b":", position) + 1
    while raw[position : position + 1] in (b" ", b"\t", b"\r", b"\n"):
        position += 1
    return position


def _strip_back(raw: bytes, end: int) -> int:
    while raw[end - 1] in _WHITE:
        start = max(0, end - 256)
        end = start + len(raw[start:end].rstrip(_WHITE))
    return end
