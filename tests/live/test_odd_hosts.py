"""Live: odd names, a small /dev/shm and a hostile Redis cost no good call."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.counters.test_hostile_redis import KINDS, FakeRedis
from tests.live.http import chat, request
from tests.live.servers import WORKER_CLASSES, gateway

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def config(**router: Any) -> dict[str, Any]:
    params = {"model": "mock/m", "rpm": 1000}
    entries = [
        {"model_name": "m", "litellm_params": params, "model_info": {"id": "déploi-日本"}},
        {
            "model_name": "dead",
            "litellm_params": {**params, "mock_response": "litellm.RateLimitError"},
            "model_info": {"id": "日"},
        },
    ]
    return {
        "model_list": entries,
        "router_settings": {"optional_pre_call_checks": ["enforce_model_rate_limits"], "num_retries": 0, **router},
    }


def test_calls_are_answered_when_a_deployments_id_is_outside_latin_1(tmp_path: Path) -> None:
    with gateway(config(), tmp_path) as server:
        for stream in (False, True):
            answer = chat(server, {**BODY, "stream": stream})
            assert answer.status == 200
            assert answer.headers["x-litellm-model-id"].encode("latin-1").startswith(b"d\xe9ploi-??")
        assert chat(server, {**BODY, "model": "dead"}).status == 429


@pytest.mark.parametrize("kind", ["not the protocol", "a map", "huge numbers", "lists of lists of lists", "nothing"])
def test_calls_are_answered_when_redis_is_hostile(tmp_path: Path, kind: str) -> None:
    answer = KINDS[kind]
    assert isinstance(answer, bytes)
    redis = FakeRedis(answer)
    with gateway(config(redis_url=f"redis://127.0.0.1:{redis.port}/0"), tmp_path, workers=2) as server:
        assert [chat(server, BODY).status for _ in range(20)] == [200] * 20
    redis.close()


@pytest.fixture(params=["64k", "1m"])
def small_memory(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers run in a mount namespace of their own, with a /dev/shm of that size."""
    mount = f"mount -t tmpfs -o size={request.param} tmpfs /dev/shm"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'{mount}; exec "$0" "$@"\' {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setattr("tests.live.servers.sys.executable", str(python))


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_no_worker_dies_and_the_limit_holds_when_the_memory_is_small(tmp_path: Path, worker_class: str) -> None:
    params = {"model": "mock/m", "rpm": 15}
    small = {**config(), "model_list": [{"model_name": "m", "litellm_params": params}]}
    small["litellm_settings"] = {"callbacks": ["prometheus"]}
    left = 60 - time.time() % 60
    if left < 15:
        time.sleep(left)
    with gateway(small, tmp_path, worker_class, workers=2) as server:
        statuses = [chat(server, BODY).status for _ in range(40)]
        assert statuses.count(200) == 15
        assert request(server, "GET", "/metrics").status == 200
        output = server.output()
    assert output.count("smaller than 16 MB") == 1
    assert "SIGBUS" not in output
    assert "was sent" not in output
