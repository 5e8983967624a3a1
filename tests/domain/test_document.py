"""A JSON object that is changed by member, and is otherwise the bytes that came."""

import json
import random
from typing import Any

import orjson
import pytest

from proxy.domain.json_text.document import Document
from proxy.domain.json_text.document import locate as members

TEXTS = ("", "a", '"', "\\", '\\"', "{", "]},[{", "é", "\u2028", "\x00", '"a":1,', "\\\\\\")


def any_value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 5 or kind < 0.4:
        return dice.choice([1, -2.5e3, True, None, *TEXTS])
    if kind < 0.7:
        return [any_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(TEXTS) + str(number): any_value(dice, depth + 1) for number in range(dice.randrange(4))}


def any_object(dice: random.Random) -> tuple[dict[str, Any], bytes]:
    """An object, and one of its spellings."""
    value = {dice.choice(TEXTS) + str(number): any_value(dice) for number in range(dice.randrange(6))}
    spaces = dice.choice([(",", ":"), (" , ", " : "), (",\n\t", ":\r\n ")])
    text = json.dumps(value, ensure_ascii=dice.random() < 0.5, separators=spaces, indent=dice.choice([None, 2]))
    return value, f" {text}\n".encode()


@pytest.mark.parametrize("seed", range(20))
def test_members_are_found_whatever_stands_in_them(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        value, raw = any_object(dice)
        found = {name: orjson.loads(raw[value_start:end]) for name, _, value_start, end in members(raw)}
        assert found == value
        assert all(orjson.loads(b"{" + raw[start:end] + b"}") for _, start, _, end in members(raw))


@pytest.mark.parametrize("seed", range(20))
def test_only_what_is_changed_changes_whatever_the_object_is(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        value, raw = any_object(dice)
        changes = {name: any_value(dice) for name in [*value, "new"] if dice.random() < 0.3}
        drop = [name for name in value if dice.random() < 0.3]
        expected = {name: item for name, item in {**value, **changes}.items() if name not in drop}
        document = Document.parse(raw)
        assert orjson.loads(document.edit(changes, drop).to_bytes()) == expected
        assert document.repeated() is None
        assert orjson.loads(document.edit(changes, drop).to_bytes()) == expected, "the same once members are known"


def test_bytes_stay_as_they_are_when_other_members_change() -> None:
    raw = b'{"a": 1.10, "b" : [1e5,{"c":{"d":[[]]}}],\n"c":{},"d":"x"}'
    assert Document.parse(raw).edit({"c": 1}, ["d"]).to_bytes() == b'{"a": 1.10, "b" : [1e5,{"c":{"d":[[]]}}],"c":1}'


@pytest.mark.parametrize("filler", ["", "x" * 5000])
def test_name_is_told_when_it_stands_twice(filler: str) -> None:
    raw = orjson.dumps({"filler": filler})[:-1] + b',"a":1,"b":{"a":2},"\\u0061":3}'
    assert Document.parse(raw).repeated() == "a"


@pytest.mark.parametrize(
    "value",
    [
        '"' + '\\"' * 200_000 + '"',
        "[" * 99 + "]" * 99,
        '[{"x":1},' * 500 + "1" + "]" * 500,
        "[" + '{"x":"y"},' * 50_000 + "[[[1]]]]",
        ('{"l":[' + "1," * 300 + '1],"n":') * 500 + "1" + "}" * 500,
        '{"a":"' * 1 + "b" * 500_000 + '"}',
    ],
)
def test_each_part_is_looked_at_a_few_times_at_most_when_a_body_is_made_to_take_long(value: str) -> None:
    """It would not come to its end in a lifetime if what does not match were tried again in other ways."""
    raw = f'{{"a":{value},"b":1}}'.encode()
    assert [name for name, *_ in members(raw)] == ["a", "b"]
