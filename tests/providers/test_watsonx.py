"""watsonx: what differs from OpenAI's format, both ways."""

import json
from typing import Any

import pytest

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS, Operation
from proxy.domain.wire import Event
from proxy.errors import (
    AuthenticationError,
    ContextWindowExceededError,
    GatewayError,
    InvalidProviderResponseError,
    TruncatedStreamError,
)
from proxy.providers.watsonx import PROVIDER

BASE = "https://us-south.ml.cloud.ibm.com"
HELLO = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hello"}]


def deployment(model: str = "ibm/granite-4-h-small", **connection: Any) -> Deployment:
    return Deployment("1", "group", "watsonx", model, {"api_base": BASE, "watsonx_project_id": "p", **connection})


def call(operation: Operation = CHAT, **fields: Any) -> Call:
    body = json.dumps({"model": "group", **fields}).encode()
    return Call("call-1", operation, "group", Document.parse(body), stream=bool(fields.get("stream")), started_at=1.0)


def build(deployed: Deployment, operation: Operation = CHAT, **fields: Any) -> tuple[str, dict[str, Any]]:
    request = PROVIDER.build_request(call(operation, **fields), deployed)
    return request.url.removeprefix(BASE), json.loads(request.body)


def test_request_names_model_and_project_when_it_is_a_chat() -> None:
    url, body = build(deployment(), messages=HELLO, temperature=0.5, tool_choice="required")
    assert url == "/ml/v1/text/chat?version=2024-03-13"
    assert body == {
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "tool_choice_option": "required",
        "model_id": "ibm/granite-4-h-small",
        "project_id": "p",
    }


def test_clients_project_wins_when_it_names_one() -> None:
    _, body = build(deployment(), messages=HELLO, space_id="s")
    assert ("project_id" in body, body["space_id"]) == (False, "s")


def test_address_is_the_deployments_own_when_the_model_is_deployed() -> None:
    url, body = build(deployment("deployment/abc", api_version="2026-01-01"), messages=HELLO, stream=True)
    assert url == "/ml/v1/deployments/abc/text/chat_stream?version=2026-01-01"
    assert list(body) == ["messages"]


def test_named_tool_is_an_object_when_the_client_forces_one() -> None:
    choice = {"type": "function", "function": {"name": "f"}}
    assert build(deployment(), messages=HELLO, tool_choice=choice)[1]["tool_choice"] == choice


@pytest.mark.parametrize(
    ("connection", "header"),
    [({"token": "t"}, "Bearer t"), ({"watsonx_zen_api_key": "z"}, "ZenApiKey z"), ({"api_key": "k"}, None)],
)
def test_token_is_sent_when_one_is_given(connection: dict[str, str], header: str | None) -> None:
    request = PROVIDER.build_request(call(messages=HELLO), deployment(**connection))
    assert request.headers.get("authorization") == header


def test_error_names_the_setting_when_there_is_no_project() -> None:
    with pytest.raises(GatewayError, match="project_id"):
        build(deployment(watsonx_project_id=None), messages=HELLO)


CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}


def test_answer_is_a_completion_when_it_calls_its_model_otherwise() -> None:
    reply = {
        "id": "chat-1",
        "model_id": "ibm/granite",
        "created": 3,
        "choices": [CHOICE],
        "usage": {"prompt_tokens": 2},
    }
    answer = PROVIDER.parse_response(json.dumps(reply).encode(), {}, call(messages=HELLO), deployment())
    parsed = json.loads(answer.body)
    assert (parsed["object"], parsed["model"], parsed["choices"]) == (
        "chat.completion",
        "watsonx/ibm/granite",
        [CHOICE],
    )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2


def test_stream_is_relayed_when_it_has_finished() -> None:
    decoder = PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment())
    delta = {"id": "1", "model_id": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
    end = {"id": "1", "model_id": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    chunks = [chunk for line in (delta, end) for chunk in decoder.feed(Event(json.dumps(line).encode(), "message"))]
    assert [json.loads(chunk.data)["object"] for chunk in chunks] == ["chat.completion.chunk"] * 2
    assert json.loads(chunks[0].data)["model"] == "watsonx/m"
    assert decoder.finish() == []


def test_truncated_stream_when_nothing_has_finished() -> None:
    with pytest.raises(TruncatedStreamError):
        PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment()).finish()


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (401, "authentication_token_expired", "Failed to authenticate", AuthenticationError),
        (400, "invalid_input", "the number of input tokens 9 cannot exceed the limit 8", ContextWindowExceededError),
    ],
)
def test_error_is_read_from_the_list_of_errors(
    status: int, code: str, message: str, expected: type[GatewayError]
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": message}], "trace": "x", "status_code": status}).encode()
    error = PROVIDER.parse_error(status, body, {}, deployment())
    assert type(error) is expected
    assert message in error.message


def test_embedding_is_translated_both_ways() -> None:
    url, body = build(deployment(), EMBEDDINGS, input="a", parameters={"truncate_input_tokens": 3})
    assert url == "/ml/v1/text/embeddings?version=2024-03-13"
    assert body == {
        "parameters": {"truncate_input_tokens": 3},
        "inputs": ["a"],
        "model_id": "ibm/granite-4-h-small",
        "project_id": "p",
    }
    reply = b'{"model_id":"m","results":[{"embedding":[0.5]}],"input_token_count":4}'
    answer = json.loads(PROVIDER.parse_response(reply, {}, call(EMBEDDINGS, input="a"), deployment()).body)
    assert (answer["data"][0]["embedding"], answer["usage"]["prompt_tokens"]) == ([0.5], 4)
    assert answer["model"] == "watsonx/m"


@pytest.mark.parametrize("reply", [b"{}", b'{"results":[]}', b'{"results":[{}]}', b"oops"])
def test_invalid_response_when_there_is_no_embedding(reply: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(reply, {}, call(EMBEDDINGS, input="a"), deployment())
