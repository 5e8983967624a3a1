"""The response cache of a live gateway: shared by its workers, and over hosts by a Redis that may die."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import chat, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, free_port, gateway, mock_provider

MASTER_KEY = {"authorization": "Bearer sk-live-test-key"}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Server]:
    with mock_provider(tmp_path) as server:
        yield server


def config(upstream: Server, **params: Any) -> dict[str, Any]:
    model = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    return {
        "model_list": [{"model_name": "fast", "litellm_params": model}],
        "general_settings": {"master_key": "sk-live-test-key"},
        "litellm_settings": {"cache": True, "cache_params": params},
    }


def asked(upstream: Server) -> int:
    return len(json.loads(request(upstream, "GET", "/_requests").body)["requests"])


def ask(server: Server, text: str, **fields: Any) -> int:
    body = {"model": "fast", "messages": [{"role": "user", "content": text}], **fields}
    return chat(server, body, MASTER_KEY).status


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_workers_share_what_one_of_them_was_answered(upstream: Server, tmp_path: Path, worker_class: str) -> None:
    with gateway(config(upstream, type="local"), tmp_path, worker_class, workers=2) as server:
        assert [ask(server, "once", stream=bool(number % 2)) for number in range(24)] == [200] * 24
        assert asked(upstream) <= 2  # Two workers may have been asked at the same moment.
        assert ask(server, "x" * 2_000_000) == 200 and ask(server, "x" * 2_000_000) == 200
        assert asked(upstream) <= 4


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_redis_that_dies_is_a_miss_and_fails_no_call(upstream: Server, tmp_path: Path) -> None:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        params = {"type": "redis", "host": "127.0.0.1", "port": port}
        with gateway(config(upstream, **params), tmp_path, workers=2) as server:
            ping = lambda: request(server, "GET", "/cache/ping", headers=MASTER_KEY).status == 200  # noqa: E731
            assert wait_until(ping, 10)
            assert [ask(server, "once") for _ in range(10)] == [200] * 10
            before = asked(upstream)
            assert before <= 2
            os.kill(redis.pid, signal.SIGKILL)
            redis.wait(10)
            started = time.monotonic()
            assert [ask(server, "once") for _ in range(10)] == [200] * 10
            assert asked(upstream) == before + 10 and time.monotonic() - started < 10
            assert not ping()
    finally:
        redis.kill()
