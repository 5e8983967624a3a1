"""What stands on the status page, who may see it, and that nothing on it can be made to do anything else."""

import re
from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from proxy.settings.load import load
from tests.sinks.records import make_record

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
KEY = "sk-status-1234567890"
HELLO = [{"role": "user", "content": "a prompt of the client's"}]


def build(folder: Path, **sections: object) -> Flask:
    config = {
        "model_list": [
            {"model_name": "fast", "litellm_params": {"model": "mock/roses"}},
            {"model_name": "broken", "litellm_params": {"model": "mock/fail-500"}},
            {"model_name": "absent", "litellm_params": {"model": "openai/gpt-4o", "api_key": "os.environ/NOT_THERE"}},
        ],
        "router_settings": {"num_retries": 0, "fallbacks": [{"broken": ["fast"]}]},
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return create_app(load(path, {}))


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return build(tmp_path)


@pytest.fixture
def locked(tmp_path: Path) -> FlaskClient:
    return build(tmp_path, general_settings={"master_key": KEY}).test_client()


def ask(app: Flask, model: str, **fields: object) -> str:
    """One call, seen by all sinks; its id."""
    body = {"model": model, "messages": HELLO, **fields}
    answer = app.test_client().post("/v1/chat/completions", json=body)
    assert app.extensions["patchbay"].observation.queue.flush(20)
    return answer.headers["x-litellm-call-id"]


def page(app: Flask) -> str:
    return app.test_client().get("/", headers=BROWSER).get_data(as_text=True)


def test_program_gets_json_when_it_asks_for_the_base_address(locked: FlaskClient) -> None:
    assert locked.get("/").get_json()["name"] == "Patchbay"


def test_deployments_are_told_when_nothing_has_happened(app: Flask) -> None:
    text = page(app)
    assert "mock/roses" in text
    assert "the environment variable NOT_THERE is not set" in text
    assert "No calls in this hour yet." in text
    assert text.count("<figure") == 4


def test_call_is_told_with_its_attempts_when_it_fell_back(app: Flask) -> None:
    call_id = ask(app, "broken", metadata={"generation_name": "the-name"}, user="user-17")
    text = page(app)
    assert call_id in text
    assert "2 tries, one after the other" in text
    assert "InternalServerError" in text
    assert "the-name" in text
    assert "user-17" in text
    assert "a prompt of the client" not in text


def test_errors_are_counted_when_calls_fail(app: Flask) -> None:
    for _ in range(3):
        ask(app, "broken", disable_fallbacks=True)
    text = page(app)
    assert re.search(r"<dt>Errors</dt><dd class=\"alarm\">3</dd><dd class=\"quiet\">100.0 %", text)
    assert "3 requests and 3 errors in the last hour" in text


def test_request_is_explained_when_a_model_is_asked_for(app: Flask) -> None:
    answer = app.test_client().post("/status/explain", data={"model": "broken", "prompt": "why <b>"})
    text = answer.get_data(as_text=True)
    assert "then by <strong>fast</strong>" in text
    assert "asked first" in text
    assert "why &lt;b&gt;" in text


def test_reason_is_told_when_a_model_does_not_exist(app: Flask) -> None:
    text = app.test_client().post("/status/explain", data={"model": "nothing"}).get_data(as_text=True)
    assert "Invalid model name passed in model=nothing" in text


def test_markup_is_shown_as_text_when_a_client_sends_it(app: Flask) -> None:
    evil = "<script>alert(1)</script>\"'"
    app.extensions["patchbay"].observation.recent_calls.write(
        [
            make_record(
                evil, model_group=evil, model=evil, end_user=evil, tags=(evil,), metadata={"a": evil}, end_time=1e9
            )
        ]
    )
    board = app.extensions["patchbay"].observation.recent_calls
    assert board.read(1e9).calls[0]["id"] == evil
    text = page(app)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


def test_page_brings_nothing_from_elsewhere_when_it_is_served(app: Flask) -> None:
    answer = app.test_client().get("/", headers=BROWSER)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    text = answer.get_data(as_text=True)
    assert " style=" not in text
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)
    assert not re.search(r"\son\w+=", text)


def test_page_updates_by_itself_when_it_is_asked_to(app: Flask) -> None:
    assert 'http-equiv="refresh" content="15"' in app.test_client().get("/?live=1", headers=BROWSER).get_data(
        as_text=True
    )
    assert "http-equiv" not in page(app)


def test_form_is_shown_when_the_key_is_missing(locked: FlaskClient) -> None:
    answer = locked.get("/", headers=BROWSER)
    assert answer.status_code == 401
    assert 'type="password"' in answer.get_data(as_text=True)
    assert "mock/roses" not in answer.get_data(as_text=True)
    assert locked.post("/status/explain", data={"model": "fast"}).status_code == 401


def test_cookie_holds_no_key_when_somebody_logs_in(locked: FlaskClient) -> None:
    answer = locked.post("/status/login", data={"key": KEY})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert KEY not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert locked.get("/", headers=BROWSER).status_code == 200
    locked.post("/status/logout")
    assert locked.get("/", headers=BROWSER).status_code == 401


def test_nobody_gets_in_when_the_key_is_wrong(locked: FlaskClient) -> None:
    answer = locked.post("/status/login", data={"key": KEY + "x"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "This is not the master key." in answer.get_data(as_text=True)


@pytest.mark.parametrize("cookie", ["", "9999999999." + "0" * 64, "1.", "x", "9999999999"])
def test_nobody_gets_in_when_the_cookie_is_made_up(locked: FlaskClient, cookie: str) -> None:
    locked.set_cookie("patchbay_status", cookie)
    assert locked.get("/", headers=BROWSER).status_code == 401


def test_cookie_opens_no_other_route_when_it_is_valid(locked: FlaskClient) -> None:
    locked.post("/status/login", data={"key": KEY})
    assert locked.get("/v1/models").status_code == 401


def test_program_gets_in_when_it_sends_the_key(locked: FlaskClient) -> None:
    assert locked.get("/", headers={**BROWSER, "authorization": f"Bearer {KEY}"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("localhost:4000", 200), ("127.0.0.1:4000", 200), ("[::1]:4000", 200), ("evil.example", 403)],
)
def test_foreign_names_are_refused_when_there_is_no_key(app: Flask, host: str, status: int) -> None:
    assert app.test_client().get("/", headers={**BROWSER, "host": host}).status_code == status


def test_nobody_else_gets_in_when_there_is_no_key(app: Flask) -> None:
    assert app.test_client().get("/", headers=BROWSER, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 401


def test_copied_cookie_opens_nothing_when_its_session_has_ended(locked: FlaskClient) -> None:
    locked.post("/status/login", data={"key": KEY})
    cookie = locked.get_cookie("patchbay_status")
    assert cookie is not None
    assert locked.get("/status").status_code == 200
    locked.post("/status/logout")
    locked.set_cookie("patchbay_status", cookie.value)
    assert locked.get("/status").status_code == 401


@pytest.mark.parametrize("path", ["/status/login", "/status/explain"])
def test_form_is_refused_when_it_is_longer_than_a_form(locked: FlaskClient, path: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    assert locked.post(path, data={"key": "x" * 5000}, headers=headers).status_code == 413
    assert locked.post(path, data={f"f{number}": "" for number in range(100)}, headers=headers).status_code == 400
