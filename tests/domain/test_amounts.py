"""What an answer used of the units that are no tokens."""

from typing import Any

import pytest

from proxy.domain import amounts
from proxy.domain.usage import Amount, Usage


@pytest.mark.parametrize(
    ("request_body", "answer", "expected"),
    [
        ({"size": "512x512"}, {"data": [{}, {}]}, Amount("image", 2, ("standard/512x512", "512x512"))),
        ({"size": "auto"}, {"data": [{}]}, Amount("image", 1, ("standard/1024x1024", "1024x1024"))),
        (
            {"quality": "auto"},
            {"data": [{}], "quality": "high", "size": "1024x1536"},
            Amount("image", 1, ("high/1024x1536",)),
        ),
        ({}, {"data": None}, None),
    ],
)
def test_images_are_counted_by_size_and_quality(
    request_body: dict[str, Any], answer: dict[str, Any], expected: Amount | None
) -> None:
    assert amounts.count_images(request_body, answer) == expected


@pytest.mark.parametrize(
    ("answer", "quantity"),
    [
        ({"usage": {"type": "duration", "seconds": 9}}, 9),
        ({"duration": "2.5"}, 2.5),
        ({"duration": 2.5}, 2.5),
        ({"duration": "long"}, None),
        ({"duration": "inf"}, None),
        ({"duration": 10**400}, None),
        ({"duration": -1}, None),
        ({"duration": True}, None),
        ({"usage": {"input_tokens": 3}}, None),
        ({}, None),
    ],
)
def test_seconds_are_counted_when_the_answer_states_them(answer: dict[str, Any], quantity: float | None) -> None:
    counted = amounts.count_seconds({}, answer)
    assert (counted.quantity if counted else None) == quantity


@pytest.mark.parametrize(
    ("documents", "answer", "quantity"),
    [
        (["a"], {"meta": {"billed_units": {"search_units": 3}}}, 3),
        (["a"] * 100, {}, 1),
        (["a"] * 101, {"meta": None}, 2),
        ("a", {}, 1),
    ],
)
def test_queries_are_those_that_are_billed_when_the_answer_states_them(
    documents: object, answer: dict[str, Any], quantity: float
) -> None:
    counted = amounts.count_queries({"documents": documents}, answer)
    assert counted is not None and counted.quantity == quantity


@pytest.mark.parametrize(
    ("request_body", "answer", "expected"),
    [
        ({}, {"usage_info": {"pages_processed": 4}}, Amount("page", 4)),
        ({}, {"pages": [1, 2]}, Amount("page", 2)),
        ({"bbox_annotation_format": {"type": "json"}}, {"pages": [1]}, Amount("annotated_page", 1)),
        ({}, {}, None),
    ],
)
def test_pages_are_counted_when_the_answer_lists_them(
    request_body: dict[str, Any], answer: dict[str, Any], expected: Amount | None
) -> None:
    assert amounts.count_pages(request_body, answer) == expected


def test_pixels_are_those_of_all_images() -> None:
    counted = amounts.count_pixels({"size": "10x20"}, {"data": [{}, {}]})
    assert counted == Amount("pixel", 400)


def test_characters_are_counted_when_the_input_is_text() -> None:
    assert amounts.count_characters({"input": "héllo"}, {}) == Amount("character", 5)
    assert amounts.count_characters({"input": ["a"]}, {}) is None


def test_usage_is_there_when_only_amounts_are_counted() -> None:
    usage = amounts.read_usage({"input": "abc"}, {}, (amounts.count_characters,))
    assert usage == Usage(amounts=(Amount("character", 3),))
    assert amounts.read_usage({}, {}, (amounts.count_characters,)) is None
    assert amounts.read_usage({}, {"usage": {"prompt_tokens": 2}}, ()) == Usage(2, 0, 2)


def test_input_and_output_are_prompt_and_completion_when_a_usage_names_them_so() -> None:
    fields = {
        "input_tokens": 50,
        "output_tokens": 272,
        "total_tokens": 322,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "output_tokens_details": {"image_tokens": 272},
    }
    usage = Usage.from_openai(fields)
    assert usage == Usage(50, 272, 322, prompt_image_tokens=40, completion_image_tokens=272)


def test_audio_tokens_are_counted_when_a_transcription_names_them() -> None:
    usage = Usage.from_openai({"type": "tokens", "input_tokens": 9, "input_token_details": {"audio_tokens": 7}})
    assert usage == Usage(9, 0, 9, prompt_audio_tokens=7)
