"""Health checks in the background: one worker checks, all read; routing leaves the dead out while others are there."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from proxy.gateway.background_health import BackgroundHealth
from proxy.host.config_state import ConfigState
from proxy.providers.registry import PROVIDERS
from proxy.runtime import Runtime
from proxy.settings.files import Source
from proxy.settings.load import build_settings

GOOD = {"model": "good", "model_name": "m", "model_id": "good-1"}
DEAD = {"model": "dead", "model_name": "m", "model_id": "dead-1", "error": "no answer"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def worker(path: Path | None, clock: Clock, checks: list[int], number: int, interval: float = 60) -> BackgroundHealth:
    made = BackgroundHealth(path, replace(Runtime(), now=clock))

    def check() -> tuple[list[Any], list[Any]]:
        checks.append(number)
        return [GOOD], [DEAD]

    made.configure(check, interval)
    return made


def test_one_worker_checks_and_the_others_read_its_report(tmp_path: Path) -> None:
    clock, checks = Clock(), list[int]()
    workers = [worker(tmp_path / "health.json", clock, checks, number) for number in range(3)]
    for _ in range(3):
        for each in workers:
            each.step()
        clock.now += 70
    assert checks == [0, 0, 0]
    assert [each.unhealthy for each in workers] == [frozenset({"dead-1"})] * 3
    assert oct((tmp_path / "health.json").stat().st_mode)[-3:] == "600"


def test_another_worker_checks_when_the_first_has_ended(tmp_path: Path) -> None:
    clock, checks = Clock(), list[int]()
    first, second = (worker(tmp_path / "health.json", clock, checks, number) for number in range(2))
    first.step()
    assert first._lock_file is not None
    os.close(first._lock_file)
    clock.now += 70
    second.step()
    assert checks == [0, 1]


def test_a_report_is_not_checked_again_before_its_time(tmp_path: Path) -> None:
    clock, checks = Clock(), list[int]()
    only = worker(tmp_path / "health.json", clock, checks, 0)
    for _ in range(10):
        only.step()
        clock.now += 5
    assert checks == [0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"at": "x"}', '{"at": 1, "healthy": 3, "unhealthy": 4}'])
def test_a_damaged_file_is_no_report(tmp_path: Path, content: str) -> None:
    (tmp_path / "health.json").write_text(content)
    clock, checks = Clock(), list[int]()
    worker(tmp_path / "health.json", clock, checks, 0).step()
    assert checks == [0]


def test_nothing_runs_when_a_reload_turns_it_off(tmp_path: Path) -> None:
    clock, checks = Clock(), list[int]()
    only = worker(None, clock, checks, 0)
    only.step()
    only.configure(None, 60)
    clock.now += 100
    only.step()
    assert checks == [0] and only.unhealthy == frozenset()


def gateway(tmp_path: Path, *, routing: bool) -> Any:
    def entry(name: str, **params: object) -> dict[str, object]:
        return {"model_name": "m", "litellm_params": {"model": "mock/demo", **params}, "model_info": {"id": name}}

    general = {"background_health_checks": True, "enable_health_check_routing": routing}
    models = [entry("good-1"), entry("dead-1", mock_timeout=True)]
    alone = {**entry("alone-1", mock_timeout=True), "model_name": "alone"}
    document = {"model_list": [*models, alone], "general_settings": general, "router_settings": {"num_retries": 0}}
    shared = tmp_path / "shared.state"
    ConfigState.beside(shared).folder.mkdir()
    return create_app(build_settings(Source(document), {}, PROVIDERS, "test"), shared_path=shared)


def ask(app: Any, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    status: int = app.test_client().post("/v1/chat/completions", json=body).status_code
    return status


def test_health_shows_the_report_and_routing_leaves_the_dead_out(tmp_path: Path) -> None:
    app = gateway(tmp_path, routing=True)
    app.extensions["patchbay"].health.step()
    report = app.test_client().get("/health").get_json()
    assert [entry["model_id"] for entry in report["healthy_endpoints"]] == ["good-1"]
    assert report["unhealthy_count"] == 2
    assert {ask(app, "m") for _ in range(20)} == {200}
    # The last one of its group is still tried.
    assert ask(app, "alone") == 408


def test_checks_do_not_change_routing_when_that_is_off(tmp_path: Path) -> None:
    app = gateway(tmp_path, routing=False)
    app.extensions["patchbay"].health.step()
    assert 408 in {ask(app, "m") for _ in range(20)}


def test_a_deployment_is_left_out_when_its_model_info_asks_for_it() -> None:
    info = {"id": "quiet-1", "disable_background_health_check": True}
    entries = [{"model_name": "m", "litellm_params": {"model": "mock/demo"}, "model_info": info}]
    settings = build_settings(Source({"model_list": entries}), {}, PROVIDERS, "test")
    check: Callable[[], Any] = create_app(settings).extensions["patchbay"].inspection.check_background_health
    assert check() == ([], [])
