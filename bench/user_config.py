"""What a client's own configuration costs: CPU of the worker for a request with one that was seen before, and memory.

    python -m bench.user_config [--requests 50] [--rounds 60] [--configs 10000]

A gateway with one worker stands before the fake provider. Rounds of requests without and with a `user_config` of 20
models take turns; printed are the least of the rounds, of the worker's CPU time for a request, from /proc, and the median
of what each round adds: its blocks are neighbours, so that what else the machine does falls on both. The small request asks one
of the operator's own models. Then as many different configurations come as `--configs` says, and the worker's memory is
printed on the way.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from operator import truediv
from pathlib import Path
from typing import Any

from tests.live.servers import WORKER_CLASSES, Server, gateway, mock_provider

MESSAGES = [{"role": "user", "content": "hello"}]
_PAGE = os.sysconf("SC_PAGE_SIZE")


def config(upstream: Server) -> dict[str, Any]:
    params = {"model": "openai/gpt", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator-key"}
    return {
        "model_list": [{"model_name": "model-0", "litellm_params": params}],
        "litellm_settings": {"provider_url_destination_allowed_hosts": [f"127.0.0.1:{upstream.port}"]},
    }


def user_config(upstream: Server, number: int = 0, models: int = 20) -> dict[str, Any]:
    """The page's own entries, as many as it takes."""
    return {
        "model_list": [
            {
                "model_name": f"model-{position}",
                "litellm_params": {
                    "model": "openai/gpt",
                    "api_key": f"sk-client-key-{number:06d}-{position:02d}",
                    "api_base": f"{upstream.url}/v1",
                    "timeout": 10,
                },
                "tpm": 240000,
                "rpm": 1800,
            }
            for position in range(models)
        ],
        "num_retries": 2,
        "allowed_fails": 3,
        "fallbacks": [{"model-0": ["model-1"]}],
    }


def worker_of(server: Server) -> int:
    parent = server.process.pid
    (worker,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(worker)


def cpu_seconds(process: int) -> float:
    """As the scheduler counts them, to the nanosecond."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def megabytes(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE / 1e6


def ask(connection: http.client.HTTPConnection, body: Mapping[str, Any] | bytes) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", "/v1/chat/completions", raw, {"content-type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {answer[:300]!r}")


def measure_cost(server: Server, bodies: Mapping[str, bytes], requests: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds of the worker's CPU for a request with each body, round by round."""
    connection, worker = http.client.HTTPConnection("127.0.0.1", server.port), worker_of(server)
    found: dict[str, list[float]] = {name: [] for name in bodies}
    for number in range(rounds + 1):
        for name, body in bodies.items():
            before = cpu_seconds(worker)
            for _ in range(requests):
                ask(connection, body)
            if number:
                found[name].append((cpu_seconds(worker) - before) / requests * 1e6)
    connection.close()
    return found


def measure_memory(server: Server, upstream: Server, configs: int) -> None:
    connection, worker = http.client.HTTPConnection("127.0.0.1", server.port), worker_of(server)
    for number in range(configs):
        if number % (configs // 10) == 0:
            print(f"  {number:6d} configurations: {megabytes(worker):6.1f} MB")
        ask(connection, {"model": "model-0", "messages": MESSAGES, "user_config": user_config(upstream, number, 2)})
    print(f"  {configs:6d} configurations: {megabytes(worker):6.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--configs", type=int, default=10_000)
    parser.add_argument("--worker-class", choices=WORKER_CLASSES, action="append")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mock_provider(Path(folder)) as upstream:
        small = {"model": "model-0", "messages": MESSAGES}
        one = user_config(upstream, models=1)
        bodies = {
            "without": json.dumps(small).encode(),
            "with one model": json.dumps({**small, "user_config": {**one, "fallbacks": []}}).encode(),
            "with 20 models": json.dumps({**small, "user_config": user_config(upstream)}).encode(),
        }
        for worker_class in given.worker_class or WORKER_CLASSES:
            with gateway(config(upstream), Path(folder), worker_class=worker_class) as server:
                costs = measure_cost(server, bodies, given.requests, given.rounds)
                for name, rounds in costs.items():
                    share = statistics.median(map(truediv, rounds, costs["without"])) - 1
                    print(
                        f"{worker_class} {name:>15}: {min(rounds):6.0f} us of CPU a request ({share:+.1%})", flush=True
                    )
        if given.configs:
            with gateway(config(upstream), Path(folder)) as server:
                measure_memory(server, upstream, given.configs)


if __name__ == "__main__":
    main()
