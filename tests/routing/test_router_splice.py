"""The seam: random texts, broken anywhere, continued in each way that a model may choose; no character twice or lost."""

import random

import pytest

from proxy.gateway.splice import LEAST_OVERLAP, Splice, anchor_of

WORDS = "the river ran quietly past our old house while seven grey geese crossed a field of rye under clouds".split()
MARKS = (" ", " ", " ", " ", ", ", ". ", "\n\n", " — ", "\n- ", " ünïcödé ", " 🦢 ")


def random_text(dice: random.Random) -> str:
    return "".join(dice.choice(WORDS) + dice.choice(MARKS) for _ in range(dice.randrange(20, 80))) + "end."


def in_pieces(text: str, dice: random.Random) -> list[str]:
    pieces = []
    while text:
        size = dice.randrange(1, 12)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def spliced(before: str, continuation: str, dice: random.Random, anchor: str = "") -> str:
    splice = Splice(before, anchor)
    return before + "".join(splice.feed(piece) for piece in in_pieces(continuation, dice)) + splice.finish()


def goes_on(whole: str, said: str, dice: random.Random) -> str:
    return whole[len(said.rstrip()) :]


def goes_on_behind_the_white_space(whole: str, said: str, dice: random.Random) -> str:
    """Where it stops within white space nobody can know that it did: then the white space comes whole again."""
    return whole[len(said.rstrip()) if whole[len(said)].isspace() else len(said) :]


def begins_again(whole: str, said: str, dice: random.Random) -> str:
    return whole


def repeats_the_end(whole: str, said: str, dice: random.Random) -> str:
    stripped = said.rstrip()
    return whole[len(stripped) - dice.randrange(LEAST_OVERLAP, max(LEAST_OVERLAP + 1, len(stripped))) :]


@pytest.mark.parametrize("way", [goes_on, goes_on_behind_the_white_space, begins_again, repeats_the_end])
@pytest.mark.parametrize("seed", range(250))
def test_text_is_whole_when_it_broke_anywhere(way: object, seed: int) -> None:
    dice = random.Random(seed)
    whole = random_text(dice)
    said = whole[: dice.randrange(LEAST_OVERLAP + 8, len(whole) - 1)]
    assert spliced(said, way(whole, said, dice), dice) == whole  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(250))
def test_text_is_whole_when_the_continuation_begins_with_its_anchor(seed: int) -> None:
    dice = random.Random(seed)
    whole = random_text(dice)
    said = whole[: dice.randrange(1, len(whole) - 1)]
    anchor = anchor_of(said)
    continuation = dice.choice(["", " ", "\n"]) + anchor + whole[len(said.rstrip()) :]
    assert spliced(said, continuation, dice, anchor) == whole


@pytest.mark.parametrize("whole", ["ha " * 60, "| 0 | 0 |\n" * 20, "abcabc" * 20, "=" * 100])
@pytest.mark.parametrize("at", [30, 31, 59])
@pytest.mark.parametrize("anchored", [False, True])
def test_text_is_whole_when_it_repeats_itself(whole: str, at: int, anchored: bool) -> None:
    said = whole[:at]
    anchor = anchor_of(said) if anchored else ""
    continuation = anchor + whole[len(said.rstrip()) :]
    assert spliced(said, continuation, random.Random(at), anchor) == whole


def test_nothing_is_held_when_the_text_goes_on_at_once() -> None:
    splice = Splice("The quick brown fox jumps over")
    assert splice.feed(" the") == " the"


def test_held_text_is_given_when_the_continuation_ends() -> None:
    splice = Splice("a story that is about a fox and a story that")
    assert splice.feed("a story that is about") + splice.finish() == "a story that is about"
