"""Limits and budgets of virtual keys, as clients see them over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from proxy.runtime import Runtime
from tests.accounts.gateways import KEY, MASTER, bearer, build, chat

# The mock counts the characters of prompt and answer; what a call costs is read from its header.
PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}


def app_with(folder: Path, key: dict[str, Any], **sections: Any) -> Flask:
    """A gateway whose clock stands still, with a key of these fields."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_key": "sk-up", "mock_response": "I answer", **params},
        }
        for name, params in (("priced", PRICES), ("unknown-price", {}), ("broken", {**PRICES, "mock_timeout": True}))
    ]
    runtime = Runtime(now=lambda: 1_700_000_010.0)
    return build(folder, runtime=runtime, model_list=models, keys=[{"key": KEY, **key}], **sections)


def test_a_key_is_refused_beyond_its_requests_with_what_is_left_of_the_minute(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"rpm_limit": 2}).test_client()
    first = chat(client, model="priced")
    assert first.headers["x-ratelimit-api_key-limit-requests"] == "2"
    assert first.headers["x-ratelimit-api_key-remaining-requests"] == "1"
    assert first.headers["x-litellm-key-rpm-limit"] == "2"
    chat(client, model="priced")
    refused = chat(client, model="priced")
    assert (refused.status_code, refused.json["error"]["type"]) == (429, "throttling_error")  # type: ignore[index]
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["rate_limit_type"] == "requests"
    assert refused.headers["reset_at"] == "1700000040"


def test_tokens_are_reserved_by_estimate_and_settled_by_usage(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"tpm_limit": 10_000}).test_client()
    answer = chat(client, model="priced")
    used = answer.json["usage"]["total_tokens"]  # type: ignore[index]
    assert answer.headers["x-ratelimit-api_key-remaining-tokens"] == str(10_000 - used)
    again = chat(client, model="priced")
    assert again.headers["x-ratelimit-api_key-remaining-tokens"] == str(10_000 - 2 * used)


def test_a_budget_counts_what_calls_cost_and_then_refuses(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"max_budget": 1e-9, "key_alias": "ci"}).test_client()
    answer = chat(client, model="priced")
    assert answer.status_code == 200
    assert float(answer.headers["x-litellm-key-spend"]) == float(answer.headers["x-litellm-response-cost"])
    refused = chat(client, model="priced")
    assert refused.status_code == 422
    error = refused.json["error"]  # type: ignore[index]
    assert (error["type"], error["param"], error["code"]) == ("budget_exceeded", None, "422")
    assert error["message"].startswith("Budget has been exceeded! Key=ci (sk-...-000) Current cost: 0.00")
    assert refused.headers["x-should-retry"] == "false"


def test_the_status_of_a_spent_budget_can_be_set(tmp_path: Path) -> None:
    sections = {"litellm_settings": {"budget_exceeded_status_code": 429}}
    client = app_with(tmp_path, {"max_budget": 0}, **sections).test_client()
    assert chat(client, model="priced").status_code == 429


def test_anthropics_clients_read_a_spent_budget_in_their_form(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"max_budget": 0}).test_client()
    body = {"model": "priced", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    refused = client.post("/v1/messages", json=body, headers={"x-api-key": KEY})
    assert refused.status_code == 422
    error = refused.json["error"]  # type: ignore[index]
    assert (error["type"], error["litellm_error_type"]) == ("invalid_request_error", "budget_exceeded")


def test_a_model_without_a_price_passes_and_a_header_says_so(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"max_budget": 1}).test_client()
    assert chat(client, model="unknown-price").headers["x-litellm-model-unpriced"] == "true"
    assert "x-litellm-model-unpriced" not in chat(client, model="priced").headers


def test_a_model_without_a_price_is_refused_where_the_setting_asks_for_it(tmp_path: Path) -> None:
    sections = {"litellm_settings": {"block_requests_for_models_without_pricing": True}}
    client = app_with(tmp_path, {"max_budget": 1}, **sections).test_client()
    refused = chat(client, model="unknown-price")
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "model_without_price")  # type: ignore[index]


def test_the_gateways_budget_refuses_the_master_key_too(tmp_path: Path) -> None:
    client = app_with(tmp_path, {}, litellm_settings={"max_budget": 1e-9}).test_client()
    assert chat(client, MASTER, model="priced").status_code == 200
    refused = chat(client, MASTER, model="priced")
    assert refused.status_code == 422
    assert "Global=proxy" in refused.json["error"]["message"]  # type: ignore[index]


def test_a_team_and_its_key_count_in_one_step(tmp_path: Path) -> None:
    sections = {"teams": [{"team_id": "t1", "rpm_limit": 3, "max_parallel_requests": 1}]}
    client = app_with(tmp_path, {"team_id": "t1", "rpm_limit": 5}, **sections).test_client()
    answers = [chat(client, model="priced") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[2].headers["x-ratelimit-api_key-remaining-requests"] == "2"
    assert answers[2].headers["x-ratelimit-team-remaining-requests"] == "0"
    assert "for team: t1." in answers[3].json["error"]["message"]  # type: ignore[index]


def test_calls_in_flight_are_counted_until_a_stream_ends(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"max_parallel_requests": 1}).test_client()
    stream = chat(client, model="priced", stream=True)
    assert chat(client, model="priced").status_code == 429
    stream.get_data()
    stream.close()
    assert chat(client, model="priced").status_code == 200


def test_a_stream_that_the_client_leaves_is_settled(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"max_parallel_requests": 1, "max_budget": 1}).test_client()
    stream = chat(client, model="priced", stream=True)
    next(iter(stream.response))
    stream.close()
    assert float(chat(client, model="priced").headers["x-litellm-key-spend"]) > 0


def test_each_model_of_a_batch_is_a_call(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"rpm_limit": 3}).test_client()
    answer = chat(client, model="priced, unknown-price")
    assert answer.status_code == 200, answer.json
    second = chat(client, model="priced, unknown-price")
    kinds = sorted("error" if "error" in item else "answer" for item in json.loads(second.data))
    assert kinds == ["answer", "error"]


def test_a_call_that_fails_is_a_request_and_costs_nothing(tmp_path: Path) -> None:
    client = app_with(
        tmp_path, {"rpm_limit": 9, "tpm_limit": 1000, "max_budget": 1, "max_parallel_requests": 1}
    ).test_client()
    assert chat(client, model="broken").status_code >= 400
    answer = chat(client, model="priced")
    assert answer.headers["x-ratelimit-api_key-remaining-requests"] == "7"
    used = answer.json["usage"]["total_tokens"]  # type: ignore[index]
    assert answer.headers["x-ratelimit-api_key-remaining-tokens"] == str(1000 - used)
    assert float(answer.headers["x-litellm-key-spend"]) == float(answer.headers["x-litellm-response-cost"])


def test_a_model_that_there_is_not_counts_for_nothing(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"rpm_limit": 1}).test_client()
    assert chat(client, model="nothing").status_code == 400
    assert chat(client, model="priced").status_code == 200


@pytest.mark.parametrize("field", ["max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"])
def test_a_limit_of_zero_lets_nothing_pass(tmp_path: Path, field: str) -> None:
    client = app_with(tmp_path, {field: 0}).test_client()
    assert chat(client, model="priced").status_code in (422, 429)


def test_a_wrong_global_budget_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="max_budget"):
        app_with(tmp_path, {}, litellm_settings={"max_budget": "a lot"})


def test_the_master_key_without_a_global_budget_has_no_quota_headers(tmp_path: Path) -> None:
    client = app_with(tmp_path, {"rpm_limit": 1}).test_client()
    headers = chat(client, MASTER, model="priced").headers
    assert not [name for name, _ in headers if name.startswith(("x-ratelimit-api_key", "x-litellm-key-"))]
    assert client.get("/v1/models", headers=bearer(MASTER)).status_code == 200
