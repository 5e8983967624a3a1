"""SIGHUP reads the configuration again; a broken one changes nothing."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.live.http import chat, request, wait_until
from tests.live.servers import Server, gateway

GOOD: dict[str, Any] = {"model_list": [{"model_name": "first", "litellm_params": {"model": "mock/demo"}}]}
NEXT = "model_list: [{model_name: second, litellm_params: {model: mock/demo}}]"
BROKEN = {
    "no YAML": "model_list: [",
    "a master key that no header can carry": "general_settings: {master_key: 'schl\u00fcssel'}",
    "a callback without keys": "litellm_settings: {callbacks: [langfuse]}",
}


def answers(server: Server, model: str) -> int:
    return chat(server, {"model": model, "messages": [{"role": "user", "content": "hi"}]}).status


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_old_configuration_is_kept_when_the_new_one_is_broken(tmp_path: Path, text: str) -> None:
    with gateway(GOOD, tmp_path) as server:
        path = tmp_path / f"config-{server.port}.yaml"
        path.write_text(text)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: "is not reloaded, the old one is kept" in server.output(), 30)
        assert server.process.poll() is None and answers(server, "first") == 200
        assert server.output().count("Booting worker") == 1
        path.write_text(NEXT)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: server.output().count("Booting worker") == 2, 30)
        assert wait_until(lambda: answers(server, "second") == 200 and answers(server, "first") != 200, 30)
        assert request(server, "GET", "/readyz").status == 200


def test_reload_is_refused_when_it_would_open_the_gateway_to_everybody(tmp_path: Path) -> None:
    keyed = {**GOOD, "general_settings": {"master_key": "sk-a-long-key"}}
    with gateway(keyed, tmp_path, arguments=("--host", "0.0.0.0")) as server:
        (tmp_path / f"config-{server.port}.yaml").write_text(NEXT)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: "there is no master key" in server.output(), 30)
        assert answers(server, "first") == 401
