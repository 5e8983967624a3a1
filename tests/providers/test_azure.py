"""Azure OpenAI and Azure AI: where they are asked, by what credential, and what is odd about their answers."""

import json
from typing import Any

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.wire import Event
from proxy.errors import ContentPolicyViolationError, GatewayError, NotFoundError
from proxy.providers.azure import foundry as azure_ai
from proxy.providers.azure import openai as azure
from tests.providers.recordings import build_call

CALL = build_call("chat", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5})
BASE = "https://r.openai.azure.com"


def build_deployment(provider: str = "azure", model: str = "gpt-4o", **connection: Any) -> Deployment:
    return Deployment("1", "group", provider, model, {"api_base": BASE, "api_key": "key", **connection})


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, f"{BASE}/openai/deployments/gpt-4o/chat/completions?api-version={azure.DEFAULT_VERSION}"),
        (
            {"api_version": "2024-02-01"},
            f"{BASE}/openai/deployments/gpt-4o/chat/completions?api-version=2024-02-01",
        ),
        ({"api_base": f"{BASE}/openai/", "api_version": "v"}, f"{BASE}/openai/deployments/gpt-4o/chat/completions?api-version=v"),
        (
            {"api_base": f"{BASE}/openai/deployments/other", "api_version": "v"},
            f"{BASE}/openai/deployments/other/chat/completions?api-version=v",
        ),
        ({"api_version": "v1"}, f"{BASE}/openai/v1/chat/completions"),
        ({"api_version": "latest"}, f"{BASE}/openai/v1/chat/completions"),
        ({"api_version": "preview"}, f"{BASE}/openai/v1/chat/completions?api-version=preview"),
        ({"api_base": f"{BASE}/openai/v1/"}, f"{BASE}/openai/v1/chat/completions"),
        ({"api_base": f"{BASE}/openai/v1", "api_version": "preview"}, f"{BASE}/openai/v1/chat/completions?api-version=preview"),
    ],
)  # fmt: skip
def test_url_is_azures_when_base_and_version_are(connection: dict[str, str], url: str) -> None:
    assert azure.PROVIDER.build_request(CALL, build_deployment(**connection)).url == url


def test_deployment_stays_in_its_place_when_its_name_is_odd() -> None:
    url = azure.PROVIDER.build_request(CALL, build_deployment(model="a/../b?c")).url
    assert url.startswith(f"{BASE}/openai/deployments/a%2F..%2Fb%3Fc/chat")


def test_base_is_named_when_it_is_missing() -> None:
    with pytest.raises(GatewayError, match=r"litellm_params\.api_base"):
        azure.PROVIDER.build_request(CALL, build_deployment(api_base=None))


def test_key_is_in_azures_header_when_there_is_one() -> None:
    headers = azure.PROVIDER.build_request(CALL, build_deployment(azure_ad_token="token")).headers
    assert headers["api-key"] == "key"
    assert "authorization" not in headers


def test_token_is_sent_when_there_is_no_key() -> None:
    headers = azure.PROVIDER.build_request(CALL, build_deployment(api_key=None, azure_ad_token="token")).headers
    assert headers["authorization"] == "Bearer token"


def test_limit_has_its_new_name_when_the_series_reasons() -> None:
    request = azure.PROVIDER.build_request(CALL, build_deployment(model="o_series/mine"))
    assert "/deployments/mine/" in request.url
    assert json.loads(request.body)["max_completion_tokens"] == 5


def test_choice_has_a_message_when_azure_filtered_it() -> None:
    body = (
        b'{"model": "m", "choices": [{"finish_reason": "content_filter", "index": 0}], "usage": {"prompt_tokens": 1}}'
    )
    answer = json.loads(azure.PROVIDER.parse_response(body, {}, CALL, build_deployment()).body)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": None}
    assert answer["model"] == "m"


def test_prompts_filter_results_come_with_the_first_choice_when_azure_sends_them_alone() -> None:
    decoder = azure.PROVIDER.open_stream(CALL, build_deployment())
    assert decoder.feed(Event(b'{"choices":[],"id":"","model":"","object":"","prompt_filter_results":[1]}')) == []
    [chunk] = decoder.feed(Event(b'{"choices":[{"index":0,"delta":{"content":"x"}}],"model":"m"}'))
    assert json.loads(chunk.data)["prompt_filter_results"] == [1]
    [other] = decoder.feed(Event(b'{"choices":[{"index":0,"delta":{"content":"y"}}],"model":"m"}'))
    assert "prompt_filter_results" not in json.loads(other.data)


def test_filters_are_told_when_azure_refuses_a_prompt() -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
    body = {"error": {"message": "filtered", "code": "content_filter", "status": 400, "innererror": inner}}
    error = azure.PROVIDER.parse_error(400, json.dumps(body).encode(), {}, build_deployment())
    assert isinstance(error, ContentPolicyViolationError)
    assert error.to_openai()["error"]["innererror"] == inner


def test_deployment_is_not_found_when_azure_says_so() -> None:
    body = b'{"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}'
    assert isinstance(azure.PROVIDER.parse_error(404, body, {}, build_deployment()), NotFoundError)


FOUNDRY = "https://r.services.ai.azure.com"


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({}, f"{FOUNDRY}/models/chat/completions?api-version={azure_ai.DEFAULT_VERSION}"),
        ({"api_base": f"{FOUNDRY}/models/"}, f"{FOUNDRY}/models/chat/completions?api-version={azure_ai.DEFAULT_VERSION}"),
        (
            {"api_base": f"{FOUNDRY}/models/chat/completions?api-version=x", "api_version": "y"},
            f"{FOUNDRY}/models/chat/completions?api-version=y",
        ),
        ({"api_base": f"{FOUNDRY}/openai/v1"}, f"{FOUNDRY}/openai/v1/chat/completions"),
        ({"api_version": "v1"}, f"{FOUNDRY}/openai/v1/chat/completions"),
        (
            {"api_base": "https://m.eastus.models.ai.azure.com"},
            f"https://m.eastus.models.ai.azure.com/chat/completions?api-version={azure_ai.DEFAULT_VERSION}",
        ),
        ({"api_base": "https://m.models.ai.azure.com/v1"}, "https://m.models.ai.azure.com/v1/chat/completions"),
    ],
)  # fmt: skip
def test_url_is_foundrys_when_base_and_version_are(connection: dict[str, str], url: str) -> None:
    deployment = build_deployment("azure_ai", "grok-4", **{"api_base": FOUNDRY, **connection})
    assert azure_ai.PROVIDER.build_request(CALL, deployment).url == url


def test_key_is_a_bearers_when_the_model_is_served_alone() -> None:
    deployment = build_deployment("azure_ai", "m", api_base="https://m.models.ai.azure.com")
    headers = azure_ai.PROVIDER.build_request(CALL, deployment).headers
    assert headers["authorization"] == "Bearer key"
    assert "api-key" not in headers
