"""Mocked answers, through the whole application: no provider is asked."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from proxy.settings.files import Source
from proxy.settings.load import PROVIDERS, build_settings

MESSAGES = [{"role": "user", "content": "hi"}]
DEAD = "http://127.0.0.1:9/v1"
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

Ask = Callable[..., TestResponse]


def entry(name: str, **params: Any) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {"model": f"openai/{name}", "api_base": DEAD, "api_key": "k", **params},
    }


def gateway(**general: Any) -> FlaskClient:
    document = {
        "model_list": [
            entry("dead"),
            entry("said", mock_response="as configured"),
            entry("limited", mock_response="litellm.RateLimitError"),
            entry("long", mock_response="litellm.ContextWindowExceededError"),
            entry("filtered", mock_response="Exception: content_filter_policy"),
            {"model_name": "played", "litellm_params": {"model": "mock/played"}},
        ],
        "general_settings": general,
        "router_settings": {"num_retries": 0},
    }
    return create_app(build_settings(Source(document), {}, PROVIDERS, "test"), environ={}).test_client()


def ask(client: FlaskClient, model: str, **fields: Any) -> TestResponse:
    path = "/v1/embeddings" if "input" in fields else "/v1/chat/completions"
    more = {} if "input" in fields else {"messages": MESSAGES}
    return client.post(path, json={"model": model, **more, **fields})


def content(response: TestResponse) -> str:
    text: str = response.get_json()["choices"][0]["message"]["content"]
    return text


def test_deployment_answers_its_text_when_it_is_mocked() -> None:
    response = ask(gateway(), "said")
    assert content(response) == "as configured"
    assert response.get_json()["usage"] == {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    assert b"as" in ask(gateway(), "said", stream=True).data


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("limited", 429, "429"), ("long", 400, "context_length_exceeded"), ("filtered", 400, "content_policy_violation")],
)
def test_deployment_fails_as_it_says_when_its_mock_is_an_error(model: str, status: int, code: str) -> None:
    response = ask(gateway(), model)
    assert response.status_code == status
    assert response.get_json()["error"]["code"] == code


@pytest.mark.parametrize(
    "field",
    [
        {"mock_response": "hello"},
        {"mock_tool_calls": [TOOL_CALL]},
        {"mock_delay": 1},
        {"mock_timeout": True},
        {"mock_testing_fallbacks": True},
        {"mock_testing_context_fallbacks": True},
        {"mock_testing_content_policy_fallbacks": True},
        {"mock_testing_rate_limit_error": True},
    ],
)
def test_mock_is_refused_by_name_when_the_operator_did_not_open_it(field: dict[str, Any]) -> None:
    response = ask(gateway(), "dead", **field)
    assert response.status_code == 400
    assert response.get_json()["error"]["param"] == next(iter(field))


def test_only_answers_are_open_when_the_operator_opened_answers() -> None:
    client = gateway(allow_client_mock_response=True)
    assert content(ask(client, "dead", mock_response="hello")) == "hello"
    assert ask(client, "dead", mock_response="hello", mock_delay=1).get_json()["error"]["param"] == "mock_delay"


def test_clients_mock_is_answered_when_the_operator_opened_them_all() -> None:
    client = gateway(dangerously_allow_mock_testing_request_params=True)
    assert content(ask(client, "said", mock_response="hello")) == "hello"
    (call,) = ask(client, "dead", mock_tool_calls=[TOOL_CALL]).get_json()["choices"][0]["message"]["tool_calls"]
    assert call == TOOL_CALL
    streamed = ask(client, "dead", mock_tool_calls=[TOOL_CALL], stream=True).data
    assert b'"name":"f"' in streamed and b'"finish_reason":"tool_calls"' in streamed
    whole = {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "own"}}]}
    assert content(ask(client, "dead", mock_response=whole)) == "own"
    vectors = ask(client, "dead", input="a", mock_response=[0.5, 0.25]).get_json()
    assert vectors["data"][0]["embedding"] == [0.5, 0.25]
    batch = ask(client, "dead,said", mock_response="hello").get_json()
    assert [item["choices"][0]["message"]["content"] for item in batch] == ["hello", "hello"]


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("mock_testing_fallbacks", 500),
        ("mock_testing_context_fallbacks", 400),
        ("mock_testing_content_policy_fallbacks", 400),
        ("mock_testing_rate_limit_error", 429),
        ("mock_timeout", 408),
    ],
)
def test_group_fails_and_its_fallback_answers_when_a_client_tests_them(field: str, status: int) -> None:
    client = gateway(dangerously_allow_mock_testing_request_params=True)
    assert ask(client, "dead", **{field: True}).status_code == status
    response = ask(client, "dead", fallbacks=["said"], **{field: True})
    assert content(response) == "as configured"
    assert response.headers["x-litellm-attempted-fallbacks"] == "1"


def test_deployment_keeps_its_health_when_a_client_mocks_its_failure() -> None:
    client = gateway(dangerously_allow_mock_testing_request_params=True)
    for _ in range(30):
        ask(client, "dead", mock_testing_fallbacks=True)
    (row,) = [row for row in client.get("/router/state").get_json()["deployments"] if row["model_group"] == "dead"]
    assert (row["status"], row["failures_this_minute"], row["requests_this_minute"]) == ("healthy", 0, 0)


def test_clock_ends_a_mocked_answer_when_it_is_slower() -> None:
    client = gateway(dangerously_allow_mock_testing_request_params=True)
    assert ask(client, "dead", mock_response="late", mock_delay=3600, timeout=0.2).status_code == 408


def test_created_is_now_when_the_demo_answers() -> None:
    from proxy.domain.wire import WireRequest
    from proxy.mock.local import build_local

    send = build_local(now=lambda: 1_900_000_000.5)
    _, _, blocks = send(WireRequest("mock://local/v1/chat/completions", b'{"model": "demo", "messages": []}', {}))
    assert b'"created":1900000000' in b"".join(blocks)


def own(params: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A client's own configuration of one model."""
    entry = {"model_name": "own", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", **params}}
    return {"model_list": [entry], **more}


OWN_MOCKS = [
    own({"mock_response": "hi"}),
    own({"model": "mock/demo"}),
    own({}, default_litellm_params={"mock_response": "hi"}),
]


@pytest.mark.parametrize("config", OWN_MOCKS, ids=["deployment", "provider", "defaults"])
def test_mock_in_a_clients_configuration_obeys_the_switch(config: dict[str, Any]) -> None:
    refused = ask(gateway(), "own", user_config=config)
    assert refused.status_code == 400
    assert refused.get_json()["error"]["param"] in ("mock_response", "model")
    assert "allow_client_mock_response" in refused.get_json()["error"]["message"]
    for switch in ("allow_client_mock_response", "dangerously_allow_mock_testing_request_params"):
        assert ask(gateway(**{switch: True}), "own", user_config=config).status_code == 200


def test_slow_mock_in_a_clients_configuration_needs_the_other_switch() -> None:
    slow = own({"mock_response": "hi", "mock_delay": 0.01})
    assert ask(gateway(allow_client_mock_response=True), "own", user_config=slow).status_code == 400
    assert ask(gateway(dangerously_allow_mock_testing_request_params=True), "own", user_config=slow).status_code == 200


HEADERS = {"x-a\r\nset-cookie": "b", "x-b": "1\r\nset-cookie: c", "X-Good": "d", "x-number": 5}


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"mock": {"status": 429, "headers": HEADERS}}])
def test_mocks_headers_cannot_add_others_when_a_client_names_them(more: dict[str, Any]) -> None:
    answer = ask(gateway(), "played", **{"mock": {"headers": HEADERS}, **more})
    assert "set-cookie" not in str(answer.headers).lower()
    assert answer.headers["llm_provider-x-good"] == "d"
    assert answer.headers["llm_provider-x-number"] == "5"
