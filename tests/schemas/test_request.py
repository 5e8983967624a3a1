"""How request bodies are checked, whatever the endpoint."""

from typing import Any

import pytest
from marshmallow import ValidationError, fields

from schemas.chat import ChatSchema
from schemas.completions import CompletionsSchema
from schemas.embeddings import EmbeddingsSchema
from schemas.fields import Shape
from schemas.moderations import ModerationsSchema
from schemas.problems import first_problem
from schemas.request import RequestSchema, check

MESSAGES = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"model": "m"}, "Missing required parameter: 'messages'.", "messages"),
        ({"model": None, "messages": MESSAGES}, "Invalid value for 'model': must not be null.", "model"),
        (
            {"model": 1, "messages": MESSAGES},
            "Invalid value for 'model': expected a string, but got an integer instead.",
            "model",
        ),
        (
            {"model": "m", "messages": [*MESSAGES, {"role": "user"}]},
            "Invalid value for 'messages[1].content': is required.",
            "messages[1].content",
        ),
        (
            {"model": "m", "messages": MESSAGES, "model_list": None},
            "Invalid value for 'model_list': is not allowed in a request body.",
            "model_list",
        ),
        (
            {"model": "m", "messages": MESSAGES, "n": 0, "unknown": object},
            "Invalid value for 'n': must be at least 1.",
            "n",
        ),
        (
            {"model": "m", "messages": MESSAGES, "extra_headers": {"host": "x"}},
            "Invalid value for 'extra_headers': may not set 'host'.",
            "extra_headers",
        ),
        (
            {"model": "m", "messages": MESSAGES, "fallbacks": ["b", {"model": "c", "n": 0}]},
            "Invalid value for 'fallbacks[1].n': must be at least 1.",
            "fallbacks[1].n",
        ),
    ],
)
def test_what_is_wrong_is_said_by_its_name(body: dict[str, Any], message: str, param: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(ChatSchema, body)
    assert first_problem(caught.value) == (message, param)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_limit_of_minus_one_passes_and_no_other_below_one(name: str) -> None:
    check(ChatSchema, {"model": "m", "messages": MESSAGES, name: -1})
    for wrong in (0, -2, -1.0, "-1"):
        with pytest.raises(ValidationError):
            check(ChatSchema, {"model": "m", "messages": MESSAGES, name: wrong})


def test_effort_passes_as_a_text_or_an_object_of_one() -> None:
    for effort in ("low", None, {"effort": "low", "summary": "auto"}, {"effort": None}, {}):
        check(ChatSchema, {"model": "m", "messages": MESSAGES, "reasoning_effort": effort})
    for wrong in (1, ["low"], {"effort": 1}, {"effort": {}}):
        with pytest.raises(ValidationError):
            check(ChatSchema, {"model": "m", "messages": MESSAGES, "reasoning_effort": wrong})


@pytest.mark.parametrize("schema", [ChatSchema, CompletionsSchema, EmbeddingsSchema, ModerationsSchema])
def test_what_passes_is_what_marshmallow_lets_pass(schema: type[RequestSchema]) -> None:
    """Every field, with every kind of value: the short way and marshmallow's say the same."""
    whole = {"model": "m", "messages": MESSAGES, "input": "Hi", "prompt": "Hi"}
    values: list[Any] = [
        None,
        True,
        0,
        1,
        -1,
        0.5,
        "",
        " ",
        "a",
        [],
        ["a"],
        [1],
        {},
        {"a": "b"},
        [{}],
        [{"model": "c"}],
    ]
    for name in schema().fields:
        for value in values:
            body = {**whole, name: value}
            assert _passes(lambda body=body: check(schema, body)) == _passes(lambda body=body: schema().load(body)), (
                body
            )


def test_a_field_that_nobody_would_look_at_is_refused() -> None:
    class Strange(RequestSchema):
        colour = fields.String()

    with pytest.raises(TypeError, match="Strange"):
        check(Strange, {"model": "m"})


def _passes(look: Any) -> bool:
    try:
        look()
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("schema", [ChatSchema, CompletionsSchema, EmbeddingsSchema, ModerationsSchema])
def test_every_value_passes_when_its_type_is_sound(schema: type[RequestSchema]) -> None:
    """What is not looked at closely would have passed."""
    values: dict[type, list[Any]] = {
        bool: [True, False],
        int: [0, -1, 2**70],
        float: [0.0, -1.5, 1e308],
        str: ["", "\x00", "a"],
        dict: [{}, {"a": 1}],
        type(None): [None],
    }
    for field in schema().fields.values():
        assert isinstance(field, Shape)
        for kind in field.sound:
            for value in values[kind]:
                field.deserialize(value)


def test_a_models_name_is_bounded_and_not_repeated_when_it_is_too_long() -> None:
    with pytest.raises(ValidationError) as raised:
        check(ChatSchema, {"model": "m" * 1001, "messages": MESSAGES})
    problem = first_problem(raised.value)
    assert problem.param == "model" and "1000" in problem.message and "mmm" not in problem.message
    check(ChatSchema, {"model": ",".join(["m" * 999] * 3), "messages": MESSAGES})
