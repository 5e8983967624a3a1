"""Cooldowns, the way back, and the budget of extra load, with four workers that share what they know."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.live.http import Answer, chat, request, wait_until
from tests.live.servers import Server, gateway

CLIENTS = 20
MESSAGES = [{"role": "user", "content": "hello"}]


def config(upstream: Server, **settings: Any) -> dict[str, Any]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {**params, "cooldown_time": 1} if name == "dying" else params,
                "model_info": {"id": name},
            }
            for name in ("dying", "half", "down", "last")
        ]
        + [{"model_name": "wild/*", "litellm_params": {**params, "model": "openai/*"}, "model_info": {"id": "wild"}}],
        "router_settings": settings,
    }


@pytest.fixture(scope="module")
def strict(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway that refuses while all deployments of a group cool."""
    wanted = config(upstream, last_resort=False, num_retries=0)
    with gateway(wanted, tmp_path_factory.mktemp("strict"), worker_class="gthread", workers=4) as running:
        yield running


@pytest.fixture(scope="module")
def ordinary(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    wanted = config(upstream, retry_budget_floor=1)
    with gateway(wanted, tmp_path_factory.mktemp("ordinary"), workers=4) as running:
        yield running


def ask(server: Server, model: str, status: int = 200, **mock: Any) -> Answer:
    return chat(server, {"model": model, "messages": MESSAGES, "mock": {"status": status, **mock}})


def ask_all(server: Server, model: str, statuses: list[int], **mock: Any) -> list[Answer]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(lambda status: ask(server, model, status, **mock), statuses))


def row(server: Server, name: str) -> dict[str, Any]:
    rows = request(server, "GET", "/router/state").json()["deployments"]
    found: dict[str, Any] = next(one for one in rows if one["id"] == name)
    return found


def sent(answer: Answer) -> int:
    """How often the provider was asked for this answer."""
    if answer.status == 200:
        return 1 + int(answer.headers["x-litellm-attempted-retries"])
    return len(answer.json()["error"].get("attempts", ()))


def test_one_probe_of_all_workers_is_let_through_when_the_cooldown_is_over(strict: Server) -> None:
    assert ask(strict, "dying", 401).status == 401
    refused = ask_all(strict, "dying", [200] * 8)
    assert {answer.status for answer in refused} == {429}
    assert refused[0].json()["error"]["type"] == "all_deployments_in_cooldown"
    assert refused[0].headers["retry-after"] == "1"
    assert wait_until(lambda: row(strict, "dying")["status"] == "half_open")

    assert Counter(answer.status for answer in ask_all(strict, "dying", [200] * 12, delay=1)) == {200: 1, 429: 11}
    assert row(strict, "dying")["status"] == "healthy"
    assert {answer.status for answer in ask_all(strict, "dying", [200] * 8)} == {200}


@pytest.mark.parametrize(
    ("model", "deployment", "status", "own"),
    [
        ("half", "half", 400, {}),
        ("half", "half", 401, {"api_key": "sk-the-clients-own"}),
        ("wild/no-such-model", "wild", 404, {}),
    ],
)
def test_a_clients_mistake_cools_nothing(
    strict: Server, model: str, deployment: str, status: int, own: dict[str, str]
) -> None:
    body = {"model": model, "messages": MESSAGES, "mock": {"status": status}, **own}
    assert {chat(strict, body).status for _ in range(3)} == {status}
    assert row(strict, deployment)["status"] == "healthy"


def test_the_last_deployment_is_still_tried_when_it_cools(ordinary: Server) -> None:
    assert ask(ordinary, "last", 401).status == 401
    assert row(ordinary, "last")["status"] == "cooling"
    failed = ask(ordinary, "last", 401)
    assert [attempt["reason"] for attempt in failed.json()["error"]["attempts"]] == ["last_resort"]
    assert ask(ordinary, "last").status == 200
    assert row(ordinary, "last")["status"] == "healthy"


def test_a_provider_sees_a_fifth_more_at_most_when_half_of_its_calls_fail(ordinary: Server) -> None:
    answers = ask_all(ordinary, "half", [200, 500] * 120)
    extra = sum(map(sent, answers)) - len(answers)
    assert Counter(answer.status for answer in answers) == {200: 120, 500: 120}
    assert 24 < extra <= 48


def test_a_providers_load_falls_when_it_is_down(ordinary: Server) -> None:
    answers = ask_all(ordinary, "down", [500] * 200)
    assert sum(map(sent, answers)) < 100
    assert row(ordinary, "down")["status"] == "cooling"
