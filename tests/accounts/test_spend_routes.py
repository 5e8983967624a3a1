"""What calls cost, as clients read it: rows add up to the counters, and a caller sees its own."""

import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from proxy.web.parts import EXTENSION
from tests.accounts.gateways import MASTER, bearer, build, chat

PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
ONE, TWO, ALONE, ADMIN = (f"sk-{name}-of-spend-0000" for name in ("one", "two", "alone", "admin"))
TODAY = time.strftime("%Y-%m-%d", time.gmtime())
RANGE = f"start_date={TODAY}&end_date={TODAY}"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    params = {"model": "openai/priced", "api_key": "sk-up", "mock_response": "I answer", **PRICES}
    broken = {**params, "mock_timeout": True}
    sections: dict[str, Any] = {
        "model_list": [
            {"model_name": "priced", "litellm_params": params},
            {"model_name": "broken", "litellm_params": broken},
        ],
        "general_settings": {"master_key": MASTER, "database_url": f"sqlite:///{tmp_path / 'spend.db'}"},
        "litellm_settings": {"num_retries": 0},
        "keys": [
            {"key": ONE, "user_id": "ann", "team_id": "red", "max_budget": 1, "key_alias": "one"},
            {"key": TWO, "user_id": "bob", "team_id": "red"},
            {"key": ALONE},
            {"key": ADMIN, "user_id": "root"},
        ],
        "teams": [{"team_id": "red", "members_with_roles": [{"role": "admin", "user_id": "bob"}]}],
        "users": [{"user_id": "root", "user_role": "proxy_admin_viewer"}],
    }
    return build(tmp_path, **sections)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def get(client: FlaskClient, path: str, key: str = MASTER) -> Any:
    answer = client.get(path, headers=bearer(key))
    assert answer.status_code == 200, answer.json
    return answer.json


def test_rows_add_up_to_the_counter_to_the_nano_dollar(app: Flask, client: FlaskClient) -> None:
    for _ in range(5):
        chat(client, ONE, model="priced")
    chat(client, ONE, model="priced", stream=True).get_data()
    chat(client, ONE, model="broken")
    last = chat(client, ONE, model="priced")
    rows = get(client, f"/spend/logs?api_key={ONE}")
    spent = round(sum(round(row["spend"] * 10**9) for row in rows))
    assert len(rows) == 8
    account = app.extensions[EXTENSION].directory.find(rows[0]["api_key"])
    assert app.extensions[EXTENSION].meter.spend_of(account.key) == spent
    assert round(float(last.headers["x-litellm-key-spend"]) * 10**9) == spent
    assert {row["status"] for row in rows} == {"success", "failure"}
    days = get(client, f"/user/daily/activity?{RANGE}")
    assert round(days["metadata"]["total_spend"] * 10**9) == spent
    assert days["metadata"]["total_failed_requests"] == 1


def test_a_row_has_litellms_fields(client: FlaskClient) -> None:
    body = {"user": "customer-1", "metadata": {"tags": ["blue"], "a": "b"}}
    chat(client, ONE, model="priced", **body)
    (row,) = get(client, "/spend/logs")
    assert row["user"] == "ann"
    assert row["team_id"] == "red"
    assert row["end_user"] == "customer-1"
    assert row["request_tags"] == ["blue"]
    assert row["metadata"]["a"] == "b"
    assert row["metadata"]["user_api_key_alias"] == "one"
    assert row["model_group"] == "priced"
    assert row["call_type"] == "acompletion"
    assert row["startTime"].startswith(TODAY)
    assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"] > 0
    assert ONE not in str(row)


def test_daily_activity_is_broken_down(client: FlaskClient) -> None:
    chat(client, ONE, model="priced", metadata={"tags": ["blue", "red"]}, user="c1")
    chat(client, TWO, model="priced")
    chat(client, MASTER, model="priced")
    everything = get(client, f"/user/daily/activity?{RANGE}")
    (day,) = everything["results"]
    assert day["date"] == TODAY
    assert set(day["breakdown"]["entities"]) == {"ann", "bob", "default_user_id"}
    assert "litellm_proxy_master_key" in day["breakdown"]["api_keys"]
    assert day["breakdown"]["providers"]["openai"]["metrics"]["api_requests"] == 3
    assert everything["metadata"] | {"page": 1, "total_pages": 1, "has_more": False} == everything["metadata"]
    for kind, names in (("team", {"red"}), ("tag", {"blue", "red"}), ("customer", {"c1"})):
        found = get(client, f"/{kind}/daily/activity?{RANGE}")
        assert set(found["results"][0]["breakdown"]["entities"]) == names
    assert get(client, f"/organization/daily/activity?{RANGE}")["results"] == []
    lines = client.get(f"/team/daily/activity/export?{RANGE}", headers=bearer(MASTER)).text.splitlines()
    assert lines[0].startswith("date,entity_id,api_key")
    assert len(lines) == 3


def test_reports_by_team_key_and_customer(client: FlaskClient) -> None:
    chat(client, ONE, model="priced", user="c1", metadata={"tags": ["blue"]})
    chat(client, TWO, model="priced")
    (by_team,) = get(client, f"/global/spend/report?{RANGE}")
    (team,) = by_team["teams"]
    assert team["team_name"] == "red"
    assert len(team["metadata"]) == 2
    by_key = get(client, f"/global/spend/report?{RANGE}&group_by=api_key")
    assert sum(row["total_cost"] for row in by_key) == pytest.approx(team["total_spend"])
    (of_customer,) = get(client, f"/global/spend/report?{RANGE}&group_by=customer")
    assert of_customer["customers"][0]["customer"] == "c1"
    (of_ann,) = get(client, f"/user/spend/report?{RANGE}&internal_user_id=ann")
    assert of_ann["model_details"][0]["model"] == "priced"
    (tag,) = get(client, "/spend/tags")
    assert (tag["individual_request_tag"], tag["log_count"]) == ("blue", 1)
    assert get(client, "/global/spend/tags")["spend_per_tag"][0]["name"] == "blue"


def test_pages_filters_and_summaries_of_rows(client: FlaskClient) -> None:
    for _ in range(3):
        chat(client, ONE, model="priced")
    chat(client, TWO, model="broken")
    page = get(client, "/spend/logs/v2?page=2&page_size=3")
    assert (len(page["data"]), page["total"], page["total_pages"]) == (1, 4, 2)
    assert get(client, "/spend/logs/v2?status_filter=failure")["total"] == 1
    assert get(client, "/spend/logs/v2?user_id=ann&min_spend=0.0000001")["total"] == 3
    (day,) = get(client, f"/spend/logs?{RANGE}")
    assert set(day["users"]) == {"ann", "bob"}
    assert len(get(client, f"/spend/logs?{RANGE}&summarize=false")) == 4


def test_a_caller_sees_its_own(client: FlaskClient) -> None:
    for key in (ONE, TWO, ALONE):
        chat(client, key, model="priced")
    assert {row["user"] for row in get(client, "/spend/logs", ONE)} == {"ann"}
    assert len(get(client, "/spend/logs", ALONE)) == 1
    assert len(get(client, "/spend/logs", ADMIN)) == 3
    assert {row["user"] for row in get(client, "/spend/logs?team_id=red", TWO)} == {"ann", "bob"}
    assert set(get(client, f"/user/daily/activity?{RANGE}", ONE)["results"][0]["breakdown"]["entities"]) == {"ann"}
    assert get(client, f"/team/daily/activity?{RANGE}", TWO)["metadata"]["total_api_requests"] == 2


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/spend/logs?user_id=bob", ONE),
        (f"/spend/logs?api_key={ONE}", ALONE),
        (f"/user/daily/activity?{RANGE}&user_id=bob", ONE),
        (f"/team/daily/activity?{RANGE}", ONE),
        (f"/team/daily/activity?{RANGE}&team_ids=blue", TWO),
        (f"/tag/daily/activity?{RANGE}", ONE),
        (f"/customer/daily/activity?{RANGE}", ALONE),
        (f"/organization/daily/activity?{RANGE}", TWO),
        (f"/global/spend/report?{RANGE}", ONE),
        (f"/global/spend/report?{RANGE}&api_key={TWO}", ONE),
        (f"/global/spend/report?{RANGE}&customer_id=c", ONE),
        ("/global/spend/tags", ONE),
        (f"/user/spend/report?{RANGE}&internal_user_id=bob", ONE),
    ],
)
def test_anothers_spend_is_not_shown(client: FlaskClient, path: str, key: str) -> None:
    assert client.get(path, headers=bearer(key)).status_code in (401, 403)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/user/daily/activity", "start_date"),
        (f"/user/daily/activity?start_date={TODAY}", "end_date"),
        ("/user/daily/activity?start_date=yesterday&end_date=2026-01-01", "start_date"),
        (f"/user/daily/activity?{RANGE}&page=0", "page"),
        (f"/user/daily/activity?{RANGE}&page_size=9999999", "page_size"),
        ("/spend/logs/v2?page=x", "page"),
        ("/spend/logs/v2?sort_by=api_key", "sort_by"),
        ("/spend/logs/v2?start_date=2026-99-99", "start_date"),
        ("/spend/logs/v2?min_spend=nan", "min_spend"),
        ("/spend/logs/v2?max_spend=1e999", "max_spend"),
        (f"/global/spend/report?{RANGE}&group_by=planet", "group_by"),
    ],
)
def test_wrong_parameters_are_named(client: FlaskClient, path: str, param: str) -> None:
    answer = client.get(path, headers=bearer(MASTER))
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param  # type: ignore[index]


def test_the_price_of_a_request_is_calculated(client: FlaskClient) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"completion_response": {"model": "priced", "usage": usage}}
    answer = client.post("/spend/calculate", json=body, headers=bearer(ONE))
    assert answer.json == {"cost": pytest.approx(20e-6)}
    asked = {"model": "priced", "messages": [{"role": "user", "content": "x" * 36}]}
    assert client.post("/spend/calculate", json=asked, headers=bearer(ONE)).json == {"cost": pytest.approx(1e-5)}
    for wrong in ({}, {"model": 1}, {"model": "priced"}, {"model": "nothing", "messages": [{}]}, []):
        assert client.post("/spend/calculate", json=wrong, headers=bearer(ONE)).status_code == 400


def test_without_a_database_nothing_is_stored_and_that_is_said(tmp_path: Path) -> None:
    client = build(tmp_path).test_client()
    chat(client, MASTER)
    answer = client.get("/spend/logs", headers=bearer(MASTER))
    assert answer.status_code == 404
    assert "database_url" in answer.json["error"]["message"]  # type: ignore[index]
    assert not (tmp_path / ".patchbay").exists()
