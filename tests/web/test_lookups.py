"""The small questions of tools: tokens, the provider's request, parameters, callbacks, the configuration, the API itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.settings.load import load

SECRET = "sk-operator-secret-123"
MASTER = "sk-master-1234567890"
VIRTUAL = "sk-virtual-1234567890"
CONFIG: dict[str, Any] = {
    "model_list": [
        {
            "model_name": "gpt",
            "litellm_params": {
                "model": "openai/gpt-4o",
                "api_key": SECRET,
                "api_base": "https://secret.example/v1",
                "extra_headers": {"x-team": "header-value-9"},
            },
        },
        {"model_name": "claude", "litellm_params": {"model": "anthropic/claude-sonnet-4-5", "api_key": "os.environ/K"}},
    ],
    "litellm_settings": {"callbacks": ["prometheus"], "success_callback": ["logs"]},
    "general_settings": {"master_key": MASTER},
    "keys": [{"key": VIRTUAL, "models": ["claude"]}],
}
MESSAGES = [{"role": "user", "content": "eight letters " * 20}]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(CONFIG))
    return create_app(load(path, {"K": "sk-of-the-environment"})).test_client()


def ask(client: FlaskClient, method: str, path: str, key: str = MASTER, **options: Any) -> Any:
    return client.open(path, method=method, headers={"authorization": f"Bearer {key}"}, **options)


def test_tokens_are_estimated(client: FlaskClient) -> None:
    for body in ({"messages": MESSAGES}, {"prompt": MESSAGES[0]["content"]}):
        counted = ask(client, "POST", "/utils/token_counter", json={"model": "gpt", **body}).get_json()
        assert 65 < counted["total_tokens"] < 80
        assert (counted["request_model"], counted["model_used"]) == ("gpt", "gpt-4o")
        assert counted["tokenizer_type"] == "estimate"


def test_the_providers_request_is_shown_without_credentials(client: FlaskClient) -> None:
    body = {"call_type": "completion", "request_body": {"model": "claude", "messages": MESSAGES, "max_tokens": 7}}
    shown = ask(client, "POST", "/utils/transform_request", json=body).get_json()
    assert shown["raw_request_api_base"] == "https://api.anthropic.com/v1/messages"
    assert shown["raw_request_body"]["max_tokens"] == 7
    assert "sk-of-the-environment" not in json.dumps(shown)
    assert shown["raw_request_headers"]["x-api-key"] != ""


def test_parameters_are_those_of_the_models_provider(client: FlaskClient) -> None:
    for model in ("gpt", "claude", "groq/llama"):
        found = ask(client, "GET", f"/utils/supported_openai_params?model={model}").get_json()
        assert "temperature" in found["supported_openai_params"]
    assert ask(client, "GET", "/utils/supported_openai_params?model=nowhere/x").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/utils/token_counter", {}, "model"),
        ("POST", "/utils/token_counter", {"model": 1, "prompt": "x"}, "model"),
        ("POST", "/utils/token_counter", {"model": "gpt"}, "messages"),
        ("POST", "/utils/token_counter", [], "request_body"),
        ("POST", "/utils/transform_request", {}, "call_type"),
        ("POST", "/utils/transform_request", {"call_type": "sing"}, "call_type"),
        ("POST", "/utils/transform_request", {"call_type": "completion"}, "request_body"),
        ("POST", "/utils/transform_request", {"call_type": "completion", "request_body": {"model": "gpt"}}, "messages"),
        ("GET", "/utils/supported_openai_params", None, "model"),
        ("GET", "/health/services", None, "service"),
        ("GET", "/health/services?service=pigeon", None, "service"),
    ],
)
def test_a_field_that_is_wrong_is_named(client: FlaskClient, method: str, path: str, body: Any, field: str) -> None:
    answer = ask(client, method, path, json=body) if body is not None else ask(client, method, path)
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, field)


def test_callbacks_are_listed(client: FlaskClient) -> None:
    listed = ask(client, "GET", "/callbacks/list").get_json()
    assert listed == {"success_and_failure": ["prometheus"], "success": ["logs"], "failure": []}
    assert ask(client, "GET", "/health/services?service=prometheus").get_json()["status"] == "success"
    assert ask(client, "GET", "/health/services?service=langfuse").status_code == 404


def test_nothing_is_under_way_when_nothing_is(client: FlaskClient) -> None:
    assert ask(client, "GET", "/health/backlog").get_json() == {"in_flight_requests": 0}


def test_the_configuration_is_masked(client: FlaskClient) -> None:
    shown = ask(client, "GET", "/config/yaml").get_json()
    text = json.dumps(shown)
    assert not any(word in text for word in (SECRET, MASTER, VIRTUAL, "secret.example", "header-value-9"))
    assert shown["model_list"][0]["litellm_params"]["model"] == "openai/gpt-4o"
    assert shown["model_list"][1]["litellm_params"]["api_key"] == "os.environ/K"
    assert shown["litellm_settings"]["callbacks"] == ["prometheus"]


def test_a_virtual_key_asks_about_its_models_only(client: FlaskClient) -> None:
    body = {"model": "gpt", "prompt": "x"}
    assert ask(client, "POST", "/utils/token_counter", VIRTUAL, json=body).status_code == 403
    assert ask(client, "POST", "/utils/token_counter", VIRTUAL, json={**body, "model": "claude"}).status_code == 200
    assert ask(client, "GET", "/utils/supported_openai_params?model=gpt", VIRTUAL).status_code == 403
    for path in ("/config/yaml", "/callbacks/list", "/health/backlog"):
        assert ask(client, "GET", path, VIRTUAL).status_code == 403
    for path in ("/v1/v1/models", "/v1alpha/models", "/routes", "/openapi.json"):
        assert ask(client, "GET", path, VIRTUAL).status_code == 200


@pytest.mark.parametrize(
    "path", ["/routes", "/openapi.json", "/config/yaml", "/callbacks/list", "/health/backlog", "/docs"]
)
def test_nothing_is_shown_without_a_key(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 401


def test_the_api_describes_itself(client: FlaskClient) -> None:
    document = ask(client, "GET", "/openapi.json").get_json()
    assert document["openapi"].startswith("3.")
    chat = document["paths"]["/v1/chat/completions"]["post"]
    reference = chat["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    assert schema["properties"]["messages"]["type"] == "array"
    assert {"model", "messages"} <= set(schema["required"])
    assert "num_retries" not in schema["properties"]
    assert "/v1beta/models/{model}:generateContent" in document["paths"]
    assert not any(path.startswith("/v1/v1") for path in document["paths"])
    routes = ask(client, "GET", "/routes").get_json()["routes"]
    assert {"path": "/v1/models", "methods": ["GET"]} in [
        {name: route[name] for name in ("path", "methods")} for route in routes
    ]


def test_people_read_the_api_without_scripts() -> None:
    answer = create_app(environ={}).test_client().get("/docs")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "/v1/chat/completions" in text
    assert "<script" not in text and "http://" not in text.replace("http://www.w3.org", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
