"""Members that are found by a search for their names."""

import random
from typing import Any

import orjson
import pytest

from proxy.domain.json_text.members import members, splice
from proxy.domain.json_text.unique_names import replace_values, stand_alone
from tests.domain.test_document import any_object, any_value


@pytest.mark.parametrize("seed", range(20))
def test_what_is_replaced_is_what_a_splice_replaces(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        value, raw = any_object(dice)
        changes = {name: any_value(dice) for name in [*value, "new"] if dice.random() < 0.3}
        replaced = replace_values(raw, changes, value)
        assert replaced is None or orjson.loads(replaced) == orjson.loads(splice(raw, changes))


@pytest.mark.parametrize("seed", range(20))
def test_names_that_stand_alone_are_those_of_as_many_members(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        value, raw = any_object(dice)
        twice = raw[: raw.rindex(b"}")] + (b"," if value else b"") + raw[raw.index(b"{") + 1 :]
        assert not stand_alone(raw, value) or len(list(members(raw))) == len(value)
        assert not value or not stand_alone(twice, value)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"a","mod\\u0065l":"b"}',
        b'{"mod\\u0065l":"a","inner":{"model":"b"}}',
        b'{"a\\/b":1,"model":"a"}',
        b'{"model":"a","inner":{"model":"b"}}',
        b'{"model":"a","role":"model"}',
        b'{"model":"a","text":"say \\"model"}',
    ],
)
def test_nothing_is_replaced_when_the_name_may_stand_twice(raw: bytes) -> None:
    fields = orjson.loads(raw)
    assert not stand_alone(raw, fields)
    assert replace_values(raw, {"model": "new"}, fields) is None


@pytest.mark.parametrize(
    ("raw", "changes", "replaced"),
    [
        (b'{ "model" : "a" , "n": 1.10 }', {"model": "b"}, b'{"model" : "b","n": 1.10 }'),
        (b'{"text":"a\\nb","model":"a"}', {"model": 'b"'}, b'{"text":"a\\nb","model":"b\\""}'),
        (b'{"n":1e5,"m":true}', {"n": 2, "m": None}, b'{"n":2,"m":null}'),
        (b'{"n":1}\n', {"new": [1]}, b'{"n":1,"new":[1]}'),
        (b'{"\\"1":1,"\\\\\\"1":2}', {'\\"1': 3}, b'{"\\"1":1,"\\\\\\"1":3}'),
        (b'{"a":"x","b":"y"}', {"a": "b", "b": "z"}, None),
        (b'{"a":"x","b":{}}', {"b": 1}, None),
        (b"{}", {"new": 1}, None),
    ],
)
def test_all_else_stays_as_it_is_when_a_value_is_replaced(
    raw: bytes, changes: dict[str, Any], replaced: bytes | None
) -> None:
    assert replace_values(raw, changes, orjson.loads(raw)) == replaced
