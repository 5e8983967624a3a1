"""OpenAI's messages and media as Converse's turns."""

from typing import Any

import pytest

from proxy.errors import (
    BadRequestError,
)
from proxy.providers.bedrock import PROVIDER
from tests.providers.bedrock.asking import CLAUDE, HELLO, PNG, THOUGHTS, WEATHER, build, calling, turns, user


def test_system_is_collected_when_it_stands_in_several_messages() -> None:
    body = build(
        messages=[
            {"role": "system", "content": "one"},
            {"role": "developer", "content": [{"type": "text", "text": "two", "cache_control": {"type": "ephemeral"}}]},
            *HELLO,
        ]
    )
    assert body["system"] == [{"text": "one"}, {"text": "two"}, {"cachePoint": {"type": "default"}}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "hello"}]}]


def test_instruction_is_the_turn_when_there_is_nothing_else() -> None:
    body = build(messages=[{"role": "system", "content": "Say hello."}])
    assert body["messages"] == [{"role": "user", "content": [{"text": "Say hello."}]}]
    assert "system" not in body


def test_roles_alternate_when_the_client_repeats_them() -> None:
    merged = turns(*HELLO, *HELLO, {"role": "assistant", "content": "hi"}, {"role": "assistant", "content": "there"})
    assert merged == [
        {"role": "user", "content": [{"text": "hello"}, {"text": "hello"}]},
        {"role": "assistant", "content": [{"text": "hi"}, {"text": "there"}]},
    ]


def test_results_share_a_turn_when_calls_were_parallel() -> None:
    found = turns(
        *HELLO,
        calling("a", "b"),
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "sun"}], "status": "error"},
        {"role": "user", "content": "and?"},
    )
    assert [turn["role"] for turn in found] == ["user", "assistant", "user"]
    assert found[1]["content"][0] == {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "Oslo"}}}
    assert found[2]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "rain"}]}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "sun"}], "status": "error"}},
        {"text": "and?"},
    ]


def test_result_holds_images_and_json_when_the_tool_gave_them() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "json", "json": {"degrees": 4}},
    ]
    result = turns(*HELLO, calling("a"), {"role": "tool", "tool_call_id": "a", "content": content})[2]["content"][0]
    assert result["toolResult"]["content"] == [
        {"image": {"format": "png", "source": {"bytes": PNG}}},
        {"json": {"degrees": 4}},
    ]


def test_tool_ids_are_made_fit_when_they_come_from_another_provider() -> None:
    foreign = "call|" + "x" * 200
    found = turns(*HELLO, calling(foreign), {"role": "tool", "tool_call_id": foreign, "content": "rain"})
    made = found[1]["content"][0]["toolUse"]["toolUseId"]
    assert made == found[2]["content"][0]["toolResult"]["toolUseId"]
    assert len(made) <= 64
    assert "|" not in made


def test_blank_text_is_left_out_when_it_stands_beside_a_call() -> None:
    found = turns(*HELLO, {**calling("a"), "content": "  "}, {"role": "tool", "tool_call_id": "a", "content": ""})
    assert [list(block) for block in found[1]["content"]] == [["toolUse"]]
    assert found[2]["content"] == [{"toolResult": {"toolUseId": "a", "content": []}}]


def test_thoughts_go_back_bit_for_bit_when_they_are_signed() -> None:
    message = {"role": "assistant", "content": "hi", "thinking_blocks": THOUGHTS}
    assert turns(*HELLO, message)[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.\n", "signature": "c2ln+/=="}}},
        {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
        {"text": "hi"},
    ]


@pytest.mark.parametrize(
    ("model", "kept"), [(CLAUDE, False), ("deepseek.r1-v1:0", False), ("openai.gpt-oss-20b-1:0", True)]
)
def test_unsigned_thought_goes_back_only_when_its_model_takes_it(model: str, kept: bool) -> None:
    message = {"role": "assistant", "content": "hi", "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]}
    blocks = turns(*HELLO, message, model=model)[1]["content"]
    assert ({"reasoningContent": {"reasoningText": {"text": "Hm."}}} in blocks) is kept


def test_cache_points_follow_what_they_mark() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    long = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = build(
        messages=[
            {"role": "system", "content": "be brief", **mark},
            user({"type": "text", "text": "hello", **long}),
            {**calling("a"), **mark},
            {"role": "tool", "tool_call_id": "a", "content": "rain", **mark},
        ],
        tools=[{**WEATHER, **mark}],
    )
    point = {"cachePoint": {"type": "default"}}
    assert body["system"][-1] == point
    assert body["messages"][0]["content"][-1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][1]["content"][-1] == point
    assert body["messages"][2]["content"][-1] == point
    assert body["toolConfig"]["tools"][-1] == point


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": f"data:image/jpg;base64,{PNG}"},
            {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://bucket/cat.webp"}},
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/cat.webp"}}}},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:video/quicktime;base64,{PNG}"}},
            {"video": {"format": "mov", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "video_url", "video_url": {"url": f"data:video/3gpp;base64,{PNG}"}},
            {"video": {"format": "three_gp", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}},
            {"audio": {"format": "mp3", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "file", "file": {"file_data": PNG, "filename": "a/b_c  d.PDF"}},
            {"document": {"format": "pdf", "name": "a-b-c d", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:text/markdown;base64,{PNG}"}, "citations": {"enabled": True}},
            {
                "document": {
                    "format": "md",
                    "name": "document",
                    "source": {"bytes": PNG},
                    "citations": {"enabled": True},
                }
            },
        ),
        ({"type": "guarded_text", "text": "hm"}, {"guardContent": {"text": {"text": "hm"}}}),
    ],
)
def test_media_becomes_its_block(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert turns(user({"type": "text", "text": "Look"}, part))[0]["content"] == [{"text": "Look"}, block]


def test_document_names_differ_when_the_files_are_called_alike() -> None:
    part = {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "x.pdf"}}
    names = [
        block["document"]["name"]
        for block in turns(user(part, part), {"role": "assistant", "content": "?"}, user(part))[0]["content"]
        if "document" in block
    ]
    assert names == ["x", "x (2)"]


def test_web_addresses_are_named_when_the_dispatcher_must_fetch_them() -> None:
    url = "https://example.com/cat.png"
    assert PROVIDER.media is not None
    assert PROVIDER.media({"messages": [user({"type": "image_url", "image_url": {"url": url}})]}) == (url,)


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "user", "content": [{"type": "hologram"}]}], "messages[0].content[0]"),
        ([user({"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}})], "messages[0].content[0]"),
        (
            [user({"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,AAAA"}})],
            "messages[0].content[0]",
        ),
        ([user({"type": "image_url", "image_url": {"url": "https://example.com/"}})], "messages[0].content[0]"),
        (
            [user({"type": "file", "file": {"file_data": f"data:application/zip;base64,{PNG}"}})],
            "messages[0].content[0]",
        ),
        ([user({"type": "file", "file": {}})], "messages[0].content[0]"),
        ([user({"type": "file"})], "messages[0].content[0]"),
        ([user({"type": "input_audio"})], "messages[0].content[0]"),
        ([*HELLO, {"role": "tool", "tool_call_id": "a", "content": "rain"}], "messages[1].tool_call_id"),
        ([*HELLO, {"role": "wizard", "content": "?"}], "messages[1].role"),
        ([{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "messages[0].content[0]"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}], "messages[0].tool_calls[0].id"),
        ([{"role": "assistant", "tool_calls": ["f"]}], "messages[0].tool_calls[0]"),
        ([{"role": "assistant", "content": "x", "thinking_blocks": [{}]}], "messages[0].thinking_blocks[0]"),
        ("hello", "messages"),
    ],
)
def test_bad_request_names_the_place_when_the_content_is_broken(messages: Any, param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        build(messages=messages)
    assert caught.value.param == param
