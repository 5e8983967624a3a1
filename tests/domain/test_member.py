"""Top-level members, in bodies of the forms that clients send; a long array is parsed apart from the text around it."""

import random
import time

import orjson
import pytest

from proxy.domain.json_text.document import Document, locate
from tests.domain.test_document import any_object, any_value

WORDS = "word " * 4000
LONG = f'[{{"role":"user","content":"{WORDS}"}},{{"say":"[1]],{{}} ],\\"model\\":\\"x\\""}}]'
TOOLS = '[{"type":"function","function":{"parameters":{"properties":{"model":{},"user":{}}},"name":"messages"}}]'

FORMS = [
    "{}",
    f'{{"model":"a","messages":{LONG},"temperature":0.7}}',
    f'{{"messages":{LONG},"model":"a","stream":true,"tools":{TOOLS},"user":"b"}}',
    f' {{ "tools" : {TOOLS} , "messages" : {LONG}\n, "model" : "a" }} ',
    f'{{"model":"a","input":"{WORDS}"}}',
    f'{{"metadata":{{"model":"b"}},"messages":{LONG},"model":"a"}}',
    '{"model":"a","n":1,"stop":null,"inner":{"model":[1]}}',
    f'{{"text":"no end ]}} here","messages":{LONG},"text2":"[ and ]","x":[[1],{{"y":[2]}}],"mo\\u0064el":"a"}}',
    f'{{"messages":{LONG},"id":123456789012345678901234567890,"ratio":1.10}}',
    f'{{"inner":{{"messages":{LONG}}},"model":"a"}}',
]


@pytest.mark.parametrize("form", FORMS)
def test_only_the_model_changes_whatever_the_form(form: str) -> None:
    raw = form.encode()
    document = Document.parse(raw)
    assert document.fields == orjson.loads(raw) or "123456789" in form
    assert list(document.fields) == list(orjson.loads(raw))
    for checked in (False, True):
        if checked:
            assert document.repeated() is None
        edited = document.edit({"model": "other"})
        for text in (edited.to_bytes(), bytes(edited.to_content())):
            assert orjson.loads(text) == {**orjson.loads(raw), "model": "other"}
            for untouched in (LONG, TOOLS, "123456789012345678901234567890", "1.10", '"metadata":{"model":"b"}'):
                assert untouched not in form or untouched.encode() in text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("twice", ["model", "messages", "new"])
def test_a_repeated_name_is_found_whatever_the_form(form: str, twice: str) -> None:
    end = form.rindex("}")
    comma = "," if form.strip() != "{}" else ""
    raw = f'{form[:end]}{comma}"{twice}":1,"\\u00{ord(twice[0]):02x}{twice[1:]}":2{form[end:]}'

    assert Document.parse(raw.encode()).repeated() == twice


@pytest.mark.parametrize("seed", range(10))
def test_a_long_array_apart_gives_what_parsing_the_whole_gives(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(40):
        _, front = any_object(rng)
        _, back = any_object(rng)
        items = [*(any_value(rng) for _ in range(rng.randrange(4))), WORDS]
        raw = b"%b%b%b" % (
            front[: front.rindex(b"}")] + (b"," if b":" in front else b""),
            b'"long":' + orjson.dumps(items),
            (b"," if b":" in back else b"") + back[back.index(b"{") + 1 :],
        )
        if rng.random() < 0.2:
            cut = rng.randrange(len(raw))
            raw = raw[:cut] + raw[cut + 1 :]
        try:
            expected = orjson.loads(raw)
        except ValueError:
            with pytest.raises(ValueError):
                Document.parse(raw)
            continue
        document = Document.parse(raw)
        assert document.fields == expected
        names = [name for name, *_ in locate(raw)]
        assert (document.repeated() is None) == (len(names) == len(set(names)))
        changes = {name: 1 for name in names if rng.random() < 0.3}
        drop = [name for name in names if rng.random() < 0.3]
        edited = {name: value for name, value in {**expected, **changes}.items() if name not in drop}
        if document.repeated() is None:
            assert orjson.loads(document.edit(changes, drop).to_bytes()) == edited


def test_depth_is_bounded_when_a_long_array_is_parsed_apart() -> None:
    for levels, accepted in ((99, True), (100, False)):
        raw = f'{{"messages":[{"[" * (levels - 1)}{"]" * (levels - 1)},"{WORDS}"],"model":"a"}}'.encode()
        if accepted:
            assert Document.parse(raw).fields["model"] == "a"
        else:
            with pytest.raises(ValueError, match="nested deeper than 100 levels"):
                Document.parse(raw)


@pytest.mark.parametrize("repeat", ["", '"model":1,'], ids=["unique", "repeated"])
def test_a_look_for_repeated_names_is_linear(repeat: str) -> None:
    """A list that is searched for each name took minutes at this size."""
    members = ",".join(f'"n{number}":{number}' for number in range(60_000))
    document = Document.parse(f'{{{repeat}{members},"model":2}}'.encode())

    started = time.process_time()
    assert document.repeated() == ("model" if repeat else None)
    assert time.process_time() - started < 1


def test_half_a_surrogate_pair_reaches_the_provider_as_the_replacement_character() -> None:
    document = Document.parse(b'{"model":"a","text":"x\\ud83d","pair":"\\ud83d\\ude00"}')

    assert document.fields["text"] == "x\ufffd"
    assert document.edit({"model": "b"}).to_bytes() == b'{"model":"b","text":"x\\ufffd","pair":"\\ud83d\\ude00"}'
