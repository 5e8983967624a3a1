"""One deployment of each wire format, and the body that reaches it: for tests of what all formats must do alike."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.providers.parameters import fit
from proxy.providers.registry import PROVIDERS


class Wire(NamedTuple):
    """A provider and a model of it."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


ANTHROPIC = Wire("anthropic", "claude-sonnet-4-5")
AZURE_CLAUDE = Wire("azure_ai", "claude-sonnet-4-5")
VERTEX_CLAUDE = Wire("vertex_ai", "claude-sonnet-4-5@20250929")
BEDROCK_CLAUDE = Wire("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
BEDROCK_NOVA = Wire("bedrock", "amazon.nova-pro-v1:0")
GEMINI = Wire("gemini", "gemini-2.5-flash")
VERTEX_GEMINI = Wire("vertex_ai", "gemini-2.5-flash")
COHERE = Wire("cohere", "command-a-03-2025")
OLLAMA = Wire("ollama", "llama3.2")

MESSAGES_API = (ANTHROPIC, AZURE_CLAUDE, VERTEX_CLAUDE)
CLAUDE = (*MESSAGES_API, BEDROCK_CLAUDE)
GOOGLE = (GEMINI, VERTEX_GEMINI)
ALL = (*CLAUDE, BEDROCK_NOVA, *GOOGLE, COHERE, OLLAMA)
_CONNECTION = {
    "api_key": "test-key", "api_base": "https://provider.example", "vertex_project": "project",
    "vertex_location": "us-central1", "aws_region_name": "us-east-1",
}  # fmt: skip
HELLO = [{"role": "user", "content": "Hello"}]


def build_deployment(wire: Wire, **changes: Any) -> Deployment:
    return Deployment("deployment-1", "group", wire.provider, wire.model, _CONNECTION, **changes)


def build_call(fields: Mapping[str, Any]) -> Call:
    document = Document.of({"messages": HELLO, **fields})
    return Call("call-1", CHAT, "group", document, stream=bool(fields.get("stream")), started_at=1_700_000_000.5)


def send(wire: Wire, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body that the provider gets for these fields, and the parameters that were left out and are named."""
    provider, deployment, call = PROVIDERS[wire.provider], build_deployment(wire), build_call(fields)
    fitted = fit(call, deployment, provider)
    fitting = call.asking(call.model, call.document.edit(fitted.changes, fitted.drop))
    body: dict[str, Any] = json.loads(bytes(provider.build_request(fitting, deployment).body))
    return body, fitted.dropped


def body_of(wire: Wire, **fields: Any) -> dict[str, Any]:
    return send(wire, **fields)[0]


def find_all(value: Any, name: str) -> list[Any]:
    """The values of every member of this name, at any depth."""
    found: list[Any] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found += [item[name]] if name in item else []
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found
