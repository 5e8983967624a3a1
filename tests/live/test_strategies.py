"""Who gets what with each strategy: 200 calls of the official SDK against a live gateway."""

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.live.servers import Server, gateway

CALLS = 200
LONG = {"mock": {"reply": "word " * 400}}
# For each strategy two deployments that differ in what it looks at, `a` the one to be preferred, and the least and the
# most that `a` may get of 200 calls.
STRATEGIES: dict[str, tuple[dict[str, Any], dict[str, Any], int, int]] = {
    "simple-shuffle": ({"weight": 3}, {"weight": 1}, 115, 185),
    "least-busy": ({}, {"mock": {"delay": 0.3}}, 130, 199),
    "usage-based-routing-v2": ({}, LONG, 130, 199),
    "latency-based-routing": ({}, {"mock": {"delay": 0.1}}, 160, 199),
    "cost-based-routing": (
        {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        {"input_cost_per_token": 2e-6, "output_cost_per_token": 2e-6},
        200,
        200,
    ),
}


def config(upstream: Server, strategy: str) -> dict[str, Any]:
    first, second, _, _ = STRATEGIES[strategy]
    base = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-provider"}
    return {
        "model_list": [
            {"model_name": "m", "litellm_params": {**base, **params}, "model_info": {"id": name}}
            for name, params in (("b", second), ("a", first))
        ],
        "router_settings": {"routing_strategy": strategy},
    }


@pytest.fixture(scope="module")
def servers(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """All gateways at once: most of the time that they take is their start."""
    folder = tmp_path_factory.mktemp("strategies")
    started: queue.SimpleQueue[tuple[str, Server]] = queue.SimpleQueue()
    let_go = threading.Event()

    def hold(strategy: str) -> None:
        with gateway(config(upstream, strategy), folder) as server:
            started.put((strategy, server))
            let_go.wait()

    with ThreadPoolExecutor(len(STRATEGIES)) as pool:
        try:
            for strategy in STRATEGIES:
                pool.submit(hold, strategy)
            yield dict(started.get(timeout=30) for _ in STRATEGIES)
        finally:
            let_go.set()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_calls_go_where_the_strategy_says(servers: dict[str, Server], strategy: str) -> None:
    client = openai.OpenAI(api_key="sk-any", base_url=servers[strategy].url, max_retries=0, timeout=20)

    def ask(_: int) -> str:
        raw = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "hello"}]
        )
        return raw.headers["x-litellm-model-id"]

    with ThreadPoolExecutor(8) as pool:
        got = Counter(pool.map(ask, range(CALLS)))
    _, _, least, most = STRATEGIES[strategy]
    print(f"{strategy}: {dict(got)}")
    assert got.total() == CALLS
    assert least <= got["a"] <= most
