"""OpenAI's messages as Anthropic's system prompt and turns."""

import base64
from typing import Any

import pytest

from proxy.errors import BadRequestError
from proxy.providers.anthropic import PROVIDER
from tests.providers.anthropic.exchange import WEATHER, body_for

PIXEL = base64.b64encode(b"pixel").decode()
MARK = {"type": "ephemeral"}


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body_for(messages=list(messages), tools=[WEATHER])["messages"]
    return found


def user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = turns({"role": "user", "content": list(parts)})[0]["content"]
    return blocks


def calls(*identifiers: str) -> dict[str, Any]:
    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    made = [{"id": identifier, "type": "function", "function": function} for identifier in identifiers]
    return {"role": "assistant", "content": None, "tool_calls": made}


def test_system_and_developer_messages_become_the_system_prompt_when_they_stand_anywhere() -> None:
    body = body_for(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "developer", "content": [{"type": "text", "text": "In Latin.", "cache_control": MARK}]},
        ]
    )
    assert body["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "In Latin.", "cache_control": MARK},
    ]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]


def test_instruction_is_the_turn_when_there_is_nothing_else() -> None:
    body = body_for(messages=[{"role": "system", "content": "Say hello."}])
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}]
    assert "system" not in body


def test_cache_control_marks_the_last_block_when_it_stands_on_the_message() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    content = turns({"role": "user", "content": parts, "cache_control": MARK})[0]["content"]
    assert content == [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": MARK}]


def test_neighbours_become_one_turn_when_they_have_one_role() -> None:
    found = turns({"role": "user", "content": "a"}, {"role": "user", "content": "b"})
    assert found == [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]


def test_an_image_is_a_url_source_when_it_is_on_the_web() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}, "cache_control": MARK}
    source = {"type": "url", "url": "https://example.com/a.png"}
    assert user(image) == [{"type": "image", "source": source, "cache_control": MARK}]


def test_an_image_is_base64_when_it_is_a_data_url() -> None:
    image = {"type": "image_url", "image_url": f"data:image/jpg;base64,{PIXEL}"}
    assert user(image) == [{"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}}]


def test_a_pdf_is_a_document_when_it_comes_as_a_file() -> None:
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PIXEL}"}
    source = {"type": "base64", "media_type": "application/pdf", "data": PIXEL}
    part = {"type": "file", "file": file, "citations": {"enabled": True}}
    assert user(part) == [{"type": "document", "source": source, "title": "a.pdf", "citations": {"enabled": True}}]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ({"file_id": "file_123"}, {"type": "file", "file_id": "file_123"}),
        ({"file_id": "https://example.com/a.pdf"}, {"type": "url", "url": "https://example.com/a.pdf"}),
        (
            {"file_data": f"data:text/csv;base64,{PIXEL}"},
            {"type": "text", "media_type": "text/plain", "data": "pixel"},
        ),
    ],
)
def test_a_file_keeps_its_way_of_being_given_when_it_is_no_pdf(file: dict[str, Any], source: dict[str, Any]) -> None:
    assert user({"type": "file", "file": file}) == [{"type": "document", "source": source}]


def test_a_file_is_embedded_when_the_gateway_fetched_it() -> None:
    (block,) = user({"type": "file", "file": {"file_id": f"data:image/png;base64,{PIXEL}", "filename": "a.png"}})
    assert block == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


def test_only_insecure_addresses_are_fetched_when_media_are_on_the_web() -> None:
    urls = ["http://example.com/a.png", "https://example.com/b.png", f"data:image/png;base64,{PIXEL}"]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    assert PROVIDER.media is not None
    assert PROVIDER.media({"messages": [{"role": "user", "content": parts}]}) == ("http://example.com/a.png",)


def test_blocks_of_anthropics_own_go_through_when_a_client_sends_them() -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    assert user(document) == [document]


def test_results_of_parallel_calls_stand_first_in_one_turn_when_a_user_message_comes_between() -> None:
    found = turns(
        {"role": "user", "content": "Weather?"},
        calls("call:1", "call:2"),
        {"role": "tool", "tool_call_id": "call:1", "content": "cold"},
        {"role": "user", "content": "And?"},
        {"role": "tool", "tool_call_id": "call:2", "content": "warm", "is_error": True},
    )
    assert [block["id"] for block in found[1]["content"]] == ["call_1", "call_2"]
    assert found[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "cold"}]},
        {
            "type": "tool_result",
            "tool_use_id": "call_2",
            "content": [{"type": "text", "text": "warm"}],
            "is_error": True,
        },
        {"type": "text", "text": "And?"},
    ]


def test_a_result_holds_an_image_when_the_tool_answers_with_one() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    found = turns(
        {"role": "user", "content": "Draw"},
        calls("a"),
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "here"}, image]},
    )
    assert [block["type"] for block in found[2]["content"][0]["content"]] == ["text", "image"]


def test_calls_of_the_older_form_meet_their_results_when_a_function_is_called_twice() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}}
    result = {"role": "function", "name": "weather", "content": "cold"}
    found = turns({"role": "user", "content": "Weather?"}, call, result, call, result)
    used = [block["id"] for turn in found for block in turn["content"] if block["type"] == "tool_use"]
    answered = [block["tool_use_id"] for turn in found for block in turn["content"] if block["type"] == "tool_result"]
    assert used == answered
    assert len(set(used)) == 2


def test_thinking_goes_first_and_unchanged_when_an_assistant_message_has_it() -> None:
    thinking = {"type": "thinking", "thinking": " Hm\u2028 ", "signature": "sig+/=="}
    redacted = {"type": "redacted_thinking", "data": "EqkE"}
    message = {**calls("a"), "content": "Let me see", "thinking_blocks": [{**thinking, "index": 0}, redacted]}
    found = turns({"role": "user", "content": "?"}, message, {"role": "tool", "tool_call_id": "a", "content": "x"})
    assert found[1]["content"][:3] == [thinking, redacted, {"type": "text", "text": "Let me see"}]


def test_unsigned_thoughts_stay_behind_when_another_provider_had_them() -> None:
    message = {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "Hm",
        "thinking_blocks": [{"type": "thinking"}],
    }
    assert turns({"role": "user", "content": "?"}, message)[1]["content"] == [{"type": "text", "text": "Hi"}]


def test_thoughts_are_made_whole_when_they_come_in_pieces() -> None:
    pieces = [
        {"type": "thinking", "thinking": "H"},
        {"type": "thinking", "thinking": "m"},
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "thinking", "thinking": "Google's", "signature": "sig", "signed_by": "gemini"},
    ]
    message = {"role": "assistant", "content": "Hi", "thinking_blocks": pieces}
    content = turns({"role": "user", "content": "?"}, message)[1]["content"]
    assert content == [{"type": "thinking", "thinking": "Hm", "signature": "sig"}, {"type": "text", "text": "Hi"}]


def test_white_space_is_cut_when_the_last_message_is_the_assistants() -> None:
    assert turns({"role": "user", "content": "?"}, {"role": "assistant", "content": "{ \n"})[1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "{"}],
    }


def test_an_empty_assistant_message_is_left_out_when_it_says_nothing() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "b"},
    ]
    assert [turn["role"] for turn in turns(*messages)] == ["user"]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": [{"type": "video"}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "data:x"}]}, "messages[1].content[0]"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,%%"}]},
            "messages[1].content[0]",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[1].content[0]"),
        ({"role": "user", "content": 7}, "messages[1].content"),
        ({"role": "judge", "content": "x"}, "messages[1].role"),
        ({"role": "tool", "tool_call_id": "nobody", "content": "x"}, "messages[1].tool_call_id"),
        ({"role": "tool", "content": "x"}, "messages[1].tool_call_id"),
        ({"role": "system", "content": [{"type": "image_url"}]}, "messages[1].content[0]"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "messages[1].tool_calls[0]"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]},
            "messages[1].tool_calls[0].arguments",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[]"}}]},
            "messages[1].tool_calls[0].arguments",
        ),
    ],
)
def test_the_place_is_named_when_a_message_is_broken(message: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        turns({"role": "user", "content": "Hello"}, message)
    assert caught.value.param == param
