"""Converse answers and errors as completions and errors."""

import json
from typing import Any

import pytest

from proxy.errors import (
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ContextWindowExceededError,
    GatewayError,
    InvalidProviderResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    Timeout,
)
from proxy.providers.bedrock import PROVIDER
from tests.providers.bedrock.asking import CLAUDE, FORMAT, HELLO, OLD_CLAUDE, THOUGHTS, call, deployment, turns


def parse(content: list[Any], stop: str = "end_turn", model: str = CLAUDE, **fields: Any) -> dict[str, Any]:
    usage = fields.pop("usage", {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7})
    more = fields.pop("more", {})
    reply = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": usage,
        **more,
    }
    body = json.dumps(reply).encode()
    answer = PROVIDER.parse_response(body, {}, call(messages=HELLO, **fields), deployment(model))
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


def test_answer_is_a_completion_when_the_model_writes_thinks_and_calls() -> None:
    answer = parse(
        [
            {"reasoningContent": {"reasoningText": {"text": "Hm.\n", "signature": "c2ln+/=="}}},
            {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
            {"text": "Let me "},
            {"text": "see."},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
        ],
        "tool_use",
    )
    choice = answer["choices"][0]
    assert answer["model"] == f"bedrock/{CLAUDE}"
    assert answer["id"] == "chatcmpl-call-1"
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me see."
    assert choice["message"]["reasoning_content"] == "Hm.\n"
    assert choice["message"]["thinking_blocks"] == THOUGHTS
    assert choice["message"]["tool_calls"] == [
        {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    ]


def test_message_goes_back_as_it_came_when_it_is_sent_again() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Hm.\n", "signature": "c2ln+/=="}}},
        {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
        {"text": "Let me see."},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"b": 1.5, "a": ["é"]}}},
    ]
    message = parse(content, "tool_use")["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "t1", "content": "rain"}
    assert turns(*HELLO, message, result)[1] == {"role": "assistant", "content": content}


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "stop"),
        ("something_new", "stop"),
    ],
)
def test_stop_reason_is_translated(stop: str, reason: str) -> None:
    assert parse([{"text": "x"}], stop)["choices"][0]["finish_reason"] == reason


def test_usage_counts_the_cache_when_bedrock_does_not() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 115,
        "cacheReadInputTokens": 70,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
    }
    found = parse([{"text": "x"}], usage=usage)["usage"]
    assert (found["prompt_tokens"], found["completion_tokens"], found["total_tokens"]) == (110, 5, 115)
    assert found["prompt_tokens_details"]["cached_tokens"] == 70
    assert found["prompt_tokens_details"]["cache_creation_tokens"] == 30


def test_citations_become_annotations_when_they_have_an_address() -> None:
    cited = {
        "content": [{"text": "It rains."}],
        "citations": [
            {"title": "News", "location": {"web": {"url": "https://example.com/n", "domain": "example.com"}}},
            {"title": "Paper", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}},
        ],
    }
    message = parse([{"citationsContent": cited}])["choices"][0]["message"]
    assert message["content"] == "It rains."
    assert message["annotations"] == [
        {"type": "url_citation", "url_citation": {"url": "https://example.com/n", "title": "News"}}
    ]
    assert message["provider_specific_fields"]["citations"] == cited["citations"]


def test_json_tool_is_unpacked_when_it_carries_the_answer() -> None:
    content = [{"toolUse": {"toolUseId": "t", "name": "json_tool_call", "input": {"name": "Bob"}}}]
    choice = parse(content, "tool_use", OLD_CLAUDE, response_format=FORMAT)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"name":"Bob"}', "stop")
    assert "tool_calls" not in choice["message"]


def test_guardrails_trace_is_kept_when_it_intervened() -> None:
    message = parse([{"text": "No."}], "guardrail_intervened", more={"trace": {"guardrail": {"a": 1}}})["choices"][0][
        "message"
    ]
    assert message["provider_specific_fields"]["trace"] == {"guardrail": {"a": 1}}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"output":null}', b'{"output":{"message":{"content":null}}}']
)
def test_invalid_response_when_there_is_no_message(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, call(messages=HELLO), deployment())


@pytest.mark.parametrize(
    "block",
    [
        None,
        1,
        {},
        {"toolUse": None},
        {"toolUse": {}},
        {"reasoningContent": 1},
        {"citationsContent": {}},
        {"image": {}},
        {"reasoningContent": {"reasoningText": None}},
        {"newThing": {}},
    ],
)
def test_answer_is_sound_when_a_block_is_odd(block: Any) -> None:
    assert parse([block, {"text": "x"}], usage=None)["choices"][0]["message"]["content"] == "x"


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected", "code"),
    [
        (400, "ValidationException", "bad", BadRequestError, 400),
        (
            400,
            "ValidationException:http://internal.amazon.com/",
            "Input is too long for requested model.",
            ContextWindowExceededError,
            400,
        ),
        (400, "ValidationException", "prompt is too long: 9 tokens > 8 maximum", ContextWindowExceededError, 400),
        (400, "ValidationException", "Too many input tokens. Max input tokens: 8192", ContextWindowExceededError, 400),
        (400, "ValidationException", "expected maxLength: 50000, actual: 60000", ContextWindowExceededError, 400),
        (403, "AccessDeniedException", "no", PermissionDeniedError, 403),
        (403, "ExpiredTokenException", "expired", PermissionDeniedError, 403),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            AuthenticationError,
            401,
        ),
        (404, "ResourceNotFoundException", "no model", NotFoundError, 404),
        (408, "ModelTimeoutException", "slow", Timeout, 408),
        (422, "", "odd", BadRequestError, 400),
        (424, "ModelErrorException", "broke", BadGatewayError, 502),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimitError, 429),
        (500, "InternalServerException", "oops", ServiceUnavailableError, 503),
        (503, "ServiceUnavailableException", "busy", ServiceUnavailableError, 503),
    ],
)
def test_error_is_classified_by_status_and_then_by_words(
    status: int, kind: str, message: str, expected: type[GatewayError], code: int
) -> None:
    body = json.dumps({"message": message}).encode()
    error = PROVIDER.parse_error(status, body, {"x-amzn-errortype": kind}, deployment())
    assert type(error) is expected
    assert error.status_code == code
    assert message in error.message


def test_error_type_is_read_from_the_body_when_no_header_has_it() -> None:
    body = b'{"__type":"com.amazon.coral#UnrecognizedClientException","message":"who?"}'
    error = PROVIDER.parse_error(403, body, {}, deployment())
    assert type(error) is AuthenticationError
    assert error.code == "UnrecognizedClientException"


@pytest.mark.parametrize("body", [b"", b"<html>nope</html>", b'"text"', b"[1]", b'{"message":{"a":1}}'])
def test_error_is_sound_when_the_body_is_not(body: bytes) -> None:
    assert "html" not in PROVIDER.parse_error(500, body, {}, deployment()).message
