"""The endpoints of Anthropic's dialect in the demo application: answers, events, errors, counts."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

ASK: dict[str, Any] = {"model": "demo", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, data) of each event; each has both lines."""
    pairs = [block.split("\n") for block in text.strip().split("\n\n")]
    assert all(first.startswith("event: ") and second.startswith("data: ") for first, second in pairs)
    return [(first[7:], json.loads(second[6:])) for first, second in pairs]


@pytest.mark.parametrize(
    "path",
    ["/v1/messages", "/messages", "/anthropic/v1/messages", "/v1/messages?beta=true", "/openai/v1/messages"],
)
def test_a_message_comes_back_at_each_path_when_it_is_asked_for(client: FlaskClient, path: str) -> None:
    answer = client.post(path, json=ASK)
    assert answer.status_code == 200
    message = answer.get_json()
    assert (message["type"], message["role"], message["stop_reason"]) == ("message", "assistant", "end_turn")
    assert message["content"][0]["type"] == "text"
    assert message["usage"]["input_tokens"] > 0
    assert answer.headers["request-id"]


def test_events_come_in_anthropics_order_when_a_message_is_streamed(client: FlaskClient) -> None:
    text = client.post("/v1/messages", json={**ASK, "stream": True}).get_data(as_text=True)
    events = events_of(text)
    names = [name for name, _ in events]
    assert all(name == data["type"] for name, data in events)
    assert names[:2] == ["message_start", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(names[2:-3]) == {"content_block_delta"}
    assert events[-2][1]["usage"]["output_tokens"] > 0


def test_a_list_of_messages_comes_back_when_several_models_are_asked(client: FlaskClient) -> None:
    answer = client.post("/v1/messages", json={**ASK, "model": "demo,demo"}).get_json()
    assert [message["type"] for message in answer] == ["message", "message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("POST", "/v1/messages/nowhere", 404, "not_found_error"),
        ("GET", "/anthropic/nowhere", 404, "not_found_error"),
        ("POST", "/v1/messages", 400, "invalid_request_error"),
    ],
)
def test_errors_are_anthropics_when_the_path_is(
    client: FlaskClient, method: str, path: str, status: int, kind: str
) -> None:
    answer = client.open(path, method=method, data=b"{", content_type="application/json")
    body = answer.get_json()
    assert (answer.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == answer.headers["request-id"]


def test_a_missing_key_is_anthropics_401() -> None:
    client = create_app(environ={"LITELLM_MASTER_KEY": "sk-1234567890"}).test_client()
    answer = client.post("/v1/messages", json=ASK)
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (401, "authentication_error")
    assert client.post("/v1/messages", json=ASK, headers={"x-api-key": "sk-1234567890"}).status_code == 200


def test_a_thread_is_refused_with_the_code_at_which_sdks_send_the_whole(client: FlaskClient) -> None:
    answer = client.post("/v1/messages", json={**ASK, "thread": {"type": "create"}})
    assert answer.status_code == 400
    details = answer.get_json()["error"]["details"]
    assert details == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_an_unknown_model_is_anthropics_404(client: FlaskClient) -> None:
    answer = client.post("/v1/messages", json={**ASK, "model": "nope"})
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (404, "not_found_error")


def test_an_estimate_is_marked_when_the_provider_has_no_counter(client: FlaskClient) -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "eight letters " * 20}], "tools": []}
    answer = client.post("/v1/messages/count_tokens", json=body)
    assert answer.get_json() == {"input_tokens": 71}
    assert answer.headers["x-patchbay-token-count"] == "estimated"


def test_a_picture_weighs_nothing_in_an_estimate(client: FlaskClient) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 40_000}}
    body = {"model": "demo", "messages": [{"role": "user", "content": [image]}]}
    assert client.post("/v1/messages/count_tokens", json=body).get_json()["input_tokens"] < 10


def test_what_claude_code_asks_beside_messages_needs_no_key() -> None:
    client = create_app(environ={"LITELLM_MASTER_KEY": "sk-1234567890"}).test_client()
    assert client.head("/api/hello").status_code == 200
    assert client.post("/api/event_logging/batch", json={"events": []}).status_code == 200


def test_what_has_no_place_is_named_when_the_model_is_another_makers(client: FlaskClient) -> None:
    body = {**ASK, "context_management": {"edits": []}, "safeguards": {}, "metadata": {"user_id": '{"session_id":"s"}'}}
    answer = client.post("/v1/messages", json=body)
    assert answer.headers["x-litellm-dropped-params"] == "context_management,safeguards"
