"""Where a call goes, and what its client is told of it, against a live gateway."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.live.http import Answer, chat, request
from tests.live.servers import WORKER_CLASSES, Server, gateway

KEY = {"authorization": "Bearer sk-routing-master"}
MESSAGES = [{"role": "user", "content": "hello"}]
RETRY_LATER = {"mock": {"status": 429, "headers": {"retry-after": "1"}}}
COME_BACK_TOMORROW = {"mock": {"status": 429, "headers": {"retry-after": "86400"}}}


def config(upstream: Server) -> dict[str, Any]:
    base = {"api_base": f"{upstream.url}/v1", "api_key": "sk-provider"}

    def deployment(group: str, name: str, model: str = "up", **params: Any) -> dict[str, Any]:
        info = {"id": name, **params.pop("info", {})}
        return {
            "model_name": group,
            "litellm_params": {"model": f"openai/{model}", **base, **params},
            "model_info": info,
        }

    return {
        "model_list": [
            deployment("one", "only-500", "fail-500"),
            deployment("two", "first-503", "fail-503", weight=1),
            deployment("two", "second-ok", weight=0),
            deployment("levels", "primary", "fail-500", order=1),
            deployment("levels", "secondary", "fail-502", order=2),
            deployment("levels", "tertiary", order=3),
            deployment("busy", "busy-429", **RETRY_LATER),
            deployment("tomorrow", "tomorrow-429", **COME_BACK_TOMORROW),
            deployment("rescued", "rescued-429", **RETRY_LATER),
            deployment("forbidden", "bad-key", "fail-401"),
            deployment("wrong", "bad-request", "fail-400"),
            deployment("good", "good-1"),
            deployment("small", "small-1", info={"max_input_tokens": 50}),
            deployment("large", "large-1"),
            deployment("tagged", "free", tags=["free"]),
            deployment("tagged", "paid", tags=["paid", "eu"]),
            deployment("tagged", "rest", tags=["default"]),
            deployment("team", "by-agent", tag_regex=["^User-Agent: batch-job/"]),
            deployment("team", "by-default", tags=["default"]),
            deployment("wild/*", "wild", "*"),
        ],
        "general_settings": {"master_key": "sk-routing-master"},
        "router_settings": {
            "num_retries": 0,
            "disable_cooldowns": True,
            "retry_budget_floor": 10_000,
            "enable_tag_filtering": True,
            "enable_pre_call_checks": True,
            "fallbacks": [{"rescued": ["forbidden", "good"]}],
            "context_window_fallbacks": [{"small": ["large"]}],
            "model_group_alias": {"shown": "good", "secret": {"model": "good", "hidden": True}},
        },
    }


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with gateway(config(upstream), tmp_path_factory.mktemp("routing"), worker_class=request.param) as running:
        yield running


def ask(server: Server, model: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return chat(server, {"model": model, "messages": MESSAGES, **fields}, {**KEY, **(headers or {})})


def served_by(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return answer.headers["x-litellm-model-id"]


def told(answer: Answer) -> list[tuple[str, str, int]]:
    attempts = answer.json()["error"]["attempts"]
    return [(attempt["deployment_id"], attempt["reason"], attempt["status"]) for attempt in attempts]


def test_every_try_is_told_when_all_failed(server: Server) -> None:
    answer = ask(server, "one", num_retries=2)
    assert answer.status == 500
    assert told(answer) == [("only-500", "first", 500), ("only-500", "retry", 500), ("only-500", "retry", 500)]
    attempt = answer.json()["error"]["attempts"][0]
    assert set(attempt) == {"model_group", "deployment_id", "reason", "status", "error_class", "ms"}
    assert "sk-provider" not in answer.body.decode()


def test_the_clients_sdk_is_told_not_to_retry_when_we_have(server: Server) -> None:
    answer = ask(server, "one", num_retries=1)
    assert answer.headers["x-should-retry"] == "false"
    assert (answer.headers["x-litellm-attempted-retries"], answer.headers["x-litellm-attempted-fallbacks"]) == (
        "1",
        "0",
    )


@pytest.mark.parametrize(("num_retries", "sent"), [(0, 4), (1, 2)])
def test_the_official_sdk_retries_only_when_the_gateway_has_not(
    server: Server, upstream: Server, num_retries: int, sent: int
) -> None:
    request(upstream, "DELETE", "/_requests")
    client = openai.OpenAI(api_key="sk-routing-master", base_url=server.url, max_retries=3, timeout=20)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(
            model="one", messages=[{"role": "user", "content": "hello"}], extra_body={"num_retries": num_retries}
        )
    assert len(request(upstream, "GET", "/_requests").json()["requests"]) == sent
    assert isinstance(caught.value.body, dict)
    assert [attempt["deployment_id"] for attempt in caught.value.body["attempts"]] == ["only-500"] * (1 + num_retries)


def test_headers_name_the_answering_deployment_when_a_retry_served(server: Server) -> None:
    answer = ask(server, "two", num_retries=1)
    assert served_by(answer) == "second-ok"
    assert answer.headers["x-litellm-attempted-retries"] == "1"


def test_a_stream_falls_back_before_its_first_byte_when_a_deployment_fails(server: Server) -> None:
    answer = ask(server, "two", num_retries=1, stream=True)
    assert served_by(answer) == "second-ok"
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_the_first_groups_error_is_given_when_the_fallback_fails_too(server: Server) -> None:
    answer = ask(server, "one", fallbacks=["wrong"])
    assert answer.status == 500
    assert told(answer) == [("only-500", "first", 500), ("bad-request", "fallback", 400)]


def test_retry_after_is_obeyed_and_passed_on_when_the_provider_says_it(server: Server) -> None:
    answer = ask(server, "busy", num_retries=1)
    assert answer.status == 429
    assert [reason for _, reason, _ in told(answer)] == ["first", "retry"]
    assert float(answer.headers["x-litellm-response-duration-ms"]) >= 1000
    assert answer.headers["retry-after"] == "1"


def test_nobody_waits_until_tomorrow_when_the_provider_says_so(server: Server) -> None:
    answer = ask(server, "tomorrow", num_retries=5)
    assert told(answer) == [("tomorrow-429", "first", 429)]
    assert answer.headers["retry-after"] == "86400"


def test_a_fallback_serves_at_once_when_one_is_there_for_a_rate_limit(server: Server) -> None:
    answer = ask(server, "rescued", num_retries=5)
    assert served_by(answer) == "good-1"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"


def test_levels_are_walked_in_their_order_when_the_lowest_fail(server: Server) -> None:
    answer = ask(server, "levels")
    assert served_by(answer) == "tertiary"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"


def test_a_deployment_serves_when_it_is_asked_for_by_its_id(server: Server) -> None:
    assert served_by(ask(server, "tertiary")) == "tertiary"


@pytest.mark.parametrize("name", ["shown", "secret"])
def test_an_alias_serves_whether_or_not_it_is_hidden(server: Server, name: str) -> None:
    assert served_by(ask(server, name)) == "good-1"


def test_a_hidden_alias_is_not_listed_when_models_are(server: Server) -> None:
    models = request(server, "GET", "/v1/models", headers=KEY).json()["data"]
    listed = {model["id"] for model in models}
    assert {"shown", "good"} <= listed
    assert "secret" not in listed and not [name for name in listed if "*" in name]
    patterns = request(server, "GET", "/v1/models?return_wildcard_routes=true", headers=KEY).json()["data"]
    assert "wild/*" in {model["id"] for model in patterns}
    assert request(server, "GET", "/v1/models/secret", headers=KEY).status == 404


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({"tags": ["free"]}, {}, "free"),
        ({"metadata": {"tags": ["paid"]}}, {}, "paid"),
        ({}, {"x-litellm-tags": "eu, unknown"}, "paid"),
        ({"tags": ["&paid", "&eu"]}, {}, "paid"),
        ({"tags": ["!free", "!default", "paid"]}, {}, "paid"),
        ({}, {}, "rest"),
    ],
)
def test_tags_choose_when_they_come_in_body_metadata_or_header(
    server: Server, fields: dict[str, Any], headers: dict[str, str], expected: str
) -> None:
    assert served_by(ask(server, "tagged", headers, **fields)) == expected


def test_tags_that_allow_nobody_are_a_401(server: Server) -> None:
    answer = ask(server, "tagged", tags=["&nobody"])
    assert answer.status == 401
    assert "tags" in answer.json()["error"]["message"]


def test_a_program_is_routed_by_its_user_agent_when_a_deployment_asks_for_it(server: Server) -> None:
    assert served_by(ask(server, "team", {"user-agent": "batch-job/2.1"})) == "by-agent"
    assert served_by(ask(server, "team", {"user-agent": "browser"})) == "by-default"


def test_a_long_prompt_goes_to_the_context_fallback_when_checks_are_on(server: Server) -> None:
    messages = [{"role": "user", "content": "word " * 200}]
    assert served_by(ask(server, "small", messages=messages)) == "large-1"
    assert served_by(ask(server, "small")) == "small-1"


def test_a_wildcard_serves_any_model_of_it(server: Server) -> None:
    assert ask(server, "wild/anything-7b").json()["model"] == "anything-7b"


def test_an_unknown_model_is_a_400_that_says_where_to_look(server: Server) -> None:
    answer = ask(server, "nope")
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "model_not_found"
    assert "/v1/models" in answer.json()["error"]["message"]


def test_a_plan_names_what_a_call_would_do(server: Server) -> None:
    body = {"model": "rescued", "messages": MESSAGES, "timeout": 7, "num_retries": 4}
    plan = request(server, "POST", "/router/explain", body, KEY).json()
    assert plan["first"] == "rescued-429"
    assert [target["model_group"] for target in plan["fallbacks"]] == ["forbidden", "good"]
    assert (plan["num_retries"], plan["timeouts"]["total"]) == (4, 7)
    assert "sk-provider" not in json.dumps(plan)
