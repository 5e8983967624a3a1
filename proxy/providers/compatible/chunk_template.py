"""Chunks that differ from one that was understood in nothing but their text: nearly all of a stream.

They need not be parsed: bytes that are equal except inside some strings mean the same except for these strings.
"""

import re

# Members whose value is text to show, or padding; nothing depends on its content.
_NAMES = rb"content|reasoning_content|arguments|text|thinking|partial_json|obfuscation"
_TEXTS = re.compile(rb'(?<=[{,\s])"(?:%b)"\s*:\s*"((?:[^"\\]|\\.)+)"' % _NAMES, re.DOTALL)
# The inside of a JSON string that every parser takes: no control characters, no surrogates.
_INSIDE = re.compile(
    rb'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})))+'
)


class ChunkTemplate:
    """How the chunks that are like `sample`, a valid one, look around their texts. Empty strings stay empty."""

    __slots__ = ("_start", "_steps")

    def __init__(self, sample: bytes) -> None:
        edges = [0]
        for found in _TEXTS.finditer(sample):
            edges += found.span(1)
        fixed = [sample[start:end] for start, end in zip(edges[::2], [*edges[1::2], len(sample)], strict=True)]
        self._start, *self._steps = fixed

    def covers(self, data: bytes) -> bool:
        """Whether `data` is like the sample, and valid."""
        if not data.startswith(self._start):
            return False
        position = len(self._start)
        for step in self._steps:
            text = _INSIDE.match(data, position)
            if text is None or not data.startswith(step, text.end()):
                return False
            position = text.end() + len(step)
        return position == len(data) and (data.isascii() or _is_utf8(data))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
