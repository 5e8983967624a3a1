"""Tool call ids on their way through the dispatcher: signed for Gemini, plain for whoever a fallback leads to."""

import json
from typing import Any

import pytest

from proxy.dispatch.dispatcher import Dispatcher
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.providers.registry import find_provider
from proxy.providers.translation.call_ids import sign_id
from proxy.runtime import Runtime

SIGNATURE = "c2lnbmF0dXJl"
SIGNED = sign_id("call_1", SIGNATURE, "gemini")


class Silent:
    """A transport that is never asked."""

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        raise AssertionError(f"{request.url} was called")


def body_for(provider: str, model: str) -> Any:
    function = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
    fields = {
        "messages": [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": SIGNED, **function}]},
            {"role": "tool", "tool_call_id": SIGNED, "content": "a cat"},
        ]
    }
    dispatcher = Dispatcher(Silent(), Runtime(), find_provider, {}, {})
    call = Call("call-1", CHAT, "group", Document.parse(json.dumps(fields).encode()))
    deployment = Deployment("deployment-1", "group", provider, model, {"api_key": "key", "vertex_project": "project"})
    return json.loads(dispatcher.wire_request(call, deployment).body)


def test_signature_reaches_gemini_when_the_client_kept_the_id_only() -> None:
    call, result = body_for("gemini", "gemini-3-pro-preview")["contents"][1:]
    assert call["parts"][0]["thoughtSignature"] == SIGNATURE
    assert (call["parts"][0]["functionCall"]["id"], result["parts"][0]["functionResponse"]["id"]) == (
        "call_1",
        "call_1",
    )


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-4o"), ("anthropic", "claude-haiku-4-5"), ("groq", "llama-3.3-70b")]
)
def test_id_is_plain_when_another_provider_is_asked(provider: str, model: str) -> None:
    sent = json.dumps(body_for(provider, model))
    assert SIGNATURE not in sent
    assert sent.count('"call_1"') == 2
