"""Requests of which any part is broken, to the providers with a format of their own."""

from typing import Any

import pytest

from proxy.errors import GatewayError
from proxy.providers.parameters import fit
from proxy.providers.registry import find_provider
from tests.providers.nonsense import RICH_CHAT, broken
from tests.providers.recordings import build_call, build_deployment

MODELS = {
    "azure_ai": "claude-sonnet-4-5",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "gemini": "gemini-2.5-flash",
    "ollama_chat": "llama3.2",
    "vertex_ai": "gemini-2.5-flash",
}


def build(provider_name: str, model: str, fields: dict[str, Any]) -> bytes:
    provider, deployment = find_provider(provider_name), build_deployment(provider_name, model)
    assert provider is not None
    call = build_call("chat", fields)
    fitted = fit(call, deployment, provider, drop_params=True)
    return provider.build_request(
        call._replace(document=call.document.edit(fitted.changes, fitted.drop)), deployment
    ).body


@pytest.mark.parametrize(("provider", "model"), MODELS.items())
def test_a_request_is_built_or_refused_when_any_part_of_it_is_nonsense(provider: str, model: str) -> None:
    assert build(provider, model, RICH_CHAT)
    for nonsense in broken(RICH_CHAT):
        try:
            body = build(provider, model, nonsense)
        except GatewayError as error:
            assert 400 <= error.status_code < 500
        else:
            assert body
