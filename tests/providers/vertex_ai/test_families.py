"""Claude and the partners' models on Vertex AI: their own formats, in Google's wrapping."""

import json
from typing import Any

import pytest

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import Event
from proxy.errors import RateLimitError, UnsupportedParamsError
from proxy.providers.parameters import fit
from proxy.providers.registry import PROVIDERS
from proxy.providers.translation.call_ids import sign_id
from tests.providers.gathering import gather
from tests.providers.gemini.exchange import build_call

VERTEX = PROVIDERS["vertex_ai"]
CLAUDE = "claude-sonnet-4@20250514"
LLAMA = "meta/llama-3.3-70b-instruct-maas"
LOOK = {"type": "function", "function": {"name": "look", "arguments": "{}"}}


def deployment(model: str) -> Deployment:
    return Deployment("deployment-1", "group", "vertex_ai", model, {"vertex_project": "project"})


def body_for(model: str, call: Call) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(VERTEX.build_request(call, deployment(model)).body)
    return body


@pytest.mark.parametrize("stream", [False, True])
def test_model_is_in_the_path_only_when_claude_is_asked(stream: bool) -> None:
    body = body_for(CLAUDE, build_call({"max_tokens": 5, "stream": stream}))
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body
    assert body.get("stream", False) is stream
    assert body["messages"][0]["role"] == "user"


def test_answer_is_read_as_claudes_when_claude_answers() -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-sonnet-4-20250514",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    answer = json.loads(
        VERTEX.parse_response(json.dumps(message).encode(), {}, build_call({}), deployment(CLAUDE)).body
    )
    assert answer["choices"][0]["message"]["content"] == "Hi"
    assert answer["model"] == "vertex_ai/claude-sonnet-4-20250514"
    assert answer["usage"]["total_tokens"] == 5


def test_partner_is_named_with_its_publisher_when_it_is_asked() -> None:
    body = body_for(LLAMA, build_call({"temperature": 0.5, "stream": True}))
    assert (body["model"], body["temperature"], body["stream"]) == (LLAMA, 0.5, True)
    assert body_for("llama-4-scout-maas", build_call({}))["model"] == "meta/llama-4-scout-maas"
    assert body_for("mistralai/mistral-large@2407", build_call({}))["model"] == "mistral-large@2407"


def test_chunks_are_relayed_when_a_partner_streams() -> None:
    chunk = {"id": "1", "object": "chat.completion.chunk", "model": LLAMA, "choices": []}
    choice = {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    decoder = VERTEX.open_stream(build_call({"stream": True}), deployment(LLAMA))
    chunks = decoder.feed(Event(json.dumps({**chunk, "choices": [choice]}).encode())) + decoder.finish()
    answer = gather(chunks)
    assert answer["choices"][0]["message"]["content"] == "Hi"
    assert answer["model"] == f"vertex_ai/{LLAMA}"


@pytest.mark.parametrize("model", [CLAUDE, LLAMA])
def test_ids_are_plain_when_the_model_is_not_geminis(model: str) -> None:
    identifier = sign_id("call_1", "c2ln", "vertex_ai")
    messages = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": identifier, **LOOK}]},
        {"role": "tool", "tool_call_id": identifier, "content": "a cat"},
    ]
    body = body_for(model, build_call({"messages": messages}))
    assert "__thought__" not in json.dumps(body)
    assert json.dumps(body).count('"call_1"') == 2


@pytest.mark.parametrize(
    ("model", "fields", "refused"),
    [
        ("gemini-2.5-flash", {"logit_bias": {"1": 2}}, "logit_bias"),
        ("gemini-2.5-flash", {"service_tier": "flex"}, "service_tier"),
        (CLAUDE, {"seed": 1}, "seed"),
        (CLAUDE, {"temperature": 1.5}, "temperature"),
    ],
)
def test_parameter_is_refused_by_name_when_the_family_lacks_it(
    model: str, fields: dict[str, Any], refused: str
) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(build_call(fields), deployment(model), VERTEX)
    assert caught.value.param == refused


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gemini-2.5-flash", {"seed": 1, "n": 2}),
        (CLAUDE, {"reasoning_effort": "low"}),
        (LLAMA, {"logit_bias": {"1": 2}}),
        ("text-embedding-005", {"input": "a", "dimensions": 8}),
    ],
)
def test_parameter_passes_when_the_family_takes_it(model: str, fields: dict[str, Any]) -> None:
    assert fit(build_call(fields), deployment(model), VERTEX).drop == ()


@pytest.mark.parametrize(
    "body",
    [
        b'[{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}]',
        b'{"type": "error", "error": {"type": "rate_limit_error", "message": "Quota exceeded"}}',
        b'{"error": {"message": "Quota exceeded", "type": "rate_limit_error", "code": null}}',
    ],
)
def test_error_is_understood_when_the_publisher_words_it(body: bytes) -> None:
    error = VERTEX.parse_error(429, body, {}, deployment(CLAUDE))
    assert isinstance(error, RateLimitError)
    assert "Quota exceeded" in error.message
