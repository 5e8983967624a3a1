"""The endpoints of the Responses API in the demo application: answers, events, kept answers, errors."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from tests.dialects.responses.events import check_order, events_of

ASK: dict[str, Any] = {"model": "demo", "input": "hi"}


@pytest.fixture
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/openai/v1/responses"])
def test_a_response_comes_back_at_each_path_when_it_is_asked_for(client: FlaskClient, path: str) -> None:
    answer = client.post(path, json=ASK)
    assert answer.status_code == 200
    response = answer.get_json()
    assert (response["object"], response["status"], response["id"][:5]) == ("response", "completed", "resp_")
    assert response["output"][0]["content"][0]["text"].endswith("You said: hi")
    assert response["usage"]["input_tokens"] > 0


def test_events_come_in_the_standard_order_when_a_response_is_streamed(client: FlaskClient) -> None:
    events = events_of(client.post("/v1/responses", json={**ASK, "stream": True}).get_data(as_text=True))
    names = [event["type"] for event in events]
    assert names[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert names[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(names[4:-4]) == {"response.output_text.delta"}
    response = check_order(events)
    assert response["usage"]["output_tokens"] > 0


def test_the_conversation_goes_on_when_a_request_names_the_one_before(client: FlaskClient) -> None:
    first = client.post("/v1/responses", json=ASK).get_json()
    second = client.post("/v1/responses", json={**ASK, "input": "more", "previous_response_id": first["id"]}).get_json()
    items = client.get(f"/v1/responses/{second['id']}/input_items?order=asc").get_json()["data"]
    assert [item["role"] for item in items] == ["user", "assistant", "user"]
    assert second["previous_response_id"] == first["id"]
    assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]


def test_a_reference_is_replaced_by_its_item_when_the_gateway_keeps_it(client: FlaskClient) -> None:
    first = client.post("/v1/responses", json=ASK).get_json()
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    answer = client.post("/v1/responses", json={**ASK, "input": [{"role": "user", "content": "a"}, reference]})
    assert answer.get_json()["output"][0]["content"][0]["text"].count("You said: hi") == 1
    assert "x-litellm-dropped-params" not in answer.headers


def test_a_reference_is_left_out_and_named_when_nothing_is_known_of_it(client: FlaskClient) -> None:
    body = {**ASK, "input": [{"role": "user", "content": "a"}, {"type": "item_reference", "id": "msg_1"}]}
    answer = client.post("/v1/responses", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-litellm-dropped-params"] == "input.item_reference"


@pytest.mark.parametrize("change", [{"store": False}, {}])
def test_a_response_is_kept_unless_the_client_wants_it_forgotten(client: FlaskClient, change: dict[str, Any]) -> None:
    made = client.post("/v1/responses", json={**ASK, **change}).get_json()
    found = client.get(f"/v1/responses/{made['id']}")
    following = client.post("/v1/responses", json={**ASK, "previous_response_id": made["id"]})
    if change:
        assert (found.status_code, following.status_code) == (404, 400)
        assert following.get_json()["error"]["code"] == "previous_response_not_found"
    else:
        assert found.get_json() == made
        assert client.delete(f"/v1/responses/{made['id']}").get_json()["deleted"] is True
        assert client.get(f"/v1/responses/{made['id']}").status_code == 404


@pytest.mark.parametrize("change", ["x", "A", ""])
def test_an_id_is_unknown_when_it_was_changed(client: FlaskClient, change: str) -> None:
    made = client.post("/v1/responses", json=ASK).get_json()["id"]
    other = made[:20] + (change or "B" if made[20] != (change or "B") else "C") + made[21:]
    assert client.get(f"/v1/responses/{other}").status_code == 404
    answer = client.post("/v1/responses", json={**ASK, "previous_response_id": other})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "previous_response_not_found"


def test_a_response_is_anothers_when_another_key_made_it() -> None:
    """Ids of a gateway with another key are unknown here."""
    owner = create_app(environ={"LITELLM_MASTER_KEY": "sk-first-key-of-all"}).test_client()
    other = create_app(environ={"LITELLM_MASTER_KEY": "sk-second-key-here"}).test_client()
    made = owner.post("/v1/responses", json=ASK, headers={"authorization": "Bearer sk-first-key-of-all"}).get_json()
    assert owner.get(f"/v1/responses/{made['id']}").status_code == 401
    found = other.get(f"/v1/responses/{made['id']}", headers={"authorization": "Bearer sk-second-key-here"})
    assert found.status_code == 404


def test_a_websocket_is_refused_at_once(client: FlaskClient) -> None:
    answer = client.get("/v1/responses", headers={"upgrade": "websocket", "connection": "Upgrade"})
    assert answer.status_code == 426
    assert answer.get_json()["error"]["code"] == "websocket_not_supported"
    assert client.get("/v1/responses").status_code == 405


def test_tokens_are_estimated_when_no_provider_counts_them(client: FlaskClient) -> None:
    answer = client.post("/v1/responses/input_tokens", json={**ASK, "input": "eight of them, or a few more"})
    counted = answer.get_json()
    assert counted["object"] == "response.input_tokens"
    assert 7 <= counted["input_tokens"] <= 9
    assert answer.headers["x-patchbay-token-count"] == "estimated"


def test_compaction_is_refused_when_the_provider_has_none(client: FlaskClient) -> None:
    answer = client.post("/v1/responses/compact", json=ASK)
    assert answer.status_code == 400
    assert "responses_compact" in answer.get_json()["error"]["message"]


def test_only_background_responses_are_cancelled(client: FlaskClient) -> None:
    made = client.post("/v1/responses", json=ASK).get_json()["id"]
    assert client.post(f"/v1/responses/{made}/cancel").status_code == 400


def test_a_list_of_responses_comes_back_when_several_models_are_asked(client: FlaskClient) -> None:
    answer = client.post("/v1/responses", json={**ASK, "model": "demo,demo"}).get_json()
    assert [response["object"] for response in answer] == ["response", "response"]
    assert answer[0]["id"] != answer[1]["id"]
