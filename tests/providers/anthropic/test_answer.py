"""Anthropic's messages as chat completions, whole and streamed: the same facts both ways."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import GatewayError, InvalidProviderResponseError, ServiceUnavailableError, TruncatedStreamError
from proxy.providers.anthropic import PROVIDER
from proxy.providers.anthropic.usage import merge_usage
from proxy.transport.framing.sse import SSEDecoder
from tests.providers.anthropic.exchange import (
    HELLO,
    WEATHER,
    answer_to,
    body_for,
    build_call,
    build_deployment,
    events_of,
    stream_of,
)
from tests.providers.gathering import echo, gather
from tests.providers.nonsense import broken

THINKING = {"type": "thinking", "thinking": "Hm, snø", "signature": "sig+/=="}
REDACTED = {"type": "redacted_thinking", "data": "EqkE"}
TEXT = {"type": "text", "text": "Cold."}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo", "days": [1, 2.5]}}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "snow"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"encrypted_content": "E=="}]}
CITATION = {"type": "web_search_result_location", "url": "https://x.no", "title": "Snow", "encrypted_index": "I=="}
CITED = {"type": "text", "text": "It snows", "citations": [CITATION]}
FORMAT = {"type": "json_object"}


def both(blocks: list[dict[str, Any]], stop_reason: str = "end_turn", **fields: Any) -> list[dict[str, Any]]:
    """The answer to these blocks, whole and streamed."""
    whole = answer_to({"content": blocks, "stop_reason": stop_reason, "usage": {}}, **fields)
    return [whole, gather(stream_of(events_of(blocks, stop_reason), **fields))]


def only_choice(answer: dict[str, Any]) -> tuple[dict[str, Any], str]:
    (choice,) = answer["choices"]
    return choice["message"], choice["finish_reason"]


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_the_finish_is_openais_word_when_the_model_stops(stop_reason: str, finish: str) -> None:
    for answer in both([TEXT], stop_reason):
        message, reason = only_choice(answer)
        assert reason == finish
        assert message["content"] == "Cold."
        told = message.get("provider_specific_fields", {}).get("stop_reason")
        assert told == (None if stop_reason in ("end_turn", "max_tokens") else stop_reason)


def test_calls_have_arguments_as_text_when_the_model_uses_tools() -> None:
    bare = {**CALL, "id": "toolu_2", "input": {}}
    for answer in both([TEXT, CALL, bare], "tool_use"):
        message, reason = only_choice(answer)
        assert reason == "tool_calls"
        assert message["content"] == "Cold."
        assert [call["id"] for call in message["tool_calls"]] == ["toolu_1", "toolu_2"]
        assert [json.loads(call["function"]["arguments"]) for call in message["tool_calls"]] == [CALL["input"], {}]


def test_thoughts_are_text_and_blocks_when_the_model_thinks() -> None:
    for answer in both([THINKING, REDACTED, TEXT]):
        message, _ = only_choice(answer)
        assert message["reasoning_content"] == "Hm, snø"
        blocks = [
            {name: value for name, value in block.items() if name != "index"} for block in message["thinking_blocks"]
        ]
        assert blocks == [THINKING, REDACTED]


def test_text_is_not_lost_when_a_block_begins_with_it() -> None:
    events = events_of([])
    for index, block in enumerate([THINKING, TEXT]):
        events[-2:-2] = [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        ]
    message, _ = only_choice(gather(stream_of(events)))
    assert (message["reasoning_content"], message["content"]) == ("Hm, snø", "Cold.")
    assert message["thinking_blocks"] == [{**THINKING, "index": 0}]


def test_citations_are_annotations_when_they_name_pages() -> None:
    for answer in both([TEXT, SEARCH, FOUND, CITED]):
        message, _ = only_choice(answer)
        (annotation,) = message["annotations"]
        assert annotation["url_citation"] == {"start_index": 5, "end_index": 13, "url": "https://x.no", "title": "Snow"}
        assert message["provider_specific_fields"]["citations"] == [CITATION]
        assert "tool_calls" not in message


@pytest.mark.parametrize(
    "blocks",
    [
        [TEXT],
        [CALL],
        [THINKING, CALL],
        [THINKING, REDACTED, THINKING, TEXT, CALL, {**CALL, "id": "toolu_2", "input": {}}],
        [THINKING, TEXT, {**THINKING, "signature": "other"}, CALL],
        [THINKING, SEARCH, FOUND, TEXT, CITED, {**SEARCH, "id": "srvtoolu_2"}],
        [SEARCH, FOUND, {"type": "a_new_block", "what": "ever"}, CITED, CALL],
        [{**CALL, "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}}],
    ],
)
def test_an_answer_goes_back_bit_for_bit_when_the_client_returns_it(blocks: list[dict[str, Any]]) -> None:
    for answer in both(blocks):
        results = [{"role": "tool", "tool_call_id": b["id"], "content": "x"} for b in blocks if b["type"] == "tool_use"]
        messages = [*HELLO, echo(answer), *results, {"role": "user", "content": "On"}]
        assert body_for(messages=messages, tools=[WEATHER])["messages"][1]["content"] == blocks


def test_blocks_are_built_anew_when_the_client_took_a_call_out() -> None:
    blocks = [THINKING, SEARCH, FOUND, TEXT, CALL]
    for answer in both(blocks):
        message = echo(answer)
        del message["tool_calls"]
        content = body_for(messages=[*HELLO, message, *HELLO])["messages"][1]["content"]
        assert content == [THINKING, TEXT]


def test_the_content_is_the_tools_arguments_when_the_answer_was_asked_for_as_json() -> None:
    block = {**CALL, "name": "json_tool_call"}
    for answer in both([TEXT, block], "tool_use", response_format=FORMAT):
        message, reason = only_choice(answer)
        assert json.loads(message["content"]) == CALL["input"]
        assert reason == "stop"
        assert "tool_calls" not in message


@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', '```\n{"a": 1}\n```\n'])
def test_the_text_is_the_content_when_the_model_did_not_use_the_answers_tool(text: str) -> None:
    for answer in both([{"type": "text", "text": text}], response_format=FORMAT):
        assert only_choice(answer)[0]["content"] == '{"a": 1}'


def test_a_clients_call_stays_a_call_when_json_was_asked_for_too() -> None:
    for answer in both([CALL], "tool_use", response_format=FORMAT, tools=[WEATHER]):
        message, reason = only_choice(answer)
        assert reason == "tool_calls"
        assert len(message["tool_calls"]) == 1


def test_usage_counts_the_cache_in_when_the_provider_counts_it_apart() -> None:
    usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 5},
        "server_tool_use": {"web_search_requests": 1},
        "service_tier": "standard",
    }
    chunks = stream_of(events_of([TEXT], **{**usage, "output_tokens": 1}))
    assert chunks[-1].without_choices
    for answer in (answer_to({"content": [TEXT], "usage": usage}), gather(chunks)):
        assert answer["usage"] == {
            "prompt_tokens": 113,
            "completion_tokens": 7,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_creation_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 5},
            "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 10,
            "server_tool_use": {"web_search_requests": 1},
        }
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.cache_write_1h_tokens == 40


def test_chunks_name_their_answer_when_they_are_streamed() -> None:
    first, *_, last = [json.loads(chunk.data) for chunk in stream_of(events_of([TEXT]))]
    assert first == {
        "id": "msg_1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "anthropic/claude-haiku-4-5",
        "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}
        ],
    }
    assert last["choices"] == []


def test_nothing_counts_as_content_when_only_the_role_has_come() -> None:
    chunks = stream_of(events_of([TEXT]))
    assert [chunk.content for chunk in chunks] == [False, *[True] * 5, False, False]
    assert [chunk.finished for chunk in chunks] == [*[False] * 6, True, False]


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_the_error_is_raised_when_it_comes_amid_a_stream() -> None:
    with pytest.raises(ServiceUnavailableError, match="Overloaded"):
        stream_of([*events_of([TEXT])[:4], ERROR])


def test_the_error_is_raised_when_it_comes_with_200() -> None:
    with pytest.raises(ServiceUnavailableError, match="Overloaded"):
        PROVIDER.parse_response(json.dumps(ERROR).encode(), {}, build_call({}), build_deployment())


@pytest.mark.parametrize("length", range(len(events_of([THINKING, TEXT, CALL]))))
def test_a_stream_is_truncated_when_it_ends_anywhere_before_its_end(length: int) -> None:
    with pytest.raises(TruncatedStreamError):
        stream_of(events_of([THINKING, TEXT, CALL])[:length])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"content": "text"}', b"{}", b"null"])
def test_an_answer_is_invalid_when_it_is_no_message(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, build_call({}), build_deployment())


def test_an_answer_is_sound_when_nearly_everything_is_missing() -> None:
    answer = answer_to({"content": [{}, "x", {"type": "text"}], "id": None, "model": None})
    message, reason = only_choice(answer)
    assert (message["content"], reason) == ("", "stop")
    assert answer["id"] == "msg_call-1"
    assert answer["model"] == "anthropic/claude-haiku-4-5"


ODD = [THINKING, REDACTED, {"type": "text", "text": "C"}, {**SEARCH, "input": {}}, FOUND, CITED, {**CALL, "input": {}}]


def test_a_stream_gives_chunks_or_an_error_of_ours_when_any_part_of_it_is_nonsense() -> None:
    for events in broken(events_of(ODD, "refusal")):
        try:
            chunks = stream_of(
                event for event in events if isinstance(event, dict) and isinstance(event.get("type"), str)
            )
        except GatewayError:
            continue
        assert chunks[-1].without_choices


def test_an_answer_is_sound_or_an_error_of_ours_when_any_part_of_it_is_nonsense() -> None:
    for message in broken(
        {"content": ODD, "stop_reason": "refusal", "stop_details": {"explanation": "x"}, "usage": {"input_tokens": 1}}
    ):
        try:
            answer = answer_to(message)
        except InvalidProviderResponseError:
            continue
        assert answer["object"] == "chat.completion"


WIRE = b"".join(
    b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event, ensure_ascii=False).encode())
    for event in events_of([THINKING, TEXT, CALL], "tool_use")
)


@given(st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_chunks_are_the_same_when_the_bytes_are_cut_anywhere(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(WIRE)})
    framing, decoder = SSEDecoder(), PROVIDER.open_stream(build_call({}), build_deployment())
    events: list[Event] = []
    for start, end in pairwise(places):
        events += framing.feed(WIRE[start:end])
    chunks = [chunk for event in [*events, *framing.finish()] for chunk in decoder.feed(event)]
    assert [*chunks, *decoder.finish()] == stream_of(events_of([THINKING, TEXT, CALL], "tool_use"))


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        (
            {"input_tokens": 25, "cache_read_input_tokens": 100},
            {"input_tokens": 0, "output_tokens": 15},
            (125, 15, 100),
        ),
        ({"input_tokens": 25}, {"input_tokens": None, "cache_read_input_tokens": 0, "output_tokens": 15}, (25, 15, 0)),
        ({"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 25, "output_tokens": 15}, (25, 15, 0)),
        ({"input_tokens": 5, "output_tokens": 1}, {"input_tokens": 25, "output_tokens": 15}, (25, 15, 0)),
        ({"input_tokens": 25, "output_tokens": 3}, {"output_tokens": 0}, (25, 3, 0)),
    ],
)
def test_count_stays_when_a_later_one_is_nothing(
    start: dict[str, Any], end: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": start}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end},
        {"type": "message_stop"},
    ]
    usage = gather(stream_of(events))["usage"]
    found = (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
    )
    assert found == counts


def test_nested_counts_stay_when_later_ones_are_nothing() -> None:
    known = {"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 7, "ephemeral_5m_input_tokens": 0}}
    news = {"cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 2}, "server_tool_use": None}
    assert merge_usage(known, news) == {
        "input_tokens": 1,
        "cache_creation": {"ephemeral_1h_input_tokens": 7, "ephemeral_5m_input_tokens": 2},
        "server_tool_use": None,
    }
