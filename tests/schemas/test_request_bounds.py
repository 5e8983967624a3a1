"""The work for a request grows with its size, never with the product of two of its lists."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.chat import ChatSchema
from schemas.request import MOST_FALLBACKS, MOST_PATHS, check

MESSAGE = {"role": "user", "content": "a"}


def body(messages: int = 1, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [MESSAGE] * messages, **fields}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fallbacks", [{"model": "m"}] * (MOST_FALLBACKS + 1)),
        ("context_window_fallbacks", [{"m": ["n"]}] * (MOST_FALLBACKS + 1)),
        ("content_policy_fallbacks", [{"m": ["n"]}] * (MOST_FALLBACKS + 1)),
        ("additional_drop_params", ["a"] * (MOST_PATHS + 1)),
        ("additional_drop_params", ["messages" + "[*]" * 100]),
        ("allowed_openai_params", ["a"] * 1001),
        ("tags", ["a"] * 1001),
    ],
)
def test_list_is_refused_by_name_when_it_is_too_long(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        check(ChatSchema, body(**{field: value}))
    assert list(caught.value.normalized_messages()) == [field]


def test_lists_of_ordinary_length_pass() -> None:
    check(
        ChatSchema,
        body(fallbacks=[{"model": "m"}] * MOST_FALLBACKS, additional_drop_params=["tools[*].strict"] * MOST_PATHS),
    )


def seconds(work: Callable[[], object]) -> float:
    def once() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(once() for _ in range(3))


def test_messages_are_checked_once_when_there_are_many_fallback_objects() -> None:
    alone = body(8000)
    many = body(8000, fallbacks=[{"model": "m"}] * MOST_FALLBACKS)
    assert seconds(lambda: check(ChatSchema, many)) < 3 * seconds(lambda: check(ChatSchema, alone)) + 0.005


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"model": "m", "messages": "text"}, "messages"),
        ({"model": "m", "messages": None}, "messages"),
        ({"model": "m", "temperature": "hot"}, "temperature"),
        ({"model": "m", "headers": 5}, "headers"),
        ({"model": "m", "headers": {"a": 1}}, "headers"),
        ({"model": "m", "extra_headers": []}, "extra_headers"),
        ({"model": "m", "extra_body": 1}, "extra_body"),
        ({"model": "m", "model_list": []}, "model_list"),
    ],
)
def test_member_of_a_fallback_is_refused_by_name_when_it_is_wrong(entry: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(ChatSchema, body(fallbacks=["n", entry]))
    assert path in caught.value.normalized_messages()["fallbacks"][1]
