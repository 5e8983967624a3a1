"""Members that are found without a look at everything."""

import random

import orjson
import pytest

from proxy.domain.json_text.members import locate, members
from tests.domain.test_document import any_object

LONG = '[{"role":"user","content":"' + "word " * 1000 + '"}]'
TOOLS = '[{"type":"function","function":{"parameters":{"properties":{"model":{},"user":{}}},"name":"messages"}}]'


@pytest.mark.parametrize("seed", range(20))
def test_what_is_located_is_what_a_look_at_everything_finds(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        value, raw = any_object(dice)
        assert locate(raw, value) in (None, tuple(members(raw)))


@pytest.mark.parametrize(
    "raw",
    [
        "{}",
        f'{{"model":"a","messages":{LONG},"temperature":0.7}}',
        f'{{"messages":{LONG},"model":"a","stream":true,"tools":{TOOLS},"user":"b"}}',
        f' {{ "tools" : {TOOLS} , "messages" : {LONG}\n, "model" : "a" }} ',
        f'{{"model":"a","input":"{"b" * 9000}"}}',
        f'{{"metadata":{{"model":"b"}},"messages":{LONG},"model":"a"}}',
        '{"model":"a","n":1,"stop":null,"inner":{"model":[1]}}',
    ],
)
def test_members_are_located_in_what_clients_send(raw: str) -> None:
    text = raw.encode()
    assert locate(text, orjson.loads(text)) == tuple(members(text))


@pytest.mark.parametrize(
    "raw",
    [
        '{"n":1,"n":2}',
        f'{{"messages":{LONG},"messages":{LONG}}}',
        f'{{"model":"a","messages":{LONG},"model":"b"}}',
        f'{{"messages":{LONG},"n":1,"n":2}}',
        f'{{"n":1,"messages":{LONG},"\\u006e":2}}',
        f'{{"messages":{LONG},"mess\\u0061ges":{LONG},"model":"a"}}',
        f'{{"messages":{LONG},"tools":{TOOLS},"too\\u006cs":[],"model":"a"}}',
    ],
)
def test_nothing_is_located_when_a_name_stands_twice(raw: str) -> None:
    assert locate(raw.encode(), orjson.loads(raw)) is None


def test_nothing_is_located_when_only_an_inner_member_has_the_name_as_it_is_spelled() -> None:
    raw = f'{{"messages":{LONG},"mod\\u0065l":"a","inner":{{"x":1,"model":"b"}}}}'
    assert locate(raw.encode(), orjson.loads(raw)) is None
