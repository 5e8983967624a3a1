"""Alerts of budgets and deployments: one for each step of a window, in the receiver's form."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.counters.values import LIFETIME, FixedWindow, Limit, Window, build_limit
from proxy.domain.account import Account, Budget, Entity
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.gateway.alerts import Alerts, Form, Receiver
from proxy.runtime import Runtime
from proxy.settings import ConfigError, load
from proxy.sinks.contract import Posted
from tests.accounts.gateways import KEY, build, chat

DAY = FixedWindow("1d", 86400)
CALL = Call("c", CHAT, "m", Document.of({}))


class Box:
    """A receiver: it takes what is posted, after so many failures."""

    def __init__(self, failures: int = 0) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._failures = failures

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        if self._failures:
            self._failures -= 1
            return Posted(500, b"")
        self.bodies.append({**json.loads(body), "url": url})
        return Posted(200, b"")


def alerts_of(
    box: Box, folder: Path | None = None, form: Form = "webhook", types: tuple[str, ...] = (), at: float = 10.0
) -> Alerts:
    runtime = Runtime(now=lambda: at, sleep=lambda _: None)
    return Alerts([Receiver("https://receiver.test/", form)], types, box.post, runtime, folder)


def budget(maximum: int | None = 100, window: Window = DAY) -> Limit:
    return build_limit(("team", "t1"), "spend", maximum, window)


@pytest.mark.parametrize(
    ("used", "events"),
    [
        (0, []),
        (84, []),
        (85, ["threshold_crossed"]),
        (95, ["threshold_crossed"]),
        (100, ["budget_crossed"]),
        (250, ["budget_crossed"]),
    ],
)
def test_a_budget_alerts_at_fifteen_and_five_percent_and_when_it_is_spent(used: int, events: list[str]) -> None:
    box = Box()
    alerts = alerts_of(box)
    alerts.on_spend([budget()], [used], CALL)
    alerts.wait()
    assert [body["event"] for body in box.bodies] == events
    assert all(body["event_group"] == "team" and "t1" in body["event_message"] for body in box.bodies)


def test_a_step_alerts_once_in_a_window_over_all_workers(tmp_path: Path) -> None:
    box = Box()
    for at in (10.0, 20.0):
        worker = alerts_of(box, tmp_path / "alerts", at=at)
        for used in (86, 87, 96, 97, 100, 101):
            worker.on_spend([budget()], [used], CALL)
        worker.wait()
    assert [body["event"] for body in box.bodies] == ["threshold_crossed", "threshold_crossed", "budget_crossed"]
    later = alerts_of(box, tmp_path / "alerts", at=86400.0)
    later.on_spend([budget()], [100], CALL)
    later.wait()
    assert len(box.bodies) == 4


def test_a_lifetime_budget_alerts_once_a_day(tmp_path: Path) -> None:
    box = Box()
    for at in (10.0, 20.0, 90_000.0):
        worker = alerts_of(box, tmp_path, at=at)
        worker.on_spend([budget(window=LIFETIME)], [100], CALL)
        worker.wait()
    assert len(box.bodies) == 2


def test_a_soft_budget_alerts_and_names_the_key_as_it_may_be_shown() -> None:
    box = Box()
    account = Account(Entity("key", "hash", alias="ci", budget=Budget(soft=50)), name="sk-...abcd", token="hash")
    alerts = alerts_of(box)
    alerts.on_spend([build_limit(("key", "hash"), "spend", None, LIFETIME)], [50], CALL._replace(account=account))
    alerts.wait()
    (body,) = box.bodies
    assert (body["event"], body["key_alias"], body["soft_budget"]) == ("soft_budget_crossed", "ci", 50 / 10**9)
    assert "sk-...abcd" in body["event_message"]


def test_slack_gets_a_text() -> None:
    box = Box()
    alerts = alerts_of(box, form="slack")
    alerts.on_spend([budget()], [100], CALL)
    alerts.wait()
    assert box.bodies[0].keys() == {"text", "url"}
    assert box.bodies[0]["text"].startswith("*Budget crossed*\nTeam t1:")


def test_a_deployment_that_is_out_of_service_alerts_once_an_hour() -> None:
    box = Box()
    alerts = alerts_of(box)
    for _ in range(3):
        alerts.on_cooldown(Deployment("d1", "group", "openai", "m"), 500)
    alerts.wait()
    assert [(body["event"], body["model_id"]) for body in box.bodies] == [("cooldown_deployment", "d1")]


def test_only_the_asked_types_alert() -> None:
    box = Box()
    alerts = alerts_of(box, types=("cooldown_deployment",))
    alerts.on_spend([budget()], [100], CALL)
    alerts.on_cooldown(Deployment("d1", "group", "openai", "m"), 500)
    alerts.wait()
    assert [body["event"] for body in box.bodies] == ["cooldown_deployment"]


@pytest.mark.parametrize(("failures", "taken"), [(2, 1), (3, 0)])
def test_a_receiver_that_fails_is_asked_three_times(failures: int, taken: int) -> None:
    box = Box(failures)
    alerts = alerts_of(box)
    alerts.on_spend([budget()], [100], CALL)
    alerts.wait()
    assert len(box.bodies) == taken


def test_a_call_that_spends_a_keys_budget_alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    monkeypatch.setattr("proxy.assembly.alerts.build_post", lambda transport: box.post)
    app = build(
        tmp_path,
        {"WEBHOOK_URL": "https://receiver.test/hook"},
        general_settings={"master_key": "sk-master-of-accounts", "alerting": ["webhook"]},
        keys=[{"key": KEY, "max_budget": 1e-9}],
    )
    assert chat(app.test_client()).status_code == 200
    app.extensions["patchbay"].alerts.wait()
    assert [(body["event"], body["url"]) for body in box.bodies] == [("budget_crossed", "https://receiver.test/hook")]
    assert KEY not in json.dumps(box.bodies)


def test_a_receiver_without_an_address_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SLACK_WEBHOOK_URL"):
        build(tmp_path, general_settings={"master_key": "sk-master-of-accounts", "alerting": ["slack"]})


def test_a_receiver_that_there_is_not_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"model_list": [], "general_settings": {"alerting": ["pager"]}}))
    assert any("alerting" in warning for warning in load(path, {}).warnings)
