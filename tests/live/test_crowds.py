"""Crowds: random breaks continued, a stop among many streams, many clients that vanish at once.

The suite runs small ones; `make soak-streams` (PATCHBAY_SOAK=1) the sizes that docs/streams.md speaks of.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.crowd import Client, Seen, text_in
from tests.live.faults import FORMATS, FaultyProvider, break_of, deployment, text_of
from tests.live.http import chat, open_answers, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

SOAK = bool(os.environ.get("PATCHBAY_SOAK"))
BREAKS = 1000 if SOAK else 120
CROWD = 500 if SOAK else 60
ROUNDS = 5 if SOAK else 3
PLAIN = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[FaultyProvider]:
    with FaultyProvider() as running:
        yield running


def test_breaks_are_invisible_or_continued_when_they_are_anywhere(provider: FaultyProvider, tmp_path: Path) -> None:
    """Each seed makes the text, whether and where it breaks, and how."""
    names = {form: (f"broken-{form}", f"good-{form}") for form in FORMATS}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": deployment(provider.port, form, name.partition("-")[0])}
            for form, pair in names.items()
            for name in pair
        ],
        "router_settings": {
            "num_retries": 0,
            "disable_cooldowns": True,
            "retry_budget": 1,
            "retry_budget_floor": 100_000,
            "stream_continuation": True,
            "fallbacks": [{broken: [good]} for broken, good in names.values()],
        },
    }
    with gateway(config, tmp_path) as server:
        seen = asyncio.run(_ask_all(server, list(range(BREAKS))))
    before = [seed for seed in seen if random.Random(seed + 2).random() >= 0.8]
    wrong = [seed for seed, one in seen.items() if text_in(one) != text_of(seed) or one.events.count("[DONE]") != 1]
    continued = [seed for seed, one in seen.items() if any("broke off" in comment for comment in one.comments)]
    print(f"\n{BREAKS} breaks, {len(before)} before content, {len(continued)} continued, {len(wrong)} wrong")
    assert wrong == []
    assert not set(before) & set(continued), "a fault before the first content is invisible"
    # A fault that arrives in one piece with the text before it is invisible, too.
    assert len(continued) >= 0.99 * (BREAKS - len(before))
    for seed in continued:
        marked = [json.loads(event).get("continued") for event in seen[seed].events if event != "[DONE]"]
        assert next(mark[0]["after"] for mark in marked if mark) <= break_of(seed)


async def _ask_all(server: Server, seeds: list[int]) -> dict[int, Seen]:
    gate = asyncio.Semaphore(24)

    async def ask(seed: int) -> Seen:
        async with gate:
            form = list(FORMATS)[seed % len(FORMATS)]
            messages = [{"role": "user", "content": f"seed {seed}"}]
            return await Client(server.port, {"model": f"broken-{form}", "messages": messages}).run()

    return dict(zip(seeds, await asyncio.gather(*map(ask, seeds)), strict=True))


def config_for(upstream: Server) -> dict[str, Any]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    return {"model_list": [{"model_name": "up", "litellm_params": params}]}


def ask(**mock: Any) -> dict[str, Any]:
    return {"model": "up", "messages": PLAIN, "mock": mock}


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_all_streams_complete_when_the_server_is_stopped(worker_class: str, upstream: Server, tmp_path: Path) -> None:
    async def stop_among(server: Server) -> list[Seen]:
        clients = [Client(server.port, ask(chunks=8, chunk_delay=0.5 if SOAK else 0.2)) for _ in range(CROWD)]
        running = [asyncio.create_task(client.run()) for client in clients]
        await asyncio.wait_for(asyncio.gather(*(client.started.wait() for client in clients)), 60)
        os.kill(server.process.pid, signal.SIGTERM)
        return await asyncio.gather(*running)

    with gateway(config_for(upstream), tmp_path, worker_class, arguments=("--threads", str(CROWD + 8))) as server:
        seen = asyncio.run(stop_among(server))
        assert [one.events[-1] for one in seen] == ["[DONE]"] * CROWD
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_upstreams_are_closed_and_memory_comes_back_when_clients_vanish(
    worker_class: str, upstream: Server, tmp_path: Path
) -> None:
    async def vanish(server: Server) -> float:
        clients = [Client(server.port, ask(chunks=3000, chunk_delay=0.3)) for _ in range(CROWD)]
        running = [asyncio.create_task(client.run()) for client in clients]
        await asyncio.wait_for(asyncio.gather(*(client.started.wait() for client in clients)), 60)
        for client in clients:
            client.vanish()
        left = time.monotonic()
        await asyncio.gather(*running, return_exceptions=True)
        return left

    with gateway(config_for(upstream), tmp_path, worker_class, arguments=("--threads", str(CROWD + 8))) as server:
        sizes = []
        for _ in range(ROUNDS):
            left = asyncio.run(vanish(server))
            assert wait_until(lambda: open_answers(upstream) == 0, 2), f"{open_answers(upstream)} are still open"
            print(f"\n{worker_class}: {CROWD} upstreams closed after {time.monotonic() - left:.2f} s")
            assert chat(server, ask()).status == 200
            sizes.append(_resident(server))
        print("resident bytes:", sizes)
        # The first rounds fill pools and the threads' stacks.
        assert sizes[-1] <= sizes[ROUNDS // 2] * 1.05
        assert wait_until(lambda: server.output().count('"message":"499 ') == ROUNDS * CROWD, 10)


def _resident(server: Server) -> int:
    """The memory of the server's workers in bytes."""
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in workers]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")
