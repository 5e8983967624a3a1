"""What a live gateway tells of its plans, and that it tells no secret."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.http import chat, request
from tests.live.servers import Server, gateway

KEY = {"authorization": "Bearer sk-inspection-master"}
BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def server(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = {"api_base": f"{upstream.url}/v1", "api_key": "sk-provider-secret-1"}
    config = {
        "model_list": [
            {"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", **base}},
            {"model_name": "slow", "litellm_params": {"model": "openai/fail-500", **base}},
            {"model_name": "lost", "litellm_params": {"model": "openai/x", "api_key": "os.environ/NOT_SET_ANYWHERE"}},
        ],
        "general_settings": {"master_key": "sk-inspection-master"},
        "router_settings": {"fallbacks": [{"slow": ["fast"]}], "num_retries": 0},
    }
    with gateway(config, tmp_path_factory.mktemp("inspection")) as running:
        yield running


def test_plan_is_explained_without_calling_anyone(server: Server, upstream: Server) -> None:
    request(upstream, "DELETE", "/_requests")
    answer = request(server, "POST", "/router/explain", {**BODY, "model": "slow"}, KEY)
    plan = answer.json()
    assert answer.status == 200
    assert plan["model_group"] == "slow"
    assert [candidate["model"] for candidate in plan["candidates"]] == ["openai/fail-500"]
    assert plan["request"]["url"].endswith("/v1/chat/completions")
    assert plan["request"]["body"]["model"] == "fail-500"
    assert "fast" in json.dumps(plan)
    assert "sk-provider-secret-1" not in answer.body.decode()
    assert request(upstream, "GET", "/_requests").json()["requests"] == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (BODY, "/chat/completions"),
        ({"model": "fast", "prompt": "hi"}, "/completions"),
        ({"model": "fast", "input": "hi"}, "/embeddings"),
    ],
)
def test_plan_is_of_what_the_body_asks_for(server: Server, body: dict[str, Any], path: str) -> None:
    plan = request(server, "POST", "/router/explain", body, KEY).json()
    assert plan["request"]["url"].endswith(f"/v1{path}")


def test_each_model_has_its_plan_when_several_are_asked_for(server: Server) -> None:
    plans = request(server, "POST", "/router/explain", {**BODY, "model": "fast, slow"}, KEY).json()["plans"]
    assert [plan["model_group"] for plan in plans] == ["fast", "slow"]


@pytest.mark.parametrize("body", [5, [], "x", {}, {"model": "fast"}, {**BODY, "model": "nobody"}])
def test_plan_of_nothing_is_the_clients_mistake(server: Server, body: Any) -> None:
    assert request(server, "POST", "/router/explain", body, KEY).status == 400


def test_state_shows_deployments_and_what_is_out_of_service(server: Server) -> None:
    state = request(server, "GET", "/router/state", headers=KEY).json()
    assert {row["model_group"] for row in state["deployments"]} == {"fast", "slow"}
    assert "NOT_SET_ANYWHERE" in json.dumps(state["out_of_service"])


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/router/explain"), ("GET", "/router/state"), ("GET", "/v1/capabilities")]
)
def test_inspection_needs_the_key(server: Server, method: str, path: str) -> None:
    assert request(server, method, path, BODY if method == "POST" else None).status == 401


def test_capabilities_name_every_provider(server: Server) -> None:
    capabilities = request(server, "GET", "/v1/capabilities", headers=KEY).json()
    assert {"openai", "anthropic", "gemini", "bedrock", "groq"} <= set(capabilities)


def test_answer_carries_its_cost(server: Server) -> None:
    answer = chat(server, BODY, KEY)
    assert float(answer.headers["x-litellm-response-cost"]) > 0


def test_health_tells_who_answers(server: Server) -> None:
    health = request(server, "GET", "/health", headers=KEY).json()
    assert (health["healthy_count"], health["unhealthy_count"]) == (1, 1)
    assert "sk-provider-secret-1" not in json.dumps(health)


def test_model_that_is_out_of_service_says_so(server: Server) -> None:
    answer = chat(server, {**BODY, "model": "lost"}, KEY)
    assert answer.status == 503
    assert "out of service" in answer.json()["error"]["message"]


def test_error_tells_which_deployment_failed_and_how_often_it_was_tried(server: Server) -> None:
    answer = chat(server, {**BODY, "model": "slow", "disable_fallbacks": True, "num_retries": 1}, KEY)
    assert answer.status == 500
    assert answer.headers["x-litellm-model-group"] == "slow"
    assert answer.headers["x-litellm-model-api-base"].startswith("http://127.0.0.1:")
    assert answer.headers["x-litellm-attempted-retries"] == "1"
    assert answer.headers["x-should-retry"] == "false"
    assert [attempt["status"] for attempt in answer.json()["error"]["attempts"]] == [500, 500]


def test_providers_retry_after_is_passed_on(server: Server) -> None:
    mock = {"status": 429, "headers": {"retry-after": "7", "x-ratelimit-remaining-requests": "0"}}
    answer = chat(server, {**BODY, "mock": mock, "num_retries": 0}, KEY)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["llm_provider-retry-after"] == "7"
