"""Which web pages may use the gateway."""

from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from app import create_app

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
BODY = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-browser-test"


def ask(origin: str, *, key: str | None = None, preflight: bool = False, config: str = "") -> TestResponse:
    environ = {"LITELLM_MASTER_KEY": key} if key else {}
    if config:
        environ["CONFIG_FILE_PATH"] = config
    client = create_app(environ=environ).test_client()
    headers = {"Origin": origin}
    if preflight:
        return client.options("/v1/chat/completions", headers={**headers, **PREFLIGHT})
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return client.post("/v1/chat/completions", json=BODY, headers=headers)


@pytest.mark.parametrize("preflight", [False, True])
@pytest.mark.parametrize(
    "origin", ["https://a.example", "http://localhost.a.example", "null", "http://[", "http://10.0.0.1", ""]
)
def test_pages_of_other_sites_are_refused_when_there_is_no_key(origin: str, preflight: bool) -> None:
    response = ask(origin, preflight=preflight)
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "origin_not_allowed"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443", "tauri://localhost", "app://notes"]
)
def test_pages_of_this_machine_are_served_when_there_is_no_key(origin: str) -> None:
    response = ask(origin)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin


def test_preflight_needs_no_key_and_allows_any_page_when_there_is_one() -> None:
    response = ask("https://a.example", key=KEY, preflight=True)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://a.example"
    assert response.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in response.headers


def test_page_can_read_the_answer_and_its_headers_when_it_shows_the_key() -> None:
    response = ask("https://a.example", key=KEY)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://a.example"
    assert response.headers["access-control-expose-headers"] == "*"
    assert "Origin" in response.headers["vary"]


def test_page_can_read_an_error_when_it_is_allowed() -> None:
    client = create_app(environ={"LITELLM_MASTER_KEY": KEY}).test_client()
    response = client.get("/v1/models", headers={"Origin": "https://a.example", "Authorization": "Bearer wrong"})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "https://a.example"


@pytest.mark.parametrize(("origin", "allowed"), [("https://a.example", True), ("https://b.example", False)])
def test_only_named_pages_are_told_that_they_may_when_the_setting_names_some(
    tmp_path: Path, origin: str, allowed: bool
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_list: [{model_name: demo, litellm_params: {model: mock/demo}}]\n"
        "general_settings: {cors_allow_origins: [https://a.example]}\n"
    )
    response = ask(origin, key=KEY, preflight=True, config=str(config))
    assert ("access-control-allow-origin" in response.headers) is allowed


def test_clients_that_are_no_browsers_are_not_concerned() -> None:
    client = create_app(environ={}).test_client()
    response = client.post("/v1/chat/completions", json=BODY)
    assert response.status_code == 200
    assert not [name for name, _ in response.headers if name.lower().startswith("access-control")]
