"""Cohere's second version, both ways, plain and streamed."""

import base64
import json
import struct
from typing import Any

import pytest

from proxy.domain.operations import EMBEDDINGS
from proxy.errors import (
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ContextWindowExceededError,
    GatewayError,
    GatewayTimeoutError,
    InvalidProviderResponseError,
    RateLimitError,
    TruncatedStreamError,
)
from proxy.providers.cohere import CHAT_PROVIDER, PROVIDER
from tests.providers.cohere.exchange import (
    HELLO,
    TIME,
    WEATHER,
    answer_to,
    body_for,
    build_call,
    build_deployment,
    embed_answer,
    end,
    request_for,
    say,
    stream_of,
)
from tests.providers.gathering import echo, gather
from tests.providers.nonsense import RICH_CHAT, broken

START = {"type": "message-start", "id": "reply-1", "delta": {"message": {"role": "assistant"}}}
CALL = {"id": "weather_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
CITATION = {
    "start": 3,
    "end": 8,
    "text": "snows",
    "sources": [{"type": "document", "id": "doc:0", "document": {"title": "Snow", "url": "https://x.no"}}],
}
THINKER = "command-a-reasoning-08-2025"


@pytest.mark.parametrize(
    "base",
    [
        None,
        "https://api.cohere.com/",
        "https://api.cohere.com/v1",
        "https://api.cohere.com/v2",
        "https://api.cohere.com/v2/chat",
        "https://api.cohere.com/v2/embed",
    ],
)
def test_the_address_is_that_of_version_two_when_the_base_is_any(base: str | None) -> None:
    request = PROVIDER.build_request(build_call({}), build_deployment(api_base=base))
    assert request.url == "https://api.cohere.com/v2/chat"
    assert request.headers["authorization"] == "Bearer co-key"


def test_a_call_is_refused_when_there_is_no_key() -> None:
    with pytest.raises(AuthenticationError):
        PROVIDER.build_request(build_call({}), build_deployment(api_key=None))


def test_parameters_get_coheres_names_when_they_have_others() -> None:
    body = body_for(
        max_tokens=9,
        max_completion_tokens=5,
        stop="END",
        top_p=0.5,
        top_k=3,
        seed=1,
        n=1,
        documents=["d"],
        stream=True,
        stream_options={"include_usage": True},
        temperature=None,
    )
    assert body == {
        "model": "command-a-03-2025",
        "messages": HELLO,
        "max_tokens": 5,
        "stop_sequences": ["END"],
        "p": 0.5,
        "k": 3,
        "seed": 1,
        "documents": ["d"],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("choice", "sent", "names"),
    [
        (None, None, ["weather", "time"]),
        ("auto", None, ["weather", "time"]),
        ("none", "NONE", ["weather", "time"]),
        ("required", "REQUIRED", ["weather", "time"]),
        ({"type": "function", "function": {"name": "time"}}, "REQUIRED", ["time"]),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "time"}}]}},
            None,
            ["time"],
        ),
    ],
)
def test_a_tool_choice_is_coheres_when_it_is_any_of_openais(choice: Any, sent: str | None, names: list[str]) -> None:
    body = body_for(tools=[WEATHER, TIME], tool_choice=choice)
    assert body.get("tool_choice") == sent
    assert [tool["function"]["name"] for tool in body["tools"]] == names


def test_tools_are_strict_when_all_of_them_are() -> None:
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}
    assert body_for(tools=[strict])["strict_tools"] is True
    assert "strict_tools" not in body_for(tools=[strict, TIME])
    assert "strict" not in body_for(tools=[strict])["tools"][0]["function"]


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
            {"type": "json_object", "schema": {"type": "object"}},
        ),
    ],
)
def test_a_response_format_is_coheres_when_json_is_wanted(wanted: dict[str, Any], sent: dict[str, Any]) -> None:
    assert body_for(response_format=wanted)["response_format"] == sent


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"reasoning_effort": "low"}, {"type": "enabled", "token_budget": 1024}),
        ({"reasoning_effort": "none"}, {"type": "disabled"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 7}}, {"type": "enabled", "token_budget": 7}),
        ({"thinking": {"type": "disabled"}}, {"type": "disabled"}),
    ],
)
def test_thinking_is_said_in_coheres_way_when_the_client_speaks_of_it(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert body_for(**fields)["thinking"] == sent


def test_images_go_along_when_a_user_sends_them() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA==", "detail": "low"}}
    content = [{"type": "text", "text": "What?"}, image]
    assert body_for(messages=[{"role": "user", "content": content}])["messages"][0]["content"] == content


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[1].content[0]"),
        ({"role": "tool", "content": "x"}, "messages[1].tool_call_id"),
        ({"role": "judge", "content": "x"}, "messages[1].role"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "messages[1].tool_calls[0]"),
    ],
)
def test_the_place_is_named_when_a_message_is_broken(message: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        body_for(messages=[*HELLO, message])
    assert caught.value.param == param


def both(content: list[dict[str, Any]], reason: str = "COMPLETE", **message: Any) -> list[dict[str, Any]]:
    """The answer with these parts, whole and streamed."""
    usage = end()["delta"]["usage"]
    reply = {"message": {"content": content, **message}, "finish_reason": reason, "usage": usage}
    events = [START, *(say("content-delta", content={part["type"]: part[part["type"]]}) for part in content)]
    events += [say("tool-plan-delta", tool_plan=word) for word in message.get("tool_plan", "").split(" ") if word]
    for call in message.get("tool_calls", []):
        bare = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        events.append(say("tool-call-start", tool_calls=bare))
        for letter in call["function"]["arguments"]:
            events.append(say("tool-call-delta", tool_calls={"function": {"arguments": letter}}))
        events.append({"type": "tool-call-end", "index": 0})
    events += [say("citation-start", citations=citation) for citation in message.get("citations", [])]
    return [answer_to(reply), gather(stream_of([*events, end(reason)]))]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_the_finish_is_openais_word_when_the_model_stops(reason: str, finish: str) -> None:
    for answer in both([{"type": "text", "text": "Hi"}], reason):
        assert answer["choices"][0]["finish_reason"] == finish
        assert answer["choices"][0]["message"]["content"] == "Hi"


def test_usage_is_what_was_read_and_written_when_billing_counts_less() -> None:
    for answer in both([{"type": "text", "text": "Hi"}]):
        assert answer["usage"] == {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    cached = answer_to({"message": {}, "usage": {"billed_units": {"input_tokens": 5}, "cached_tokens": 3}})["usage"]
    assert (cached["prompt_tokens"], cached["prompt_tokens_details"]) == (5, {"cached_tokens": 3})


def test_calls_come_with_the_plan_as_reasoning_when_the_model_uses_tools() -> None:
    for answer in both([], "TOOL_CALL", tool_plan="Look.", tool_calls=[CALL]):
        message = answer["choices"][0]["message"]
        assert message["reasoning_content"] == "Look."
        assert message["tool_calls"][0]["id"] == "weather_1"
        assert message["tool_calls"][0]["function"] == CALL["function"]


def test_a_call_has_an_empty_object_when_the_model_gives_no_arguments() -> None:
    bare = {"id": None, "function": {"name": "weather", "arguments": ""}}
    for answer in both([], "TOOL_CALL", tool_calls=[bare]):
        (call,) = answer["choices"][0]["message"]["tool_calls"]
        assert call["function"]["arguments"] == "{}"
        assert call["id"] == "call_call-1_0"


def test_citations_are_annotations_when_their_sources_have_addresses() -> None:
    for answer in both([{"type": "text", "text": "It snows"}], citations=[CITATION]):
        message = answer["choices"][0]["message"]
        assert message["provider_specific_fields"]["citations"] == [CITATION]
        assert [annotation["url_citation"] for annotation in message["annotations"]] == [
            {"start_index": 3, "end_index": 8, "url": "https://x.no", "title": "Snow"}
        ]


def test_log_probabilities_are_openais_when_they_come() -> None:
    piece = {"text": "Hå", "token_ids": [1, 2], "logprobs": [-0.25, -0.5]}
    expected = [{"token": "Hå", "logprob": -0.75, "bytes": [72, 195, 165], "top_logprobs": []}]
    whole = answer_to({"message": {"content": [{"type": "text", "text": "Hå"}]}, "logprobs": [piece]})
    assert whole["choices"][0]["logprobs"]["content"] == expected
    chunks = stream_of([START, {**say("content-delta", content={"text": "Hå"}), "logprobs": piece}, end()])
    assert json.loads(chunks[1].data)["choices"][0]["logprobs"]["content"] == expected


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("command-a-03-2025", [], {"tool_plan": "Look.", "tool_calls": [CALL]}),
        (THINKER, [{"type": "thinking", "thinking": "Hm"}], {"tool_calls": [CALL]}),
        (THINKER, [{"type": "thinking", "thinking": "Hm"}], {"tool_plan": "Look.", "tool_calls": [CALL]}),
        (THINKER, [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Hi"}], {}),
    ],
)
def test_an_answer_goes_back_as_it_came_when_the_client_returns_it(
    model: str, content: list[dict[str, Any]], message: dict[str, Any]
) -> None:
    for answer in both(content, **message):
        sent = body_for(model, messages=[*HELLO, echo(answer), *HELLO])["messages"][1]
        assert sent == {"role": "assistant", **({"content": content} if content else {}), **message}


def test_thoughts_stay_behind_when_the_model_takes_none() -> None:
    thought = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"}
    assert body_for(messages=[*HELLO, thought, *HELLO])["messages"][1] == {"role": "assistant", "content": "Hi"}


def test_a_plan_is_kept_when_the_client_sends_back_reasoning_only() -> None:
    message = {"role": "assistant", "reasoning_content": "Look.", "tool_calls": [CALL]}
    assert body_for(messages=[*HELLO, message])["messages"][1]["tool_plan"] == "Look."


@pytest.mark.parametrize(("reason", "expected"), [("ERROR", BadGatewayError), ("TIMEOUT", GatewayTimeoutError)])
def test_an_answer_is_an_error_when_it_broke_off(reason: str, expected: type[GatewayError]) -> None:
    with pytest.raises(expected):
        answer_to({"message": {"content": []}, "finish_reason": reason})
    with pytest.raises(expected, match="no capacity"):
        stream_of([START, end(reason, error="no capacity")])


def test_the_error_is_raised_when_it_comes_amid_a_stream() -> None:
    with pytest.raises(GatewayError, match="broken"):
        stream_of([START, {"id": "x", "message": "broken"}])


EVENTS = [
    START,
    say("content-start", content={"type": "text", "text": "H"}),
    say("content-delta", content={"text": "i"}),
]


@pytest.mark.parametrize("length", range(4))
def test_a_stream_is_truncated_when_it_ends_before_its_end(length: int) -> None:
    with pytest.raises(TruncatedStreamError):
        stream_of(EVENTS[:length])


def test_events_are_passed_over_when_they_are_unknown_or_odd() -> None:
    odd: list[Any] = [{"type": "debug"}, {"type": 7}, [], say("content-delta", content=3), say("tool-call-delta")]
    content = gather(stream_of([*EVENTS, *odd, {"type": "tool-call-end"}, end()]))["choices"][0]["message"]["content"]
    assert content == "Hi"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": 7}', b"{}"])
def test_an_answer_is_invalid_when_it_is_none(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, build_call({}), build_deployment())


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "invalid request: message must be at least 1 token long", BadRequestError),
        (400, "too many tokens: size limit exceeded by 9 tokens", ContextWindowExceededError),
        (401, "invalid api token", AuthenticationError),
        (498, "invalid token", AuthenticationError),
        (429, "trial key limit", RateLimitError),
    ],
)
def test_an_error_is_of_openais_class_when_cohere_refuses(
    status: int, message: str, expected: type[GatewayError]
) -> None:
    error = PROVIDER.parse_error(status, json.dumps({"id": "x", "message": message}).encode(), {}, build_deployment())
    assert type(error) is expected
    assert error.status_code == expected.status_code
    assert message in error.message


@pytest.mark.parametrize(
    ("given", "kind", "purpose"),
    [
        ("a", {"texts": ["a"]}, "search_document"),
        (["a", "b"], {"texts": ["a", "b"]}, "search_document"),
        ("data:image/png;base64,eA==", {"images": ["data:image/png;base64,eA=="]}, "image"),
    ],
)
def test_inputs_are_texts_or_images_when_they_are_embedded(given: Any, kind: dict[str, Any], purpose: str) -> None:
    request = request_for(
        EMBEDDINGS, "embed-v4.0", input=given, dimensions=256, encoding_format="float", truncate="END"
    )
    assert request.url == "https://api.cohere.com/v2/embed"
    assert json.loads(request.body) == {
        "model": "embed-v4.0",
        **kind,
        "input_type": purpose,
        "embedding_types": ["float"],
        "output_dimension": 256,
        "truncate": "END",
    }


def test_an_input_type_is_the_clients_when_it_names_one() -> None:
    body = json.loads(request_for(EMBEDDINGS, "embed-v4.0", input="a", input_type="search_query").body)
    assert body["input_type"] == "search_query"


def test_vectors_are_packed_when_the_client_asks_for_base64() -> None:
    reply = {"embeddings": {"float": [[0.5, -2.0]]}, "meta": {"billed_units": {"input_tokens": 3.0}}}
    plain, packed = embed_answer(reply), embed_answer(reply, encoding_format="base64")
    assert plain["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, -2.0]}]
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert struct.unpack("<2f", base64.b64decode(packed["data"][0]["embedding"])) == (0.5, -2.0)


def test_vectors_are_read_when_they_stand_alone() -> None:
    assert embed_answer({"embeddings": [[1.0]]})["data"][0]["embedding"] == [1.0]


@pytest.mark.parametrize(
    "reply", [{}, {"embeddings": {}}, {"embeddings": {"float": [3]}}, {"embeddings": {"float": [["x"]]}}]
)
def test_an_embedding_is_invalid_when_it_is_no_list_of_numbers(reply: dict[str, Any]) -> None:
    with pytest.raises(InvalidProviderResponseError):
        embed_answer(reply, encoding_format="base64")


def test_both_names_are_one_provider_when_they_are_looked_up() -> None:
    assert CHAT_PROVIDER.build_request is PROVIDER.build_request
    assert CHAT_PROVIDER.name == "cohere_chat"


@pytest.mark.parametrize("model", ["command-a-03-2025", THINKER])
def test_a_request_is_built_or_refused_when_any_part_of_it_is_nonsense(model: str) -> None:
    assert body_for(model, **RICH_CHAT)["messages"]
    for nonsense in broken(RICH_CHAT):
        try:
            body = body_for(model, **nonsense)
        except GatewayError as error:
            assert 400 <= error.status_code < 500
        else:
            assert "messages" in body


def test_an_answer_is_sound_or_an_error_of_ours_when_any_part_of_it_is_nonsense() -> None:
    content = [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}]
    message = {"content": content, "tool_plan": "p", "tool_calls": [CALL], "citations": [CITATION]}
    logprobs = [{"text": "x", "token_ids": [1], "logprobs": [-0.5]}]
    usage = end()["delta"]["usage"]
    for reply in broken({"message": message, "finish_reason": "COMPLETE", "usage": usage, "logprobs": logprobs}):
        try:
            answer = answer_to(reply)
        except GatewayError:
            continue
        assert answer["object"] == "chat.completion"


def test_a_stream_gives_chunks_or_an_error_of_ours_when_any_part_of_it_is_nonsense() -> None:
    events = [
        *EVENTS,
        say("tool-plan-delta", tool_plan="p"),
        say("tool-call-start", tool_calls={**CALL, "function": {"name": "f", "arguments": ""}}),
        say("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
        {"type": "tool-call-end", "index": 0},
        say("citation-start", citations=CITATION),
        end(),
    ]
    for nonsense in broken(events):
        try:
            chunks = stream_of(nonsense)
        except GatewayError:
            continue
        assert chunks[-1].without_choices
