"""Bodies whose one long array is parsed apart from what stands around it."""

import random

import orjson
import pytest

from proxy.domain.json_text.document import Document
from proxy.domain.json_text.long_array import parse_parted
from proxy.domain.json_text.members import members
from tests.domain.test_document import any_object, any_value

MESSAGES = [{"role": "user", "content": f'say "[{number}]", {{}} or ],"model":"x"'} for number in range(800)]
LONG = orjson.dumps(MESSAGES)


def surround(before: bytes, after: bytes) -> bytes:
    return b'{%b"messages":%b%b}' % (before, LONG, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b'"model":"a",', b""),
        (b"", b',"model":"a","temperature":1.10'),
        (b'"model" : "a" ,\n ', b' , "n":1 , "tools":[{"function":{"name":"f","required":["a"]}}],"x":{"y":[1]}\n'),
        (b'"text":"no end ]} here",', b',"text2":"[ and ]"'),
        (b'"x":"\\u0065\\"",', b',"b":null'),
    ],
)
def test_an_array_and_what_is_around_it_make_the_whole(before: bytes, after: bytes) -> None:
    raw = surround(before, after)
    parted = parse_parted(raw)
    assert parted is not None
    assert parted.fields == orjson.loads(raw)
    assert list(parted.fields) == list(orjson.loads(raw))
    assert parted.members == tuple(members(raw))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_parted_is_what_parsing_the_whole_gives(seed: int) -> None:
    dice, found = random.Random(seed), 0
    for _ in range(60):
        _, front = any_object(dice)
        _, back = any_object(dice)
        raw = b"%b%b%b" % (
            front[: front.rindex(b"}")] + (b"," if b":" in front else b""),
            b'"long":' + orjson.dumps([any_value(dice) for _ in range(dice.randrange(4))]),
            (b"," if b":" in back else b"") + back[back.index(b"{") + 1 :],
        )
        if dice.random() < 0.2:
            # No JSON any more, perhaps.
            cut = dice.randrange(len(raw))
            raw = raw[:cut] + raw[cut + 1 :]
        parted = parse_parted(raw)
        if parted is not None:
            found += 1
            assert parted.fields == orjson.loads(raw)
            assert parted.members == tuple(members(raw))
            assert len(parted.members) == len(parted.fields)
    assert found


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[1]",
        b"[" * 50_000,
        b'{"a":"[1]","b":2}',
        b'{"a":"[","b":["x"],"c":"]"}',
        b'{"a":"["x"]","b":1}',
        b'{"a":{"b":[1]}}',
        b'{"a":{"b":[1],"c":[2]},"d":[3]}',
        b'{"a":[1],"a":[2]}',
        b'{"a":1,"b":[1],"a":2}',
        b'{"a":[1}',
        b'{"a":[1]],"b":2}',
        b'{"a":[1,]}',
        b'{"a":[1]}x',
        b'{"a":[1] "b":2}',
        b'["a",{"b":[1]}]',
        b'{"a":[1],"b":[2]}',
        b'{"long":"%b","a":[1]}' % (b"x" * 5000),
        b'{"a":[1],"tail":"%b"}' % (b"x" * 5000),
        b'{"mod\\u0065l":"a","b":[1]}',
        b'{"a":[%b]}' % b",".join([b'{"b":[1]}'] * 3)[:-1],
    ],
)
def test_the_rest_is_parsed_as_a_whole(raw: bytes) -> None:
    parted = parse_parted(raw)
    assert parted is None or (parted.fields, parted.members) == (orjson.loads(raw), tuple(members(raw)))


def test_a_long_document_can_be_changed_like_a_short_one() -> None:
    document = Document.parse(surround(b'"model":"a",', b',"n":1'))
    assert document.repeated() is None
    changed = document.edit({"model": "b", "new": [1]}, ["n"])
    assert changed.fields == {"model": "b", "messages": MESSAGES, "new": [1]}
    assert changed.to_bytes() == b'{"model":"b","messages":%b,"new":[1]}' % LONG
    assert changed.to_content() == changed.to_bytes()


def test_a_name_that_stands_twice_in_a_long_document_is_told() -> None:
    assert Document.parse(surround(b'"model":"a",', b',"model":"b"')).repeated() == "model"
    assert Document.parse(surround(b'"messages":[],', b"")).repeated() == "messages"
