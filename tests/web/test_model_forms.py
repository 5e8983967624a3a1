"""The list of models and what is known of them, in the forms of those that ask."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.settings.load import load

SECRET = "sk-operator-secret-123"
CONFIG: dict[str, Any] = {
    "model_list": [
        {
            "model_name": "gpt",
            "litellm_params": {"model": "openai/gpt-4o", "api_key": SECRET, "api_base": "https://secret.example/v1"},
            "model_info": {"note": SECRET},
        },
        {
            "model_name": "gpt",
            "litellm_params": {"model": "azure/gpt-4o-mini", "api_key": "k", "api_base": "https://x"},
        },
        {"model_name": "claude", "litellm_params": {"model": "anthropic/claude-sonnet-4-5", "api_key": "k"}},
        {"model_name": "vectors", "litellm_params": {"model": "openai/text-embedding-3-small", "api_key": "k"}},
        {"model_name": "unknown", "litellm_params": {"model": "openai/of-our-own", "api_key": "k"}},
    ]
}
NAMES = ["gpt", "claude", "vectors", "unknown"]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(CONFIG))
    return create_app(load(path, {})).test_client()


def get(client: FlaskClient, path: str, **headers: str) -> Any:
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_the_list_is_openais_by_default(client: FlaskClient) -> None:
    for path in ("/v1/models", "/models", "/v1/v1/models"):
        listed = get(client, path)
        assert listed["object"] == "list"
        assert [model["id"] for model in listed["data"]] == NAMES
    assert [model["id"] for model in get(client, "/v1/models?limit=2")["data"]] == NAMES[:2]


def test_the_list_is_anthropics_with_its_version(client: FlaskClient) -> None:
    page = get(client, "/v1/models?limit=3", anthropic_version="2023-06-01")
    assert [model["id"] for model in page["data"]] == NAMES[:3]
    assert set(page["data"][0]) == {"type", "id", "display_name", "created_at"}
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, "gpt", "vectors")
    rest = get(client, "/v1/models?limit=3&after_id=vectors", anthropic_version="2023-06-01")
    assert ([model["id"] for model in rest["data"]], rest["has_more"]) == (["unknown"], False)
    assert get(client, "/v1/models/gpt", anthropic_version="2023-06-01")["type"] == "model"


def test_the_list_is_googles_below_its_path_and_with_its_headers(client: FlaskClient) -> None:
    for path, headers in (("/v1beta/models", {}), ("/v1/models", {"x_goog_api_key": "k"})):
        models = get(client, path, **headers)["models"]
        assert [model["name"] for model in models] == [f"models/{name}" for name in NAMES]
        assert models[0]["inputTokenLimit"] == 128_000
        assert "generateContent" in models[0]["supportedGenerationMethods"]
        assert models[2]["supportedGenerationMethods"] == ["embedContent"]
    page = get(client, "/v1beta/models?pageSize=2")
    rest = get(client, f"/v1beta/models?pageSize=2&pageToken={page['nextPageToken']}")
    assert [model["displayName"] for model in page["models"] + rest["models"]] == NAMES
    assert "nextPageToken" not in rest
    assert get(client, "/v1beta/models/gpt")["name"] == "models/gpt"
    assert client.get("/v1beta/models/nope").get_json()["error"]["status"] == "NOT_FOUND"


def test_a_missing_model_is_an_error_in_the_form_of_the_client(client: FlaskClient) -> None:
    answer = client.get("/v1/models/nope", headers={"anthropic-version": "2023-06-01"})
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (404, "not_found_error")
    answer = client.get("/v1/models/nope", headers={"x-goog-api-key": "k"})
    assert (answer.status_code, answer.get_json()["error"]["status"]) == (404, "NOT_FOUND")
    assert client.get("/v1/models/nope").get_json()["error"]["code"] == "model_not_found"


def test_the_list_is_a_catalogue_with_codexs_version(client: FlaskClient) -> None:
    models = get(client, "/v1/models?client_version=0.171.0")["models"]
    assert [model["slug"] for model in models] == NAMES
    # Members without a default in Codex's own type.
    needed = (
        "display_name description supported_reasoning_levels shell_type visibility supported_in_api priority "
        "availability_nux upgrade support_verbosity default_verbosity apply_patch_tool_type truncation_policy "
        "supports_parallel_tool_calls experimental_supported_tools"
    )
    assert all(set(needed.split()) <= set(model) for model in models)
    assert models[1]["context_window"] == 200_000
    assert models[1]["input_modalities"] == ["text", "image"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "limit=1.5", "limit="])
def test_a_wrong_limit_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/v1/models?{query}")
    assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, "limit")


def test_healthy_only_lists_all_when_nothing_cools(client: FlaskClient) -> None:
    assert [model["id"] for model in get(client, "/v1/models?healthy_only=true")["data"]] == NAMES


@pytest.mark.parametrize("path", ["/model/info", "/v1/model/info", "/v2/model/info"])
def test_agents_find_limits_and_abilities_of_each_deployment(client: FlaskClient, path: str) -> None:
    entries = get(client, path)["data"]
    assert [entry["model_name"] for entry in entries] == ["gpt", *NAMES]
    first, claude, unknown = entries[0], entries[2], entries[4]
    assert first["litellm_params"]["model"] == "openai/gpt-4o"
    info = first["model_info"]
    assert (info["max_tokens"], info["max_input_tokens"], info["max_output_tokens"]) == (16384, 128_000, 16384)
    assert (info["supports_vision"], info["supports_prompt_caching"], info["supports_reasoning"]) == (True, True, False)
    assert (info["mode"], info["litellm_provider"], info["key"]) == ("chat", "openai", "gpt-4o")
    assert {"temperature", "tools"} <= set(info["supported_openai_params"])
    assert claude["model_info"]["supports_reasoning"] is True
    # Unknown stays unknown.
    assert not any(name.startswith(("supports_", "max_")) for name in unknown["model_info"])


@pytest.fixture
def keyed(tmp_path: Path) -> FlaskClient:
    """With a virtual key that may use `claude` and `gpt`."""
    keys = [{"key": "sk-virtual-1234567890", "models": ["claude", "gpt"]}]
    path = tmp_path / "keyed.yaml"
    path.write_text(json.dumps({**CONFIG, "keys": keys, "general_settings": {"master_key": "sk-master-1234567890"}}))
    return create_app(load(path, {})).test_client()


@pytest.mark.parametrize("path", ["/model/info", "/v2/model/info", "/model_group/info", "/v1/models"])
def test_a_virtual_key_sees_its_models_and_no_address(keyed: FlaskClient, path: str) -> None:
    text = json.dumps(get(keyed, path, authorization="Bearer sk-virtual-1234567890"))
    assert "claude" in text and "gpt" in text
    assert not any(word in text for word in ("vectors", "of-our-own", "secret.example", SECRET))


@pytest.mark.parametrize("path", ["/model/info", "/v2/model/info", "/model_group/info"])
def test_no_key_is_shown(client: FlaskClient, path: str) -> None:
    assert SECRET not in json.dumps(get(client, path))


def test_deployments_come_by_id_and_by_page(client: FlaskClient) -> None:
    identifier = get(client, "/model/info")["data"][2]["model_info"]["id"]
    assert [e["model_name"] for e in get(client, f"/model/info?litellm_model_id={identifier}")["data"]] == ["claude"]
    assert client.get("/model/info?litellm_model_id=nope").status_code == 404
    page = get(client, "/v2/model/info?page=2&size=2")
    assert [entry["model_name"] for entry in page["data"]] == ["claude", "vectors"]
    assert (page["total_count"], page["total_pages"], page["current_page"]) == (5, 3, 2)
    assert [e["model_name"] for e in get(client, "/v2/model/info?search=CLAU")["data"]] == ["claude"]
    assert client.get("/v2/model/info?page=0").status_code == 400


def test_a_group_has_the_most_of_its_deployments(client: FlaskClient) -> None:
    groups = get(client, "/model_group/info")["data"]
    assert [group["model_group"] for group in groups] == NAMES
    assert groups[0]["providers"] == ["openai", "azure"]
    assert groups[0]["max_input_tokens"] == 128_000
    assert [group["model_group"] for group in get(client, "/model_group/info?model_group=claude")["data"]] == ["claude"]


def test_litellms_prefix_before_a_model_is_understood() -> None:
    client = create_app(environ={}).test_client()
    body = {"messages": [{"role": "user", "content": "hi"}]}
    for model in ("litellm_proxy/demo", "litellm_proxy/demo,demo"):
        assert client.post("/v1/chat/completions", json={**body, "model": model}).status_code == 200
    assert client.post("/v1/v1/chat/completions", json={**body, "model": "demo"}).status_code == 200
    unknown = client.post("/v1/chat/completions", json={**body, "model": "litellm_proxy/nope"})
    assert unknown.status_code in (400, 404)
