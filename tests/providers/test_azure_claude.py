"""Claude in Azure AI Foundry: which models it is, where it is asked, and by what key."""

import json
from typing import Any

import pytest

from proxy.domain.answer import Answer
from proxy.domain.deployment import Deployment
from proxy.providers.registry import find_provider
from tests.providers.anthropic.exchange import build_call

PROVIDER = find_provider("azure_ai")
RESOURCE = "https://resource.services.ai.azure.com"


def build_deployment(model: str = "claude-sonnet-4-5", **connection: Any) -> Deployment:
    return Deployment("d", "g", "azure_ai", model, {"api_base": RESOURCE, "api_key": "key", **connection})


@pytest.mark.parametrize(
    "base", ["", "/", "/models", "/anthropic", "/anthropic/", "/anthropic/v1/messages", "/openai/v1"]
)
def test_the_address_is_that_of_messages_when_the_model_is_claude(base: str) -> None:
    assert PROVIDER is not None
    request = PROVIDER.build_request(build_call({}), build_deployment(api_base=RESOURCE + base))
    assert request.url == f"{RESOURCE}/anthropic/v1/messages"
    assert request.headers["api-key"] == "key"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert json.loads(request.body)["max_tokens"] == 64_000


def test_a_token_is_a_bearers_when_there_is_no_key() -> None:
    assert PROVIDER is not None
    headers = PROVIDER.build_request(build_call({}), build_deployment(api_key=None, azure_ad_token="t")).headers
    assert headers["authorization"] == "Bearer t"


def test_the_format_is_openais_when_the_model_is_somebody_elses() -> None:
    assert PROVIDER is not None
    request = PROVIDER.build_request(build_call({}), build_deployment("mistral-large"))
    assert "/anthropic" not in request.url
    assert PROVIDER.refused is not None
    assert PROVIDER.refused({"seed": 1}, build_deployment("mistral-large")) == frozenset()
    assert "seed" in PROVIDER.refused({"seed": 1}, build_deployment())


def test_an_answer_is_read_in_its_own_format_when_two_are_served() -> None:
    assert PROVIDER is not None
    message = {"id": "m", "model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "Hi"}]}
    completion = {"id": "c", "model": "mistral", "choices": [{"index": 0, "message": {"content": "Hi"}}]}

    def read(body: dict[str, Any], model: str) -> Answer:
        assert PROVIDER is not None
        return PROVIDER.parse_response(json.dumps(body).encode(), {}, build_call({}), build_deployment(model))

    for answer in (read(message, "claude-sonnet-4-5"), read(completion, "mistral")):
        assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Hi"
        assert answer.model is not None
        assert answer.model.startswith("azure_ai/")
