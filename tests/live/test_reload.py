"""SIGHUP, POST /config/reload and a changed file: the configuration is swapped in place; a broken one changes nothing."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.http import Stream, chat, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

GOOD: dict[str, Any] = {"model_list": [{"model_name": "first", "litellm_params": {"model": "mock/demo"}}]}
SECOND = "{model_name: second, litellm_params: {model: mock/demo}}"
NEXT = f"model_list: [{SECOND}]"
BOTH = f"model_list: [{{model_name: first, litellm_params: {{model: mock/demo}}}}, {SECOND}]"
BROKEN = {
    "no YAML": "model_list: [",
    "a master key that no header can carry": "general_settings: {master_key: 'schl\u00fcssel'}",
    "a callback without keys": "litellm_settings: {callbacks: [langfuse]}",
}
UNWATCHED = {"general_settings": {"config_watch_seconds": 0}}


def answers(server: Server, model: str) -> int:
    return chat(server, {"model": model, "messages": [{"role": "user", "content": "hi"}]}).status


def config_of(server: Server, folder: Path) -> Path:
    return folder / f"config-{server.port}.yaml"


def version(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = request(server, "GET", "/config/version").json()
    return found


def reload(server: Server, text: str, folder: Path) -> int:
    config_of(server, folder).write_text(text)
    return request(server, "POST", "/config/reload", timeout=60).status


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_old_configuration_is_kept_when_the_new_one_is_broken(tmp_path: Path, text: str) -> None:
    with gateway({**GOOD, **UNWATCHED}, tmp_path) as server:
        path = config_of(server, tmp_path)
        path.write_text(text)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: "is not reloaded, the old one is kept" in server.output(), 30)
        assert server.process.poll() is None and answers(server, "first") == 200
        shown = version(server)
        assert shown["version"] == 1 and shown["last_reload"]["result"] == "failure" and shown["last_reload"]["reason"]
        path.write_text(NEXT)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: answers(server, "second") == 200 and answers(server, "first") != 200, 30)
        assert server.output().count("Booting worker") == 1
        assert request(server, "GET", "/readyz").status == 200


def test_a_worker_that_starts_after_a_refused_reload_serves_the_last_good_configuration(tmp_path: Path) -> None:
    with gateway({**GOOD, **UNWATCHED}, tmp_path) as server:
        assert reload(server, BOTH, tmp_path) == 200
        assert reload(server, "model_list: [", tmp_path) == 422
        worker = int(server.output().partition("Booting worker with pid: ")[2].split()[0])
        os.kill(worker, signal.SIGKILL)
        assert wait_until(lambda: server.output().count("Booting worker") == 2, 30)
        assert wait_until(lambda: answers(server, "second") == 200, 30)
        assert server.process.poll() is None and version(server)["version"] == 2


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_streams_and_cooldowns_stay_when_the_configuration_is_swapped(tmp_path: Path, worker_class: str) -> None:
    slow = {"model": "mock/slow", "mock_response": "a b c d e f g h i j", "mock_delay": 3.0}
    failing = {"model": "mock/demo", "mock_timeout": True, "cooldown_time": 300}
    models = [
        {"model_name": "slow", "litellm_params": slow},
        {"model_name": "failing", "litellm_params": failing, "model_info": {"id": "failing-1"}},
        {"model_name": "failing", "litellm_params": {"model": "mock/demo"}, "model_info": {"id": "good-1"}},
    ]
    config = {"model_list": models, "router_settings": {"allowed_fails": 0}, **UNWATCHED}
    with gateway(config, tmp_path, worker_class) as server:
        for _ in range(12):
            answers(server, "failing")
        before = _state_of(server, "failing-1")
        assert before == "cooling"
        stream: list[str] = []
        thread = threading.Thread(
            target=lambda: stream.extend(
                Stream(server, {"model": "slow", "messages": [{"role": "user", "content": "x"}]})
            )
        )
        thread.start()
        time.sleep(0.5)
        more = {**config, "model_list": [*models[1:], {"model_name": "new", "litellm_params": {"model": "mock/demo"}}]}
        assert reload(server, yaml.safe_dump(more), tmp_path) == 200
        assert answers(server, "new") == 200 and answers(server, "slow") == 400
        assert _state_of(server, "failing-1") == "cooling"
        thread.join(20)
        assert stream[-1] == "[DONE]" and "a b c" in _text_of(stream)
        assert server.output().count("Booting worker") == 1


def test_a_changed_file_is_reloaded_without_a_signal(tmp_path: Path) -> None:
    with gateway({**GOOD, "general_settings": {"config_watch_seconds": 0.3}}, tmp_path, workers=2) as server:
        draft = tmp_path / "draft"
        draft.write_text(BOTH)
        draft.replace(config_of(server, tmp_path))
        assert wait_until(lambda: version(server)["version"] == 2, 30)
        assert all(answers(server, "second") == 200 for _ in range(8))


def test_workers_are_replaced_when_a_change_needs_it(tmp_path: Path) -> None:
    with gateway({**GOOD, **UNWATCHED}, tmp_path, workers=2) as server:
        assert reload(server, NEXT + "\nlitellm_settings: {callbacks: [prometheus]}", tmp_path) == 200
        assert "callbacks and logging" in version(server)["last_reload"]["workers_replaced_for"]
        assert server.output().count("Booting worker") == 4
        assert wait_until(lambda: all(answers(server, "second") == 200 for _ in range(8)), 20)
        metrics = request(server, "GET", "/metrics").body.decode()
        assert 'patchbay_config_reloads_total{result="success"} 1.0' in metrics


def test_reload_is_refused_when_it_would_open_the_gateway_to_everybody(tmp_path: Path) -> None:
    keyed = {**GOOD, "general_settings": {"master_key": "sk-a-long-key"}}
    with gateway(keyed, tmp_path, arguments=("--host", "0.0.0.0")) as server:
        config_of(server, tmp_path).write_text(NEXT)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: "there is no master key" in server.output(), 30)
        assert answers(server, "first") == 401
        assert request(server, "GET", "/config/version").status == 401
        assert request(server, "POST", "/config/reload").status == 401


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_no_call_fails_while_configurations_come_and_a_third_of_them_is_broken(
    tmp_path: Path, worker_class: str
) -> None:
    with gateway({**GOOD, **UNWATCHED}, tmp_path, worker_class, workers=2) as server:
        statuses: list[object] = []
        ending = threading.Event()

        def call_on() -> None:
            while not ending.is_set():
                try:
                    statuses.append(answers(server, "first"))
                except Exception as error:  # what a client would see
                    statuses.append(repr(error))

        threads = [threading.Thread(target=call_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        results = []
        for round_ in range(9):
            extra = {"model_name": f"extra-{round_}", "litellm_params": {"model": "mock/demo"}}
            good = json.dumps({**UNWATCHED, "model_list": [*GOOD["model_list"], extra]})
            results.append(reload(server, "model_list: [" if round_ % 3 == 1 else good, tmp_path))
        ending.set()
        for thread in threads:
            thread.join(20)
        assert results == [200, 422, 200] * 3
        assert len(statuses) > 100 and set(statuses) == {200}
        assert answers(server, "extra-8") == 200 and version(server)["reloads"] == {"success": 6, "failure": 3}
        assert server.output().count("Booting worker") == 2


def _state_of(server: Server, deployment: str) -> str:
    state = request(server, "GET", "/router/state").json()
    found = json.dumps(state)
    assert deployment in found
    return next(
        entry["status"] if "status" in entry else entry["state"]
        for entry in _entries(state)
        if deployment in (entry.get("id"), entry.get("model_id"), entry.get("deployment_id"))
    )


def _entries(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(entry for item in value.values() for entry in _entries(item))]
    return [entry for item in value for entry in _entries(item)] if isinstance(value, list) else []


def _text_of(stream: list[str]) -> str:
    chunks = [json.loads(line) for line in stream if line.startswith("{")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
