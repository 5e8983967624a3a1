"""A client that leaves, at each moment: the provider's connection is closed, and the record says so and what it cost.

And one that stays while nothing is said: it hears that the gateway is there.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.crowd import Client
from tests.live.faults import FaultyProvider, deployment
from tests.live.http import wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

MESSAGES = [{"role": "user", "content": "one two three four five six seven eight nine ten"}]
# name: the fault that keeps the client waiting, whether it is after the first content, and whether a stream is asked for.
WAITS = {
    "plain call": ("head, then nothing", "before", False),
    "stream before its first byte": ("head, then nothing", "before", True),
    "stream before its first content": ("stall", "before", True),
    "stream that is silent": ("stall", "after", True),
    "stream between events": ("never-ending", "after", True),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[FaultyProvider]:
    with FaultyProvider() as running:
        yield running


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest,
    provider: FaultyProvider,
    upstream: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    up = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    waits = [
        {"model_name": name, "litellm_params": deployment(provider.port, "openai", fault, moment, 3)}
        for name, (fault, moment, _) in WAITS.items()
    ]
    config = {
        "model_list": [{"model_name": "up", "litellm_params": up}, *waits],
        "router_settings": {"keepalive_seconds": 0.3},
    }
    with gateway(config, tmp_path_factory.mktemp("left"), worker_class=request.param) as running:
        yield running


async def leave(client: Client, provider: FaultyProvider, *, started: bool) -> None:
    running = asyncio.create_task(client.run())
    if started:
        await client.started.wait()
    else:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, wait_until, lambda: provider.open == 1)
    client.vanish()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("wait", WAITS)
def test_provider_is_left_and_the_record_says_so_when_the_client_left(
    server: Server, provider: FaultyProvider, wait: str
) -> None:
    assert wait_until(lambda: provider.open == 0)
    _, moment, stream = WAITS[wait]
    before = server.output().count('"message":"499 ')
    client = Client(server.port, {"model": wait, "messages": MESSAGES}, stream=stream)
    asyncio.run(leave(client, provider, started=moment == "after"))
    assert wait_until(lambda: provider.open == 0, 1), "the provider's connection is closed within a second"
    assert wait_until(lambda: server.output().count('"message":"499 ') == before + 1, 3)
    records = [line for line in server.output().splitlines() if '"x-litellm-call-id"' in line]
    record: dict[str, Any] = json.loads(records[-1])
    assert record["error_class"] == "ClientClosedRequestError"
    assert record["prompt_tokens"] > 10, "estimated"
    assert (record["completion_tokens"] > 0) is (moment == "after")


def test_silence_is_filled_when_the_provider_pauses(server: Server) -> None:
    body = {"model": "up", "messages": MESSAGES, "mock": {"chunks": 2, "chunk_delay": 1.0}}
    seen = asyncio.run(Client(server.port, body).run())
    assert seen.events[-1] == "[DONE]"
    assert 2 <= seen.comments.count(": keep-alive") <= 20
