"""The seam between a broken answer and its continuation: what the second repeats of the first is taken out, once.

Two ways lead to a continuation. A model that takes the broken answer as the beginning of its own goes on where it ends,
as a rule; one that can't is instructed to begin with the answer's last characters, the anchor, so that the seam can be found.
What is repeated without having been asked for is recognised when it is long enough, and only where it can't be the
natural course of a text that repeats itself.
"""

# Shorter repetitions happen in any text.
LEAST_OVERLAP = 16
LEAST_WHOLE = 8
ANCHOR = 60


def anchor_of(text: str) -> str:
    """The end of the answer that a continuation must begin with: some words, never cut within one."""
    stripped = text.rstrip()
    tail = stripped[-ANCHOR:]
    space = tail.find(" ")
    return tail[space + 1 :] if len(stripped) > ANCHOR and 0 <= space < ANCHOR // 2 else tail


class Splice:
    """Fed with a continuation's text piece by piece; gives what belongs behind `before`. `anchor` is what was asked for.

    Text is held only as long as it could still turn out to be a repetition.
    """

    def __init__(self, before: str, anchor: str = "") -> None:
        self._stripped = before.rstrip()
        self._white = before[len(self._stripped) :]
        self._anchor = anchor
        self._held = ""
        self._found = False

    def feed(self, text: str) -> str:
        if self._found:
            return self._pass(text) if self._white else text
        self._held += text
        return self._settle(last=False)

    def finish(self) -> str:
        """What was still held when the continuation ended."""
        return "" if self._found else self._settle(last=True)

    def _settle(self, *, last: bool) -> str:
        text = self._held.lstrip() if self._anchor else self._held
        if not text.strip() and not last:
            return ""
        if self._anchor and text.startswith(self._anchor):
            return self._pass(text[len(self._anchor) :])
        if not last and self._undecided(text):
            return ""
        repeated = self._overlap(text)
        return self._pass(text[repeated:] if repeated else self._held)

    def _pass(self, text: str) -> str:
        """`text` follows the stripped answer: white space that was sent already is not sent again."""
        self._found = True
        while text and self._white and text[0] == self._white[0]:
            text, self._white = text[1:], self._white[1:]
        if text:
            self._white = ""
        return text

    def _undecided(self, text: str) -> bool:
        """True while `text` may be the beginning of a repetition that is not complete yet."""
        if self._anchor and self._anchor.startswith(text):
            return True
        position = self._stripped.find(text)
        # A repetition reaches to the end of the answer, and is long.
        return position >= 0 and len(self._stripped) - position >= self._least(position)

    def _overlap(self, text: str) -> int:
        """How many characters at the beginning of `text` are the end of the answer again."""
        for start in range(max(0, len(self._stripped) - len(text)), len(self._stripped)):
            length = len(self._stripped) - start
            if length < self._least(start):
                return 0
            if text.startswith(self._stripped[start:]) and not _repeats_itself(self._stripped[start:]):
                return length
        return 0

    def _least(self, start: int) -> int:
        return LEAST_WHOLE if start == 0 else LEAST_OVERLAP


def _repeats_itself(text: str) -> bool:
    """Whether it is made of one piece repeated twice or more: more of the same would be its natural course."""
    period = (text + text).find(text, 1)
    if period < len(text):
        return True
    return any(text[size:] == text[:-size] for size in range(1, len(text) // 2 + 1))
