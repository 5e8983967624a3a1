"""Messages on their way to Gemini."""

from typing import Any

import pytest

from proxy.errors import BadRequestError
from proxy.providers.registry import PROVIDERS
from tests.providers.gemini.exchange import PNG, body_for, build_call, build_deployment, contents_for


def call(name: str, identifier: str, arguments: str = "{}", **members: Any) -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}, **members}


def asked(*calls: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **members}


def result(identifier: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identifier, "content": content}


def test_instructions_stand_apart_when_there_are_system_and_developer_messages() -> None:
    body = body_for(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        ]
    )
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
    }


def test_instruction_is_the_turn_when_there_is_nothing_else() -> None:
    body = body_for(messages=[{"role": "system", "content": "Tell a joke."}])
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Tell a joke."}]}]}


def test_neighbours_become_one_turn_when_their_role_is_the_same() -> None:
    contents = contents_for(
        [
            {"role": "user", "content": "One"},
            {"role": "user", "content": "Two"},
            {"role": "assistant", "content": "Three"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "Four"},
        ]
    )
    assert contents == [
        {"role": "user", "parts": [{"text": "One"}, {"text": "Two"}]},
        {"role": "model", "parts": [{"text": "Three"}]},
        {"role": "user", "parts": [{"text": "Four"}]},
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": PNG}},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        ),
        (
            {"type": "image_url", "image_url": PNG},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "gs://bucket/cat.webp"}},
            {"fileData": {"fileUri": "gs://bucket/cat.webp", "mimeType": "image/webp"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "gs://bucket/cat", "format": "image/heic"}},
            {"fileData": {"fileUri": "gs://bucket/cat", "mimeType": "image/heic"}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=1"}},
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.txt"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "AAAA", "filename": "notes.csv"}},
            {"inlineData": {"mimeType": "text/csv", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_id": "files/abc", "format": "application/pdf"}},
            {
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                    "mimeType": "application/pdf",
                }
            },
        ),
    ],
)
def test_part_has_googles_form_when_a_user_sends_media(part: dict[str, Any], expected: dict[str, Any]) -> None:
    assert contents_for([{"role": "user", "content": [part]}])[0]["parts"] == [expected]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "hologram"},
        {"type": ["text"]},
        {"type": "text"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {}},
        {"type": "input_audio", "input_audio": {"format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf"}},
    ],
)
def test_error_names_the_part_when_it_makes_no_sense(part: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        contents_for([{"role": "user", "content": "Hi"}, {"role": "user", "content": ["And", part]}])
    assert caught.value.param == "messages[1].content[1]"


def test_only_unknown_addresses_are_fetched_when_media_have_urls() -> None:
    urls = ["https://example.com/a.png", "https://youtu.be/1", "gs://bucket/a.png", PNG]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    fields = {"messages": [{"role": "user", "content": parts}]}
    for name in ("gemini", "vertex_ai"):
        media = PROVIDERS[name].media
        assert media is not None
        assert media(fields) == ("https://example.com/a.png",)


def test_results_stand_in_the_order_of_the_calls_when_they_come_in_another() -> None:
    contents = contents_for(
        [
            {"role": "user", "content": "Weather in both?"},
            asked(call("weather", "a", '{"city":"Rome"}'), call("weather", "b", '{"city":"Oslo"}')),
            result("b", '{"degrees": 3}'),
            result("a", "warm"),
            {"role": "user", "content": "And?"},
        ]
    )
    assert contents[1]["parts"] == [
        {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}},
        {"functionCall": {"id": "b", "name": "weather", "args": {"city": "Oslo"}}},
    ]
    assert contents[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "weather", "response": {"content": "warm"}}},
            {"functionResponse": {"id": "b", "name": "weather", "response": {"degrees": 3}}},
        ],
    }
    assert contents[3] == {"role": "user", "parts": [{"text": "And?"}]}


def test_results_stand_in_order_when_ids_repeat_in_every_turn() -> None:
    turn = [asked(call("one", "call_0"), call("two", "call_1")), result("call_1", "b"), result("call_0", "a")]
    contents = contents_for([*turn, *turn])
    for content in (contents[1], contents[3]):
        assert [part["functionResponse"]["name"] for part in content["parts"]] == ["one", "two"]


def test_ids_are_left_out_when_vertex_is_asked() -> None:
    contents = contents_for([asked(call("look", "a")), result("a", "x")], provider="vertex_ai")
    assert contents[0]["parts"] == [{"functionCall": {"name": "look", "args": {}}}]
    assert contents[1]["parts"] == [{"functionResponse": {"name": "look", "response": {"content": "x"}}}]


def test_call_and_result_are_matched_by_name_when_they_are_of_the_older_form() -> None:
    contents = contents_for(
        [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": ""}},
            {"role": "function", "name": "look", "content": "a cat"},
        ]
    )
    assert contents[1]["parts"] == [{"functionCall": {"name": "look", "args": {}}}]
    assert contents[2]["parts"] == [{"functionResponse": {"name": "look", "response": {"content": "a cat"}}}]


@pytest.mark.parametrize(
    ("model", "inside"), [("gemini-3-pro-preview", True), ("gemini-2.5-flash", False)], ids=["inside", "beside"]
)
def test_image_goes_along_when_a_result_has_one(model: str, inside: bool) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    content = [{"type": "text", "text": "this"}, {"type": "image_url", "image_url": {"url": PNG}}]
    parts = contents_for([asked(call("look", "a")), result("a", content)], model)[1]["parts"]
    response = {"id": "a", "name": "look", "response": {"content": "this"}}
    if inside:
        assert parts == [{"functionResponse": {**response, "parts": [image]}}]
    else:
        assert parts == [{"functionResponse": response}, image]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([result("nobody", "x")], "messages[0].tool_call_id"),
        ([asked(call("look", "a", "{broken"))], "messages[0].tool_calls[0].function.arguments"),
        ([asked(call("look", "a", "[1]"))], "messages[0].tool_calls[0].function.arguments"),
        ([asked({"id": "a", "type": "function"})], "messages[0].tool_calls[0].function"),
        ([{"role": "narrator", "content": "x"}], "messages[0].role"),
    ],
)
def test_error_names_the_place_when_a_message_makes_no_sense(messages: list[Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        contents_for(messages)
    assert caught.value.param == param


def test_input_is_unchanged_when_a_signature_is_put_in() -> None:
    messages = [asked(call("look", "a")), result("a", "x")]
    fields = {"messages": messages}
    before = str(fields)
    PROVIDERS["gemini"].build_request(build_call(fields), build_deployment("gemini-3-pro-preview"))
    assert str(fields) == before
