"""The endpoints of Google's dialect in the demo application: answers, events, arrays, errors, counts, vectors."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

ASK: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
KEY = "sk-1234567890"


@pytest.fixture
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


def events_of(text: str) -> list[dict[str, Any]]:
    blocks = text.split("\r\n\r\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


@pytest.mark.parametrize("prefix", ["/v1beta", "/v1", "", "/v1alpha", "/openai/v1"])
def test_an_answer_comes_back_at_each_path_when_it_is_asked_for(client: FlaskClient, prefix: str) -> None:
    answer = client.post(f"{prefix}/models/demo:generateContent", json=ASK)
    assert answer.status_code == 200
    body = answer.get_json()
    candidate = body["candidates"][0]
    assert candidate["content"]["role"] == "model"
    assert candidate["content"]["parts"][0]["text"].endswith("hi")
    assert (candidate["finishReason"], candidate["index"]) == ("STOP", 0)
    assert body["usageMetadata"]["totalTokenCount"] > 0
    assert body["responseId"]


def test_the_finish_is_in_the_last_event_only_when_an_answer_is_streamed(client: FlaskClient) -> None:
    answer = client.post("/v1beta/models/demo:streamGenerateContent?alt=sse", json=ASK)
    assert answer.content_type == "text/event-stream; charset=utf-8"
    *first, last = events_of(answer.get_data(as_text=True))
    text = "".join(part["text"] for event in first for part in event["candidates"][0]["content"]["parts"])
    assert text.endswith("hi")
    assert all("finishReason" not in event["candidates"][0] for event in first)
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] > 0


def test_the_same_answers_are_one_array_when_no_events_are_asked_for(client: FlaskClient) -> None:
    events = client.post("/v1beta/models/demo:streamGenerateContent?alt=sse", json=ASK).get_data(as_text=True)
    answer = client.post("/v1beta/models/demo:streamGenerateContent", json=ASK)
    assert answer.content_type.startswith("application/json")
    items = answer.get_json()
    for item in (*items, *(expected := events_of(events))):
        item.pop("responseId")
    assert items == expected


def test_a_list_of_answers_comes_back_when_several_models_are_asked(client: FlaskClient) -> None:
    answers = client.post("/v1beta/models/demo,demo:generateContent", json=ASK).get_json()
    assert [answer["candidates"][0]["finishReason"] for answer in answers] == ["STOP", "STOP"]


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "/v1beta/models/demo:sing", 405, "UNIMPLEMENTED"),
        ("GET", "/v1beta/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1beta/models/demo:generateContent", 404, "NOT_FOUND"),
        ("POST", "/v1/models/demo:sing", 405, "UNIMPLEMENTED"),
        ("POST", "/v1beta/models/nope:generateContent", 404, "NOT_FOUND"),
        ("POST", "/v1beta/models/demo,demo:streamGenerateContent", 400, "INVALID_ARGUMENT"),
    ],
)
def test_errors_are_googles_when_the_path_is(
    client: FlaskClient, method: str, path: str, status: int, word: str
) -> None:
    answer = client.open(path, method=method, json=ASK if method == "POST" else None)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, word)


@pytest.mark.parametrize("headers", [{"x-goog-api-key": KEY}, {"authorization": f"Bearer {KEY}"}])
def test_a_key_opens_the_door_wherever_googles_clients_put_it(headers: dict[str, str]) -> None:
    client = create_app(environ={"LITELLM_MASTER_KEY": KEY}).test_client()
    path = "/v1beta/models/demo:generateContent"
    refused = client.post(path, json=ASK)
    assert (refused.status_code, refused.get_json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert client.post(f"{path}?key=sk-wrong", json=ASK).status_code == 401
    assert client.post(path, json=ASK, headers=headers).status_code == 200
    assert client.post(f"{path}?key={KEY}", json=ASK).status_code == 200
    # Addresses are logged on the way: elsewhere a key in one counts for nothing.
    assert client.get(f"/v1/models?key={KEY}").status_code == 401


def test_an_estimate_is_marked_when_the_provider_has_no_counter(client: FlaskClient) -> None:
    body = {"contents": [{"parts": [{"text": "eight letters " * 20}]}]}
    for asked in (body, {"generateContentRequest": {"model": "models/demo", **body}}):
        answer = client.post("/v1beta/models/demo:countTokens", json=asked)
        assert answer.get_json()["totalTokens"] == pytest.approx(70, abs=4)
        assert answer.headers["x-patchbay-token-count"] == "estimated"


def test_a_picture_weighs_nothing_in_an_estimate(client: FlaskClient) -> None:
    body = {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "A" * 40_000}}]}]}
    assert client.post("/v1beta/models/demo:countTokens", json=body).get_json()["totalTokens"] < 10


def test_vectors_come_in_googles_form_when_texts_are_embedded(client: FlaskClient) -> None:
    content = {"parts": [{"text": "a"}, {"text": "b"}]}
    single = client.post("/v1beta/models/demo:embedContent", json={"content": content}).get_json()
    several = client.post(
        "/v1beta/models/demo:batchEmbedContents", json={"requests": [{"content": content}, {"content": content}]}
    ).get_json()
    assert several["embeddings"] == [single["embedding"], single["embedding"]]
    assert all(isinstance(value, float) for value in single["embedding"]["values"])


def test_what_has_no_place_is_named_when_the_model_is_another_makers(client: FlaskClient) -> None:
    body = {**ASK, "safetySettings": [{"category": "X"}], "generationConfig": {"mediaResolution": "LOW"}}
    answer = client.post("/v1beta/models/demo:generateContent", json=body)
    assert answer.headers["x-litellm-dropped-params"] == "safetySettings,generationConfig.mediaResolution"


def test_a_null_is_nothing_said(client: FlaskClient) -> None:
    body = {**ASK, "systemInstruction": None, "tools": None, "generationConfig": None, "cachedContent": None}
    assert client.post("/v1beta/models/demo:generateContent", json=body).status_code == 200
