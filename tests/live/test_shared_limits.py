"""Limits across the workers of a gateway, and across gateways that share a Redis, against live servers."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import chat, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

MASTER_KEY = {"authorization": "Bearer sk-live-test-key"}
CLIENTS = 20


def config(upstream: Server, **settings: Any) -> dict[str, Any]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    return {
        "model_list": [
            {"model_name": "minute", "litellm_params": {**params, "rpm": 60}, "model_info": {"id": "minute"}},
            {"model_name": "another", "litellm_params": {**params, "rpm": 60}, "model_info": {"id": "another"}},
            {
                "model_name": "slots",
                "litellm_params": {**params, "max_parallel_requests": 3},
                "model_info": {"id": "slots"},
            },
        ],
        "router_settings": {
            "optional_pre_call_checks": ["enforce_model_rate_limits"],
            "slot_wait": 0,
            "num_retries": 0,
            **settings,
        },
        "general_settings": {"master_key": "sk-live-test-key"},
    }


def ask(server: Server, model: str, **mock: Any) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "mock": mock}
    return chat(server, body, MASTER_KEY).status


def flood(servers: Sequence[Server], number: int, model: str = "minute") -> Counter[int]:
    """`number` calls from 20 clients at once, turn by turn to each gateway."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(lambda turn: ask(servers[turn % len(servers)], model), range(number)))


def wait_for_time_in_this_minute(seconds: float) -> None:
    """What is counted by the minute must not be cut in two by the clock."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left)


def in_flight(server: Server) -> int:
    told = request(server, "GET", "/router/state", headers=MASTER_KEY).json()["deployments"]
    return next(row["in_flight"] for row in told if row["id"] == "slots")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    with gateway(config(upstream), folder, worker_class=request.param, workers=4) as running:
        yield running


def test_exactly_rpm_calls_pass_when_four_workers_are_flooded(server: Server) -> None:
    wait_for_time_in_this_minute(8)
    assert flood([server], 200) == {200: 60, 429: 140}


def test_slots_come_back_when_workers_are_killed(server: Server) -> None:
    def hold() -> None:
        try:
            ask(server, "slots", delay=8)
        except OSError:
            return

    holders = [threading.Thread(target=hold) for _ in range(3)]
    for holder in holders:
        holder.start()
    wait_until(lambda: in_flight(server) == 3)
    assert ask(server, "slots") == 429
    for worker in children(server.process.pid):
        os.kill(worker, signal.SIGKILL)
    for holder in holders:
        holder.join()
    wait_until(lambda: in_flight(server) == 0)
    assert ask(server, "slots") == 200


def test_the_count_stays_when_the_gateway_reloads(server: Server) -> None:
    wait_for_time_in_this_minute(20)
    flood([server], 80)
    before = set(children(server.process.pid))
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: bool(children(server.process.pid)) and not before & set(children(server.process.pid)))
    assert ask(server, "minute") == 429


def test_limits_hold_across_gateways_and_per_host_when_redis_is_killed_in_the_middle(
    upstream: Server, redis_server: tuple[int, "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    port, process = redis_server
    shared = config(upstream, redis_url=f"redis://127.0.0.1:{port}/0")
    with gateway(shared, tmp_path, workers=2) as one, gateway(shared, tmp_path, workers=2) as other:
        wait_for_time_in_this_minute(15)
        assert flood([one, other], 200) == {200: 60, 429: 140}
        early = flood([one, other], 40, "another")
        process.kill()
        late = flood([one, other], 260, "another")
        assert early + late == {200: 120, 429: 180}


def test_no_state_is_left_behind_when_the_gateway_ends(upstream: Server, tmp_path: Path) -> None:
    with gateway(config(upstream), tmp_path, worker_class="gthread", workers=2) as server:
        told = request(server, "GET", "/router/state", headers=MASTER_KEY).json()["state"]
        assert Path(told["path"]).exists()
    assert not Path(told["path"]).exists()
