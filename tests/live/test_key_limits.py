"""Budgets and limits of virtual keys are exact over the workers of a gateway, against live servers."""

import http.client
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import Answer, chat, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway
from tests.live.test_shared_limits import children, wait_for_time_in_this_minute

CLIENTS = 40
CALLS = 25
MASTER = "sk-live-test-key"
UNIT = 10**9
# Of the fake provider's answer to `hello`: 1 token and 2 tokens, at these prices.
PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20}


def config(upstream: Server, limits: dict[str, dict[str, Any]], **sections: Any) -> dict[str, Any]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator", **PRICES}
    return {
        "model_list": [{"model_name": "m", "litellm_params": params}],
        "general_settings": {"master_key": MASTER},
        "router_settings": {"num_retries": 0},
        "keys": [{"key": key_of(name), **limit} for name, limit in limits.items()],
        "teams": [{"team_id": "team", "rpm_limit": 30}],
        "users": [{"user_id": "user", "rpm_limit": 20}],
        **sections,
    }


LIMITS: dict[str, dict[str, Any]] = {
    "rpm": {"rpm_limit": 25},
    "tpm": {"tpm_limit": 400},
    "slots": {"max_parallel_requests": 3},
    "killed": {"max_parallel_requests": 3, "max_budget": 1},
    "team-a": {"team_id": "team", "user_id": "user", "rpm_limit": 100},
    "team-b": {"team_id": "team", "user_id": "user", "rpm_limit": 100},
    "left": {"max_parallel_requests": 1, "max_budget": 1},
    "cut": {"max_parallel_requests": 1, "max_budget": 1},
}


def key_of(name: str) -> str:
    return f"sk-{name}-0000000000000"


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key_of(name)}"}


def ask(server: Server, name: str, **fields: Any) -> Answer:
    return chat(server, {**BODY, **fields}, bearer(name))


def flood(server: Server, name: str, number: int, **fields: Any) -> list[Answer]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(lambda _: ask(server, name, **fields), range(number)))


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def spend_of(answer: Answer) -> int:
    return round(float(answer.headers["x-litellm-key-spend"]) * UNIT)


def cost_of(answer: Answer) -> int:
    return round(float(answer.headers["x-litellm-response-cost"]) * UNIT)


def leave(server: Server, name: str, *, stream: bool) -> None:
    """Send a slow call, and close the connection while it runs."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    mock = {"chunk_delay": 0.3} if stream else {"delay": 3.0}
    headers = {"content-type": "application/json", **bearer(name)}
    connection.request("POST", "/v1/chat/completions", json.dumps({**BODY, "stream": stream, "mock": mock}), headers)
    if stream:
        connection.getresponse().read1(10)
    else:
        time.sleep(0.5)
    connection.close()


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keys")
    with gateway(config(upstream, LIMITS), folder, worker_class=request.param, workers=4) as running:
        yield running


def test_requests_of_a_key_are_exact_over_four_workers(server: Server) -> None:
    wait_for_time_in_this_minute(15)
    assert statuses(flood(server, "rpm", 60)) == {200: 25, 429: 35}


def test_key_team_and_user_are_counted_in_one_step(server: Server) -> None:
    wait_for_time_in_this_minute(15)
    answers = flood(server, "team-a", 15) + flood(server, "team-b", 25)
    assert statuses(answers) == {200: 20, 429: 20}
    refused = next(answer for answer in answers if answer.status == 429)
    assert "for user: user." in refused.json()["error"]["message"]


def test_calls_in_flight_are_as_many_as_the_key_may_have(server: Server) -> None:
    assert statuses(flood(server, "slots", 20, mock={"delay": 2.0})) == {200: 3, 429: 17}
    assert statuses(flood(server, "slots", 3, mock={"delay": 0.2})) == {200: 3}


def test_tokens_of_a_key_stay_within_its_limit(server: Server) -> None:
    wait_for_time_in_this_minute(15)
    answers = flood(server, "tpm", 80)
    used = sum(answer.json()["usage"]["total_tokens"] for answer in answers if answer.status == 200)
    assert 0 < used <= 400


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_the_client_leaves_is_charged_and_frees_its_slot(server: Server, stream: bool) -> None:
    first = ask(server, "left")
    leave(server, "left", stream=stream)
    wait_until(lambda: ask(server, "left").status == 200)
    assert spend_of(ask(server, "left")) > spend_of(first) + 2 * cost_of(first)


def test_a_stream_that_the_provider_cuts_frees_its_slot(server: Server) -> None:
    for _ in range(3):
        assert ask(server, "cut", stream=True, mock={"fault": "cut"}).status in (200, 502)
    assert ask(server, "cut").status == 200


def test_what_a_killed_worker_had_reserved_comes_back(server: Server) -> None:
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(lambda: _unless_cut(server))
        time.sleep(1.0)
        for worker in children(server.process.pid):
            os.kill(worker, signal.SIGKILL)
    wait_until(lambda: _unless_cut(server, 0.0) == 200, 20)
    assert spend_of(ask(server, "killed")) <= 2 * cost_of(ask(server, "killed")) * 2


def _unless_cut(server: Server, delay: float = 5.0) -> int:
    try:
        return ask(server, "killed", mock={"delay": delay}).status
    except OSError:
        return 0


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_a_budget_for_n_calls_lets_n_pass_whatever_is_killed(
    upstream: Server, tmp_path: Path, worker_class: str
) -> None:
    probe = {"any": {"max_budget": 1}}
    with gateway(config(upstream, probe), tmp_path, worker_class) as server:
        cost = cost_of(ask(server, "any"))
    limits = {"budget": {"max_budget": CALLS * cost / UNIT}}
    with gateway(config(upstream, limits), tmp_path, worker_class, workers=4) as server:
        answers = flood(server, "budget", 3 * CALLS)
        while answers[-1].status == 200 or statuses(answers)[200] < CALLS:
            answers.append(ask(server, "budget"))
        assert statuses(answers)[200] == CALLS
        assert set(statuses(answers)) == {200, 422}
        message = f"Current cost: {CALLS * cost / UNIT:.9f}".rstrip("0")
        assert message in ask(server, "budget").json()["error"]["message"]
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    with gateway(config(upstream, limits), tmp_path, worker_class, workers=2) as server:
        assert ask(server, "budget").status == 422


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_rows_add_up_to_the_counter_whatever_is_killed(upstream: Server, tmp_path: Path, worker_class: str) -> None:
    stored = {"general_settings": {"master_key": MASTER, "database_url": f"sqlite:///{tmp_path / 'spend.db'}"}}
    setup = config(upstream, {"counted": {"max_budget": 1}}, **stored)
    with gateway(setup, tmp_path, worker_class, workers=4) as server:
        flood(server, "counted", 40)
        flood(server, "counted", 10, stream=True)
        flood(server, "counted", 5, stream=True, mock={"fault": "cut"})
        leave(server, "counted", stream=True)
        wait_until(lambda: rows_of(server) == 56)
        time.sleep(0.3)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    with gateway(setup, tmp_path, worker_class, workers=2) as server:
        last = ask(server, "counted")
        wait_until(lambda: rows_of(server) == 57)
        assert sum_of(server) == spend_of(last)


def rows_of(server: Server) -> int:
    answer = request(server, "GET", "/spend/logs/v2?page_size=100", headers={"authorization": f"Bearer {MASTER}"})
    total: int = answer.json()["total"]
    return total


def sum_of(server: Server) -> int:
    rows = request(server, "GET", "/spend/logs", headers={"authorization": f"Bearer {MASTER}"}).json()
    return sum(round(row["spend"] * UNIT) for row in rows)


def test_two_gateways_with_redis_share_a_budget(
    upstream: Server, tmp_path: Path, redis_server: tuple[int, Any]
) -> None:
    port, _ = redis_server
    redis = {"router_settings": {"num_retries": 0, "redis_host": "127.0.0.1", "redis_port": port}}
    folders = [tmp_path / name for name in ("probe", "a", "b")]
    for folder in folders:
        folder.mkdir()
    with gateway(config(upstream, {"any": {"max_budget": 1}}), folders[0]) as server:
        cost = cost_of(ask(server, "any"))
    limits = {"budget": {"max_budget": CALLS * cost / UNIT}}
    with (
        gateway(config(upstream, limits, **redis), folders[1], workers=2) as one,
        gateway(config(upstream, limits, **redis), folders[2], workers=2) as other,
    ):
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(lambda turn: ask((one, other)[turn % 2], "budget"), range(2 * CALLS)))
        while answers[-1].status == 200 or statuses(answers)[200] < CALLS:
            answers.append(ask(one, "budget"))
        assert statuses(answers)[200] == CALLS
        assert ask(other, "budget").status == 422
