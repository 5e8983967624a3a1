"""JSON text to values and back: digits of integers, surrogates, depth."""

import gc
import json
import random
import time

import orjson
import pytest

from proxy.domain.json_text.codec import (
    MAX_DEPTH,
    MAX_DIGITS,
    DepthError,
    dumps,
    loads,
    loads_rounded,
    without_half_pairs,
)

BIG = (2**64, -(2**63) - 1, 10**20 + 1, -(10**40) - 7, int("1234567890" * 400))


def nested(levels: int, inner: str = "", opening: str = "[", closing: str = "]") -> str:
    return opening * levels + inner + closing * levels


@pytest.mark.parametrize("number", BIG, ids=lambda number: f"{len(str(number))} digits")
def test_integer_keeps_its_digits_when_it_is_read_and_written(number: int) -> None:
    text = f'{{"a":[{number},"é"],"b":1.5}}'.encode()

    assert loads(text) == {"a": [number, "é"], "b": 1.5}
    assert dumps(loads(text)) == text


def test_integer_is_refused_with_words_when_python_cannot_convert_it() -> None:
    with pytest.raises(ValueError, match=f"an integer has more than {MAX_DIGITS} digits"):
        loads("9" * (MAX_DIGITS + 1))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2,"n":12345678901234567890123}',
        '[0.12345678901234567890123,1e5,-0.0,"12345678901234567890123"]',
        '"\\ud83d\\ude00 and 12345678901234567890123"',
        '[true,null,"\\u0041\\n",{"é":"12345678901234567890123"}]',
    ],
)
def test_value_is_the_one_of_the_standard_library_when_a_text_has_many_digits(text: str) -> None:
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["[NaN,%s]", "[1e999,%s]", "[Infinity,%s]", "[%s", '["\x01",%s]', "[%s] x", "[01,%s]"])
def test_what_is_not_json_is_refused_when_a_text_has_many_digits(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text % "12345678901234567890123")
    with pytest.raises(ValueError):
        loads(text % "1")


def test_bytes_that_are_not_utf_8_are_refused_when_a_text_has_many_digits() -> None:
    with pytest.raises(ValueError):
        loads(b'[12345678901234567890123,"\xff"]')
    with pytest.raises(ValueError):
        loads(b'[12345678901234567890123,"\xed\xa0\xbd"]')


@pytest.mark.parametrize("more", ["", ",12345678901234567890123"])
def test_half_a_surrogate_pair_becomes_the_replacement_character(more: str) -> None:
    text = '["\\ud83d","x\\uDE00y","\\ud83d\\ude00","\\\\ud83d","\\ude00\\ud83d\\u0041"' + more + "]"

    value = loads(text)[:5]

    assert value == ["\ufffd", "x\ufffdy", "\U0001f600", "\\ud83d", "\ufffd\ufffdA"]
    assert dumps(value).decode()


def test_half_pairs_are_found_as_python_finds_them_when_escapes_are_mixed_at_random() -> None:
    rng = random.Random(4)
    pieces = ["\\ud83d", "\\ude00", "\\\\", "\\n", "\\u0041", "ud83d", "x", "é", "\\uD800", "\\uDFFF", "\\/"]
    for _ in range(3000):
        text = '"' + "".join(rng.choice(pieces) for _ in range(rng.randrange(8))) + '"'
        read = json.loads(text).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        expected = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in read)
        assert loads(text) == expected, text


def test_text_without_halves_is_the_same_object() -> None:
    raw = b'"\\ud83d\\ude00"'

    assert without_half_pairs(raw) is raw


def test_lone_surrogate_is_written_as_its_escape() -> None:
    assert json.loads(dumps(["\ud83d", "é"])) == ["\ud83d", "é"]


@pytest.mark.parametrize("inner", ["", "1", "1" * 25])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_at_one_limit(opening: str, closing: str, inner: str) -> None:
    inner = inner or ("null" if opening != "[" else "")

    assert loads(nested(MAX_DEPTH, inner, opening, closing)) is not None
    for levels in (MAX_DEPTH + 1, 300, 1024, 5000, 200_000):
        with pytest.raises(DepthError, match="nested deeper than 100 levels"):
            loads(nested(levels, inner, opening, closing))


def test_brackets_in_texts_are_no_depth() -> None:
    value = {"a": "[{" * 5000, "b": [["x"]] * 2000}

    assert loads(orjson.dumps(value)) == value


def test_depth_is_an_error_when_a_value_too_deep_is_written() -> None:
    value: object = 1
    for _ in range(2000):
        value = [value]

    with pytest.raises(DepthError):
        dumps(value)


@pytest.mark.parametrize(
    "text", ["\\ud83d", "9" * 25 + ",", "[],", '{"a":[{}]},'], ids="halves digits arrays objects".split()
)
def test_cost_grows_with_the_length(text: str) -> None:
    def seconds(size: int) -> float:
        many = text * (size // len(text))
        raw = (f'["{many}"]' if text.startswith("\\") else f"[{many}1]").encode()
        # A collection goes through everything that the other tests have made.
        gc.disable()
        try:
            started = time.thread_time()
            loads(raw)
            return time.thread_time() - started
        finally:
            gc.enable()

    # Eight times the length: about 8 where the cost grows with it, 64 where it grows with its square.
    assert min(seconds(800_000) for _ in range(5)) < 32 * min(seconds(100_000) for _ in range(5))


def test_integers_are_rounded_for_logs_when_they_are_longer_than_64_bits() -> None:
    value = loads_rounded(b'[1,%d,1.5,"\\ud83d",%s]' % (10**20 + 1, b"9" * 400))

    assert value == [1, 1e20, 1.5, "\ufffd", "9" * 400]
    assert orjson.dumps(value)
