"""Blank texts, which Anthropic and Bedrock refuse and models write themselves before they call a tool."""

from typing import Any

import pytest

from tests.providers.wire_formats import (
    ALL,
    BEDROCK_NOVA,
    CLAUDE,
    GOOGLE,
    MESSAGES_API,
    VERTEX_GEMINI,
    Wire,
    body_of,
    find_all,
)

STRICT = (*CLAUDE, BEDROCK_NOVA)
BLANKS = ("", " ", "\n\n", "\t \r\n", "\u00a0")
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
MARK = {"type": "ephemeral"}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def shapes(blank: str) -> dict[str, list[dict[str, Any]]]:
    """Conversations with a blank text in each place that there is."""
    hello = {"role": "user", "content": "hi"}
    called = {"role": "assistant", "content": None, "tool_calls": CALLS}
    result = {"role": "tool", "tool_call_id": "c1", "content": "r"}
    return {
        "beside calls": [hello, {**called, "content": blank}, result],
        "a part beside calls": [hello, {**called, "content": [text(blank), text("Well.")]}, result],
        "a result": [hello, called, {**result, "content": blank}],
        "a part of a result": [hello, called, {**result, "content": [text(blank), text("r")]}],
        "the system": [{"role": "system", "content": blank}, hello],
        "a part of the system": [{"role": "system", "content": [text(blank), text("Be brief.")]}, hello],
        "the user alone": [{"role": "user", "content": blank}],
        "the user at the end": [hello, {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": blank}],
        "a part of the user": [{"role": "user", "content": [text("hi"), text(blank)]}],
        "the assistant": [hello, {"role": "assistant", "content": blank}, hello],
        "all instruction": [{"role": "system", "content": blank}],
        "kept blocks": [
            hello,
            {**called, "provider_specific_fields": {"content_blocks": [
                {"type": "text", "text": blank}, {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
            ]}},
            result,
        ],
    }  # fmt: skip


@pytest.mark.parametrize("wire", STRICT, ids=lambda wire: wire.name)
@pytest.mark.parametrize("blank", BLANKS, ids=repr)
@pytest.mark.parametrize("shape", shapes(""))
def test_no_blank_text_is_sent_when_a_client_has_one(wire: Wire, blank: str, shape: str) -> None:
    body = body_of(wire, messages=shapes(blank)[shape], tools=TOOLS)
    texts = find_all([body["messages"], body.get("system", [])], "text")
    assert all(isinstance(found, str) and found.strip() for found in texts)
    assert body["messages"] and all(turn["content"] for turn in body["messages"])
    assert body["messages"][-1]["role"] == "user"


@pytest.mark.parametrize("wire", STRICT, ids=lambda wire: wire.name)
def test_calls_and_visible_text_stay_when_blank_texts_go(wire: Wire) -> None:
    body = body_of(wire, messages=shapes("\n")["a part beside calls"], tools=TOOLS)
    assistant = body["messages"][1]["content"]
    assert [block["text"] for block in assistant if "text" in block] == ["Well."]
    assert find_all(assistant, "name") == ["f"]


@pytest.mark.parametrize("wire", MESSAGES_API, ids=lambda wire: wire.name)
def test_white_space_around_words_stays_when_text_is_visible(wire: Wire) -> None:
    body = body_of(wire, messages=[{"role": "user", "content": "\n two words \n"}])
    assert body["messages"][0]["content"] == [text("\n two words \n")]


@pytest.mark.parametrize("wire", MESSAGES_API, ids=lambda wire: wire.name)
def test_cache_mark_moves_to_the_block_before_when_its_text_is_blank(wire: Wire) -> None:
    parts = [text("long"), {**text(" "), "cache_control": MARK}]
    body = body_of(wire, messages=[{"role": "user", "content": parts}])
    assert body["messages"][0]["content"] == [{**text("long"), "cache_control": MARK}]


@pytest.mark.parametrize("wire", GOOGLE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("shape", shapes(""))
def test_no_empty_part_is_sent_when_google_would_refuse_it(wire: Wire, shape: str) -> None:
    body = body_of(wire, messages=shapes("")[shape], tools=TOOLS)
    assert "" not in find_all([body["contents"], body.get("systemInstruction", {})], "text")
    assert body["contents"] and all(content["parts"] for content in body["contents"])
    assert "parts" not in body.get("systemInstruction", {"parts": [1]}) or body.get("systemInstruction") != {
        "parts": []
    }


def test_white_space_stays_when_google_takes_it() -> None:
    body = body_of(VERTEX_GEMINI, messages=[{"role": "user", "content": [text(" "), text("a")]}])
    assert body["contents"][0]["parts"] == [{"text": " "}, {"text": "a"}]


@pytest.mark.parametrize("wire", ALL, ids=lambda wire: wire.name)
def test_every_shape_is_a_request_when_texts_are_blank(wire: Wire) -> None:
    for messages in shapes("\n").values():
        assert body_of(wire, messages=messages, tools=TOOLS)
