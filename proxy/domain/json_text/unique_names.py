"""Names that stand once in a JSON object's text: such a member is found by a search, and nothing is taken apart.

A name can be spelled in one way only, but for the escapes that nothing makes necessary. So where the text has none of these,
and the name in its quotes is there once, that is the member: no value, no inner member, no second one.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

_WHITE = b" \t\r\n"
_SPACE = rb"[ \t\r\n]*+"
# A value that is a text without escapes, a number or a word, and what ends it.
_VALUE = re.compile(_SPACE + rb":" + _SPACE + rb'("[^"\\]*+"|[-+.\w]++)' + _SPACE + rb"([,}])" + _SPACE)


def stand_alone(raw: bytes, names: Iterable[str]) -> bool:
    """Whether each of these names of top-level members is written once in all of `raw`, which must be valid JSON.

    When it is false, this may only be hard to see.
    """
    if b"\\u" in raw or b"\\/" in raw:
        return False
    for name in names:  # noqa: SIM110  a generator takes longer than what it would call
        if raw.count(orjson.dumps(name)) != 1:
            return False
    return True


def replace_values(raw: bytes, changes: Mapping[str, Any], names: Mapping[str, Any]) -> bytes | None:
    """`raw` with the members in `changes` replaced, or added at the end; None where that is hard to do.

    `raw` must be valid JSON for an object, and `names` hold the names of its top-level members. As where it is spliced
    (member.py), the space around what is replaced is left out.
    """
    if b"\\u" in raw or b"\\/" in raw or not names:
        return None
    for name, value in changes.items():
        if name in names:
            # Counted each time: what has been put in may hold the name, too.
            quoted = orjson.dumps(name)
            at = raw.find(quoted)
            found = _VALUE.match(raw, at + len(quoted)) if raw.count(quoted) == 1 else None
            if found is None:
                return None
            front, named, rest = raw[:at].rstrip(_WHITE), raw[at : found.start(1)], raw[found.end() :]
            raw = b"%b%b%b%b%b" % (front, named, orjson.dumps(value), found[2], rest)
        else:
            raw = b"%b,%b:%b}" % (raw[: raw.rindex(b"}")], orjson.dumps(name), orjson.dumps(value))
    return raw
