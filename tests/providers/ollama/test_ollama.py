"""Ollama's native format, both ways."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS, Operation
from proxy.domain.wire import Event
from proxy.errors import (
    APIConnectionError,
    BadRequestError,
    ContextWindowExceededError,
    GatewayError,
    InternalServerError,
    InvalidProviderResponseError,
    NotFoundError,
    TruncatedStreamError,
    UnsupportedParamsError,
)
from proxy.providers.ollama import CHAT_PROVIDER, PROVIDER
from proxy.providers.parameters import fit
from proxy.transport.framing.ndjson import NDJSONDecoder

HELLO = [{"role": "user", "content": "hello"}]
PNG = "iVBORw0KGgo="
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALLING = {
    "role": "assistant",
    "content": None,
    "reasoning_content": "Hm.",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}],
}


def deployment(model: str = "llama3", **connection: Any) -> Deployment:
    return Deployment("deployment-1", "group", "ollama_chat", model, connection)


def call(operation: Operation = CHAT, **fields: Any) -> Call:
    return Call(
        id="call-1",
        operation=operation,
        model="group",
        document=Document.of(fields),
        stream=bool(fields.get("stream")),
        started_at=1_700_000_000.0,
    )


def build(model: str = "llama3", messages: Any = None, **fields: Any) -> dict[str, Any]:
    request = CHAT_PROVIDER.build_request(call(messages=messages or HELLO, **fields), deployment(model))
    body: dict[str, Any] = json.loads(request.body)
    return body


def parse(reply: dict[str, Any], operation: Operation = CHAT, **fields: Any) -> dict[str, Any]:
    body = json.dumps(reply).encode()
    answer = CHAT_PROVIDER.parse_response(body, {}, call(operation, **fields), deployment())
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, "http://localhost:11434/api/chat"),
        ({"api_base": "https://ollama.com/"}, "https://ollama.com/api/chat"),
        ({"api_base": "https://ollama.com/api"}, "https://ollama.com/api/chat"),
    ],
)
def test_url_is_the_chat_endpoint_when_the_base_is_given_in_any_form(connection: dict[str, str], url: str) -> None:
    for provider in (PROVIDER, CHAT_PROVIDER):
        assert provider.build_request(call(messages=HELLO), deployment(**connection)).url == url


def test_key_is_a_bearer_token_when_there_is_one() -> None:
    request = PROVIDER.build_request(call(messages=HELLO), deployment(api_key="key"))
    assert request.headers["authorization"] == "Bearer key"


def test_parameters_become_options_when_ollama_has_them_there() -> None:
    body = build(
        max_tokens=5,
        temperature=0,
        top_p=0.5,
        seed=42,
        stop="END",
        presence_penalty=1,
        num_ctx=8192,
        keep_alive="5m",
        user="ann",
    )
    assert body["options"] == {
        "temperature": 0,
        "top_p": 0.5,
        "seed": 42,
        "presence_penalty": 1,
        "num_predict": 5,
        "stop": ["END"],
        "num_ctx": 8192,
    }
    assert (body["keep_alive"], body["stream"]) == ("5m", False)


def test_messages_are_ollamas_when_they_call_tools_and_show_images() -> None:
    messages = [
        {"role": "developer", "content": "be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {"type": "image_url", "image_url": PNG},
            ],
        },
        CALLING,
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]
    assert build(messages=messages)["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look", "images": [PNG, PNG]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}],
        },
        {"role": "tool", "content": "rain", "tool_name": "weather", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "tool", "tool_call_id": "c1", "content": "rain"}], "messages[0].tool_call_id"),
        ([{"role": "wizard", "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "data:x"}]}], "messages[0].content[0]"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "https://e.com/"}]}],
            "messages[0].content[0]",
        ),
        ([{"role": "assistant", "tool_calls": [{}]}], "messages[0].tool_calls[0]"),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_bad_request_names_the_place_when_the_content_is_broken(messages: Any, param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        build(messages=messages)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("model", "fields", "think"),
    [
        ("qwen3", {"reasoning_effort": "high"}, True),
        ("qwen3", {"reasoning_effort": "minimal"}, False),
        ("qwen3", {"reasoning_effort": "none"}, False),
        ("gpt-oss:20b", {"reasoning_effort": "xhigh"}, "high"),
        ("gpt-oss:20b", {"reasoning_effort": "minimal"}, "low"),
        ("qwen3", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
        ("qwen3", {"thinking": {"type": "disabled"}}, False),
        ("gpt-oss:20b", {"think": "medium"}, "medium"),
        ("qwen3", {}, None),
    ],
)
def test_thinking_is_switched_when_the_client_says_how_much(model: str, fields: dict[str, Any], think: Any) -> None:
    assert build(model, **fields).get("think") == think


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}, {"type": "object"}),
        ({"type": "text"}, None),
    ],
)
def test_format_is_json_or_the_schema_when_the_client_wants_one(wanted: dict[str, Any], expected: Any) -> None:
    assert build(response_format=wanted).get("format") == expected


def test_tools_are_left_out_when_the_choice_is_none() -> None:
    assert build(tools=[WEATHER])["tools"] == [WEATHER]
    assert "tools" not in build(tools=[WEATHER], tool_choice="none")


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"tool_choice": "required"}, "tool_choice"), ({"parallel_tool_calls": False}, "parallel_tool_calls"),
     ({"n": 2}, "n"), ({"logit_bias": {"1": 1}}, "logit_bias")],
)  # fmt: skip
def test_unsupported_parameter_is_named_when_ollama_cannot_take_it(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(call(messages=HELLO, **fields), deployment(), CHAT_PROVIDER)
    assert caught.value.param == name


DONE = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 5}


def test_answer_is_a_completion_when_the_model_thinks_and_calls() -> None:
    message = {
        "role": "assistant",
        "content": "",
        "thinking": "Hm.",
        "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Oslo"}}},
            {"id": "call_x", "function": {"index": 1, "name": "weather", "arguments": {}}},
        ],
    }
    answer = parse({"model": "llama3:8b", "message": message, **DONE})
    choice = answer["choices"][0]
    assert answer["model"] == "ollama_chat/llama3:8b"
    assert answer["created"] == 1_700_000_000
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning_content"] == "Hm."
    assert [one["id"] for one in choice["message"]["tool_calls"]] == ["call_call-1_0", "call_x"]
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Oslo"}'}


def test_message_goes_back_as_it_came_when_it_is_sent_again() -> None:
    calls = [{"id": "c", "function": {"name": "weather", "arguments": {"b": 1, "a": "é"}}}]
    message = {"role": "assistant", "content": "x", "thinking": "Hm.\n", "tool_calls": calls}
    sent = parse({"message": message, **DONE})["choices"][0]["message"]
    assert build(messages=[*HELLO, sent])["messages"][1] == message


def test_logprobs_are_openais_when_the_client_wants_them() -> None:
    logprobs = [{"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}]
    assert build(logprobs=True, top_logprobs=2)["top_logprobs"] == 2
    answer = parse({"message": {"content": "x"}, "logprobs": logprobs, **DONE})
    assert answer["choices"][0]["logprobs"]["content"] == logprobs


def test_finish_reason_is_length_when_the_limit_was_met() -> None:
    answer = parse({"message": {"content": "x"}, **DONE, "done_reason": "length"})
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"message":"x"}'])
def test_invalid_response_when_there_is_no_message(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, call(messages=HELLO), deployment())


@pytest.mark.parametrize(
    "message", [{}, {"tool_calls": [1, {}, {"function": 3}], "content": 4, "thinking": 5, "images": [6]}]
)
def test_answer_is_sound_when_the_message_is_odd(message: dict[str, Any]) -> None:
    assert parse({"message": message})["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (404, "model 'x' not found", NotFoundError),
        (400, "x does not support tools", BadRequestError),
        (400, "the request exceeds the available context size", ContextWindowExceededError),
        (500, "invalid think value", BadRequestError),
        (500, "llama runner process has terminated", InternalServerError),
    ],
)
def test_error_is_classified_by_status_and_then_by_words(
    status: int, message: str, expected: type[GatewayError]
) -> None:
    error = PROVIDER.parse_error(status, json.dumps({"error": message}).encode(), {}, deployment())
    assert type(error) is expected
    assert message in error.message


LINES = [
    {
        "model": "qwen3",
        "created_at": "2026-08-07T06:08:23.5Z",
        "message": {"role": "assistant", "content": "", "thinking": "Hm"},
    },
    {"model": "qwen3", "message": {"content": "", "thinking": "."}, "done": False},
    {"model": "qwen3", "message": {"content": "Let me "}},
    {"model": "qwen3", "message": {"content": "see."}},
    {
        "model": "qwen3",
        "message": {"content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"a": 1}}}]},
    },
    {"model": "qwen3", "message": {"content": "", "tool_calls": [{"id": "y", "function": {"name": "weather"}}]}},
    {"model": "qwen3", "message": {"content": ""}, **DONE},
]
STREAM = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)


def run(blocks: list[bytes]) -> list[dict[str, Any]]:
    framing, decoder = NDJSONDecoder(), CHAT_PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment())
    events = [event for block in blocks for event in framing.feed(block)] + framing.finish()
    chunks = [chunk for event in events for chunk in decoder.feed(event)]
    return [json.loads(chunk.data) for chunk in [*chunks, *decoder.finish()]]


def test_stream_gives_the_whole_answer_when_it_holds_everything() -> None:
    chunks = run([STREAM])
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content") or "" for delta in deltas) == "Let me see."
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Hm."
    calls = [one for delta in deltas for one in delta.get("tool_calls", [])]
    assert [(one["index"], one["id"], one["function"]["arguments"]) for one in calls] == [
        (0, "call_call-1_0", '{"a":1}'),
        (1, "y", "{}"),
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"]["total_tokens"] == 12


@given(st.lists(st.integers(min_value=1, max_value=200), max_size=20))
def test_chunks_are_the_same_when_the_bytes_are_cut_anywhere(cuts: list[int]) -> None:
    raw, blocks = STREAM, []
    for size in cuts:
        blocks.append(raw[:size])
        raw = raw[size:]
    assert run([*blocks, raw]) == run([STREAM])


def test_truncated_stream_when_it_ends_before_done() -> None:
    with pytest.raises(TruncatedStreamError):
        run([STREAM[: STREAM.rindex(b'{"model"')]])


def test_error_is_raised_when_a_line_brings_one() -> None:
    with pytest.raises(APIConnectionError, match="out of memory"):
        run([STREAM[:200].partition(b"\n")[0] + b"\n" + b'{"error":"out of memory"}\n'])


def test_truncated_stream_when_a_line_is_not_json() -> None:
    decoder = PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment())
    with pytest.raises(TruncatedStreamError):
        decoder.feed(Event(b'{"model":'))


def test_embedding_is_translated_both_ways() -> None:
    request = PROVIDER.build_request(
        call(EMBEDDINGS, input="a", dimensions=2, num_ctx=512, truncate=False), deployment()
    )
    assert request.url.endswith("/api/embed")
    assert json.loads(request.body) == {
        "model": "llama3", "input": ["a"], "truncate": False, "dimensions": 2, "options": {"num_ctx": 512}
    }  # fmt: skip
    answer = parse({"model": "llama3", "embeddings": [[0.5, 1.0]], "prompt_eval_count": 3}, EMBEDDINGS, input="a")
    assert answer["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}]
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_embedding_is_packed_when_the_client_wants_base64() -> None:
    answer = parse({"embeddings": [[0.5, 1]]}, EMBEDDINGS, input="a", encoding_format="base64")
    assert answer["data"][0]["embedding"] == "AAAAPwAAgD8="


def test_answer_is_read_when_an_imitation_names_its_members_otherwise() -> None:
    answer = parse({"message": {"content": "x", "reasoning_content": "Hm."}, **DONE})
    assert answer["choices"][0]["message"]["reasoning_content"] == "Hm."
    assert parse({"embedding": [0.5]}, EMBEDDINGS, input="a")["data"][0]["embedding"] == [0.5]


def test_invalid_response_when_there_is_no_embedding() -> None:
    with pytest.raises(InvalidProviderResponseError):
        parse({"embeddings": []}, EMBEDDINGS, input="a")
