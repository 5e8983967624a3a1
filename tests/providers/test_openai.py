"""OpenAI's format: what is forwarded as it came, and the little that changes."""

import json
from typing import Any

import pytest

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import Event
from proxy.errors import (
    BadRequestError,
    ContextWindowExceededError,
    GatewayError,
    InvalidProviderResponseError,
    RateLimitError,
    TruncatedStreamError,
)
from proxy.providers.compatible.openai import PROVIDER, Compatible, build_provider
from proxy.providers.registry import PROVIDERS
from tests.providers.recordings import build_call, build_deployment

DEPLOYMENT = build_deployment("openai", "gpt-4o")
MESSAGES = [{"role": "user", "content": "Hi"}]


def build_raw(raw: bytes, *, stream: bool = False) -> Call:
    return Call("1", CHAT, "group", Document.parse(raw), stream=stream)


def test_bytes_are_forwarded_when_only_the_model_changes() -> None:
    raw = b'{ "model": "group", "temperature": 0.70, "big": 12345678901234567890, "messages": [] , "x": {"b":1,"a":2}}'
    sent = PROVIDER.build_request(build_raw(raw), DEPLOYMENT).body
    assert sent == (
        b'{"model": "gpt-4o","temperature": 0.70, "big": 12345678901234567890, "messages": [] , "x": {"b":1,"a":2}}'
    )


def test_answer_is_forwarded_when_its_model_needs_no_prefix() -> None:
    raw = b'{ "choices" : [], "model":"gpt-4o-2024", "cost": 1.0e-5, "x": null }'
    assert PROVIDER.parse_response(raw, {}, build_raw(b"{}"), DEPLOYMENT).body == raw


def test_thoughts_have_the_usual_name_when_a_compatible_server_calls_them_otherwise() -> None:
    raw = b'{"choices": [{"index": 0, "message": {"content": "4", "reasoning": "2 + 2"}, "finish_reason": "stop"}]}'
    answer = json.loads(PROVIDER.parse_response(raw, {}, build_raw(b"{}"), DEPLOYMENT).body)
    assert answer["choices"][0]["message"] == {"content": "4", "reasoning": "2 + 2", "reasoning_content": "2 + 2"}


def test_url_and_key_are_openais_when_nothing_is_configured() -> None:
    request = PROVIDER.build_request(build_call("chat", {"messages": MESSAGES}), DEPLOYMENT)
    assert request.url == "https://api.openai.com/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer test-key"


def test_usage_is_asked_for_when_the_answer_is_streamed() -> None:
    body = {"messages": MESSAGES, "stream": True, "stream_options": {"include_obfuscation": False}}
    sent = json.loads(PROVIDER.build_request(build_call("chat", body), DEPLOYMENT).body)
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5", "gpt-5.1-codex", "openai/o1"])
def test_limit_has_its_new_name_when_the_model_reasons(model: str) -> None:
    call = build_call("chat", {"messages": MESSAGES, "max_tokens": 5})
    sent = json.loads(PROVIDER.build_request(call, build_deployment("openai", model)).body)
    assert (sent.get("max_tokens"), sent["max_completion_tokens"]) == (None, 5)


@pytest.mark.parametrize("model", ["gpt-4o", "my-o1", "ft:gpt-4o:x"])
def test_limit_keeps_its_name_when_the_model_is_another(model: str) -> None:
    call = build_call("chat", {"messages": MESSAGES, "max_tokens": 5})
    sent = json.loads(PROVIDER.build_request(call, build_deployment("openai", model)).body)
    assert (sent["max_tokens"], sent.get("max_completion_tokens")) == (5, None)


def test_gateways_own_members_stay_here_when_a_conversation_comes_from_elsewhere() -> None:
    message = {"role": "assistant", "content": "x", "thinking_blocks": [], "provider_specific_fields": {}}
    call = build_call("chat", {"messages": [message, {"role": "developer", "content": "y"}]})
    sent = json.loads(PROVIDER.build_request(call, DEPLOYMENT).body)
    assert sent["messages"] == [{"role": "assistant", "content": "x"}, {"role": "developer", "content": "y"}]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a":'])
def test_answer_is_a_provider_error_when_it_is_no_json_object(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, build_raw(b"{}"), DEPLOYMENT)


def test_answer_is_an_error_when_a_200_says_so() -> None:
    body = b'{"error": {"message": "slow down", "type": "rate_limit_error"}}'
    with pytest.raises(RateLimitError, match="slow down"):
        PROVIDER.parse_response(body, {}, build_raw(b"{}"), DEPLOYMENT)


def test_context_window_is_known_by_its_code_when_the_status_is_400() -> None:
    body = b'{"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}'
    assert isinstance(PROVIDER.parse_error(400, body, {}, DEPLOYMENT), ContextWindowExceededError)


def feed(*events: Any) -> list[dict[str, Any]]:
    decoder = PROVIDER.open_stream(build_raw(b"{}", stream=True), DEPLOYMENT)
    chunks = [chunk for data in events for chunk in decoder.feed(Event(data))]
    return [json.loads(chunk.data) for chunk in chunks + decoder.finish()]


FINISH = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


def test_stream_is_whole_when_done_is_missing() -> None:
    assert len(feed(FINISH)) == 1


def test_stream_is_over_when_done_has_come() -> None:
    assert len(feed(FINISH, b"[DONE]", FINISH)) == 1


@pytest.mark.parametrize("events", [(), (b"[DONE]",), (b'{"choices":[{"index":0,"delta":{"content":"x"}}]}',)])
def test_stream_is_truncated_when_no_finish_came(events: tuple[bytes, ...]) -> None:
    with pytest.raises(TruncatedStreamError):
        feed(*events)


def test_stream_is_truncated_when_a_chunk_is_no_json() -> None:
    with pytest.raises(TruncatedStreamError):
        feed(b'{"choices":')


def test_stream_raises_the_error_when_a_chunk_carries_one() -> None:
    with pytest.raises(RateLimitError):
        feed(b'{"error": {"message": "slow down", "code": 429}}')


def test_what_is_missing_is_named_when_there_is_no_base_url() -> None:
    provider = build_provider("bare", Compatible(None))
    with pytest.raises(GatewayError, match=r"litellm_params\.api_base"):
        provider.build_request(build_call("chat", {"messages": MESSAGES}), build_deployment("bare", "m"))


TEMPLATE = build_provider("templated", Compatible("https://{account_id}.example.com/v1"))


def test_base_url_is_filled_in_when_it_names_a_parameter() -> None:
    deployment = build_deployment("templated", "m").with_overrides({"account_id": "mine-1"})
    request = TEMPLATE.build_request(build_call("chat", {"messages": MESSAGES}), deployment)
    assert request.url == "https://mine-1.example.com/v1/chat/completions"


def test_what_is_missing_is_named_when_the_base_url_needs_it() -> None:
    with pytest.raises(GatewayError, match=r"litellm_params\.account_id"):
        TEMPLATE.build_request(build_call("chat", {"messages": MESSAGES}), build_deployment("templated", "m"))


@pytest.mark.parametrize("value", ["evil.com/", "evil.com#", "a@evil.com", "..", "a:1", 7, "a\n"])
def test_key_goes_nowhere_else_when_a_client_gives_a_part_of_the_host(value: Any) -> None:
    deployment = build_deployment("templated", "m").with_overrides({"account_id": value})
    with pytest.raises(BadRequestError):
        TEMPLATE.build_request(build_call("chat", {"messages": MESSAGES}), deployment)


def test_embeddings_go_to_their_path_when_they_are_asked_for() -> None:
    call = Call("1", EMBEDDINGS, "group", Document.of({"input": ["a"]}))
    assert PROVIDER.build_request(call, DEPLOYMENT).url == "https://api.openai.com/v1/embeddings"


def test_a_stream_goes_on_when_a_chunk_holds_half_a_surrogate_pair() -> None:
    decoder = PROVIDERS["groq"].open_stream(
        Call("call-1", CHAT, "group", Document.of({"messages": []}), stream=True),
        Deployment("d", "group", "groq", "m", {"api_key": "k"}),
    )
    texts = [r"one \ud83d", " two"]
    events = [f'{{"model":"m","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}' for text in texts]
    events.append('{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
    chunks = [chunk for event in (*events, "[DONE]") for chunk in decoder.feed(Event(event.encode()))]

    assert "".join(loads(chunk.data)["choices"][0]["delta"].get("content", "") for chunk in chunks) == "one \ufffd two"
    assert decoder.finish() == []


def test_an_integer_keeps_its_digits_when_the_answer_around_it_is_edited() -> None:
    body = b'{"model":"m","choices":[{"index":0,"message":{"content":"x","reasoning":"y","n":100000000000000000001}}]}'
    deployment = Deployment("d", "group", "openai", "m", {"api_key": "k"})
    answer = PROVIDERS["openai"].parse_response(body, {}, Call("call-1", CHAT, "group", Document.of({})), deployment)

    assert b'"n":100000000000000000001' in answer.body
