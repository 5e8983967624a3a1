"""A client's own configuration, key and address by the openai SDK: every combination, in both worker classes."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.clients.conftest import MASTER_KEY
from tests.live.http import request
from tests.live.servers import WORKER_CLASSES, Server, gateway
from tests.live.test_shared_limits import wait_for_time_in_this_minute

POEM: Any = [{"role": "user", "content": "write a short poem"}]
OPERATOR = "sk-operator-secret-key"
KEY = {"authorization": f"Bearer {MASTER_KEY}"}


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def own(request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    params = {"api_key": OPERATOR, "api_base": f"{upstream.url}/v1", "extra_headers": {"x-team": "operators"}}
    names = ("one", "two", "fail-401")
    config = {
        "model_list": [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **params}} for name in names],
        "general_settings": {"master_key": MASTER_KEY},
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"provider_url_destination_allowed_hosts": [f"127.0.0.1:{upstream.port}"]},
    }
    with gateway(config, tmp_path_factory.mktemp("own"), worker_class=request.param) as running:
        yield running


@pytest.fixture
def client(own: Server) -> openai.OpenAI:
    return openai.OpenAI(api_key=MASTER_KEY, base_url=own.url, max_retries=0, timeout=20)


def user_config(upstream: Server, **settings: Any) -> dict[str, Any]:
    """Two models of a client's own, under a key that no other test has."""
    params = {"api_key": f"client-{uuid.uuid4()}", "api_base": f"{upstream.url}/clients/v1"}
    entries = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **params}} for name in ("one", "two")]
    return {"model_list": entries, "num_retries": 0, **settings}


def bring_config(upstream: Server) -> tuple[dict[str, Any], str, str]:
    config = user_config(upstream)
    return {"user_config": config}, config["model_list"][0]["litellm_params"]["api_key"], "/clients/v1/chat/completions"


def bring_key(upstream: Server) -> tuple[dict[str, Any], str, str]:
    return {"api_key": "client-own-key"}, "client-own-key", "/v1/chat/completions"


def bring_base(upstream: Server) -> tuple[dict[str, Any], str, str]:
    fields = {"api_base": f"{upstream.url}/clients/v1", "api_key": "client-own-key"}
    return fields, "client-own-key", "/clients/v1/chat/completions"


def plainly(client: openai.OpenAI, fields: dict[str, Any]) -> list[str]:
    return [client.chat.completions.create(model="one", messages=POEM, extra_body=fields).choices[0].message.content]


def streamed(client: openai.OpenAI, fields: dict[str, Any]) -> list[str]:
    chunks = client.chat.completions.create(model="one", messages=POEM, stream=True, extra_body=fields)
    return ["".join(chunk.choices[0].delta.content or "" for chunk in chunks)]


def batched(client: openai.OpenAI, fields: dict[str, Any]) -> list[str]:
    items: Any = client.chat.completions.create(model="one,two", messages=POEM, extra_body=fields)
    return [item.choices[0].message.content for item in items]


def batched_and_streamed(client: openai.OpenAI, fields: dict[str, Any]) -> list[str]:
    texts = ["", ""]
    for chunk in client.chat.completions.create(model="one,two", messages=POEM, stream=True, extra_body=fields):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    return texts


@pytest.mark.parametrize("bring", [bring_config, bring_key, bring_base])
@pytest.mark.parametrize(("ask", "count"), [(plainly, 1), (streamed, 1), (batched, 2), (batched_and_streamed, 2)])
def test_what_a_client_brings_goes_where_it_says_and_alone(
    client: openai.OpenAI,
    upstream: Server,
    bring: Callable[[Server], tuple[dict[str, Any], str, str]],
    ask: Callable[[openai.OpenAI, dict[str, Any]], list[str]],
    count: int,
) -> None:
    fields, key, path = bring(upstream)
    request(upstream, "DELETE", "/_requests")
    texts = ask(client, fields)
    assert len(texts) == count and all("write a short poem" in text for text in texts)
    sent = request(upstream, "GET", "/_requests").json()["requests"]
    assert [one["path"] for one in sent] == [path] * count
    assert {one["headers"]["authorization"] for one in sent} == {f"Bearer {key}"}
    assert OPERATOR not in json.dumps(sent)
    assert not set(fields) & set(json.loads(sent[0]["body"]))
    if path.startswith("/clients"):
        assert "operators" not in json.dumps(sent)


def test_embeddings_and_moderations_take_a_clients_own_configuration(client: openai.OpenAI, upstream: Server) -> None:
    fields = {"user_config": user_config(upstream)}
    assert client.embeddings.create(model="one", input="a", extra_body=fields).data
    assert client.moderations.create(model="two", input="a", extra_body=fields).results
    request(upstream, "DELETE", "/_requests")
    client.embeddings.create(model="one", input="a", extra_body={"api_key": "client-own-key"})
    (sent,) = request(upstream, "GET", "/_requests").json()["requests"]
    assert sent["headers"]["authorization"] == "Bearer client-own-key"


def test_configuration_sees_none_of_the_operators_models(client: openai.OpenAI, upstream: Server) -> None:
    config = user_config(upstream)
    config["model_list"] = config["model_list"][:1]
    with pytest.raises(openai.BadRequestError, match="two"):
        client.chat.completions.create(model="two", messages=POEM, extra_body={"user_config": config})
    items: Any = client.chat.completions.create(model="one,two", messages=POEM, extra_body={"user_config": config})
    assert items[0].choices and items[1].error["code"] == "model_not_found"


def test_limit_is_remembered_between_a_clients_requests(client: openai.OpenAI, upstream: Server) -> None:
    config = user_config(upstream, optional_pre_call_checks=["enforce_model_rate_limits"])
    for entry in config["model_list"]:
        entry["rpm"] = 2
    wait_for_time_in_this_minute(10)
    for _ in range(2):
        plainly(client, {"user_config": config})
    with pytest.raises(openai.RateLimitError):
        plainly(client, {"user_config": config})
    plainly(client, {"user_config": {**config, "timeout": 60}})


def test_failures_are_remembered_between_a_clients_requests(client: openai.OpenAI, upstream: Server) -> None:
    config = user_config(upstream, allowed_fails=1, cooldown_time=60, fallbacks=[{"one": ["two"]}])
    config["model_list"][0]["litellm_params"]["model"] = "openai/fail-500"
    for _ in range(2):
        plainly(client, {"user_config": config})
    request(upstream, "DELETE", "/_requests")
    plainly(client, {"user_config": config})
    (sent,) = request(upstream, "GET", "/_requests").json()["requests"]
    assert json.loads(sent["body"])["model"] == "two", "the first cools"


@pytest.mark.parametrize(
    "strategy", ["simple-shuffle", "least-busy", "usage-based-routing-v2", "latency-based-routing"]
)
def test_strategy_is_the_clients_own(client: openai.OpenAI, upstream: Server, strategy: str) -> None:
    assert plainly(client, {"user_config": user_config(upstream, routing_strategy=strategy)})


def test_everything_of_the_pages_router_config_is_taken_and_the_rest_is_named(
    client: openai.OpenAI, upstream: Server
) -> None:
    config = user_config(
        upstream, redis_url=None, redis_host="10.0.0.1", redis_password="client-redis-password", redis_port=6379,
        cache_responses=False, cache_kwargs={}, caching_groups=None, client_ttl=3600, timeout=30,
        default_litellm_params={"temperature": 0.5}, set_verbose=False, allowed_fails=3, context_window_fallbacks=[],
        fallbacks=[{"one": ["two"]}], model_group_alias={"alias": "one"}, retry_after=0,
        routing_strategy="simple-shuffle", routing_groups=None,
    )  # fmt: skip
    answer = client.chat.completions.with_raw_response.create(
        model="alias", messages=POEM, extra_body={"user_config": config}
    )
    named = answer.headers["x-litellm-dropped-params"].split(",")
    assert {"user_config.redis_host", "user_config.client_ttl", "user_config.cache_kwargs"} <= set(named)
    sent = request(upstream, "GET", "/_requests").json()["requests"][-1]
    assert json.loads(sent["body"])["temperature"] == 0.5


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({}, "user_config.model_list"),
        ({"model_list": [{"model_name": "one"}]}, "user_config.model_list[0].litellm_params"),
        ({"model_list": [], "routing_strategy": "bogus"}, "user_config.routing_strategy"),
    ],
)
@pytest.mark.parametrize("model", ["one", "one,two"])
def test_path_is_named_when_a_configuration_is_wrong(
    client: openai.OpenAI, wrong: dict[str, Any], param: str, model: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=POEM, extra_body={"user_config": wrong})
    assert caught.value.param == param


def deployments(own: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = request(own, "GET", "/router/state", headers=KEY).json()["deployments"]
    return rows


@pytest.mark.parametrize("fields", [{"api_key": "client-bad-key"}, {"extra_headers": {"x-client": "1"}}])
def test_bad_key_is_its_owners_business(client: openai.OpenAI, own: Server, fields: dict[str, Any]) -> None:
    (before,) = [row for row in deployments(own) if row["model_group"] == "fail-401"]
    bad = "api_key" in fields
    for _ in range(12 if bad else 1):
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="fail-401", messages=POEM, extra_body=fields)
    (after,) = [row for row in deployments(own) if row["model_group"] == "fail-401"]
    assert (after == before) is bad, "the operator's own key failing does count"


def test_bad_key_in_a_batch_is_its_owners_business_too(client: openai.OpenAI, own: Server) -> None:
    def counted() -> list[tuple[int, int, int]]:
        names = ("requests_this_minute", "failures_this_minute", "cooldowns_in_a_row")
        return [tuple(row[name] for name in names) for row in deployments(own)]

    before = counted()
    for _ in range(6):
        items: Any = client.chat.completions.create(
            model="fail-401,fail-401", messages=POEM, extra_body={"api_key": "client-bad-key"}
        )
        assert [item.error["type"] for item in items] == ["authentication_error"] * 2
    assert counted() == before
