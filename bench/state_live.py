"""What the shared state costs in a live worker: its CPU time per request, with each store, over plain memory.

    python -m bench.state_live [requests] [rounds]

One gevent worker serves a model of the gateway's own, whose deployment has limits; eight clients ask over kept
connections. Rounds are interleaved; of each store the lowest round counts, since a busy machine only ever adds. Redis is
measured where a redis-server is installed.
"""

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.live.servers import Server, free_port, gateway

CLIENTS = 8
BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}'
TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")


def config(store: str, redis_port: int) -> dict[str, object]:
    params = {"model": "mock/m", "rpm": 100_000_000, "tpm": 1_000_000_000, "max_parallel_requests": 10_000}
    routing: dict[str, object] = {
        "optional_pre_call_checks": ["enforce_model_rate_limits"],
        "state_store": store,
        "redis_url": f"redis://127.0.0.1:{redis_port}/0",
    }
    return {"model_list": [{"model_name": "m", "litellm_params": params}], "router_settings": routing}


def worker_ticks(server: Server) -> int:
    """User and system time of the server's workers so far."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats)


def load(server: Server, requests: int) -> None:
    def client(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(count):
            connection.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"the gateway answered {answer.status}")
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, [requests // CLIENTS] * CLIENTS))


def microseconds(store: str, redis_port: int, requests: int, folder: Path) -> float:
    with gateway(config(store, redis_port), folder) as server:
        load(server, requests // 4)
        before = worker_ticks(server)
        load(server, requests)
        return (worker_ticks(server) - before) * TICK / requests


@contextlib.contextmanager
def redis_server() -> Iterator[int | None]:
    """The port of a Redis, None where there is none to be had."""
    if shutil.which("redis-server") is None:
        yield None
        return
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def main(requests: int = 6000, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder, redis_server() as port:
        stores = ("memory", "host", "redis") if port else ("memory", "host")
        figures: dict[str, list[float]] = {store: [] for store in stores}
        for _ in range(rounds):
            for store in stores:
                figures[store].append(microseconds(store, port or 0, requests, Path(folder)))
    floor = min(figures["memory"])
    for store, found in figures.items():
        each = ", ".join(f"{figure:.0f}" for figure in found)
        print(f"{store:8} {min(found):6.0f} us of CPU a request ({each}), {min(found) - floor:+.0f} us over memory")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
