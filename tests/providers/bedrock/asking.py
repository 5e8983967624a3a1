"""Calls and deployments for the tests of Bedrock's format, and the wire body that a request becomes."""

import json
from collections.abc import Mapping
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, Operation
from proxy.providers.bedrock import PROVIDER

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
OLD_CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
PNG = "iVBORw0KGgo="
HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SCHEMA = {"name": "person", "schema": {"type": "object", "properties": {"name": {"type": "string"}}}}
FORMAT = {"type": "json_schema", "json_schema": SCHEMA}
THOUGHTS = [
    {"type": "thinking", "thinking": "Hm.\n", "signature": "c2ln+/=="},
    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
]


def deployment(model: str = CLAUDE, **changes: Any) -> Deployment:
    connection = changes.pop("connection", {"aws_region_name": "us-east-1"})
    return Deployment("deployment-1", "group", "bedrock", model, connection, **changes)


def call(operation: Operation = CHAT, **fields: Any) -> Call:
    return Call(
        id="call-1",
        operation=operation,
        model="group",
        document=Document.of(fields),
        stream=bool(fields.get("stream")),
        started_at=1_700_000_000.0,
    )


def build(model: str = CLAUDE, messages: Any = None, **fields: Any) -> dict[str, Any]:
    request = PROVIDER.build_request(call(messages=messages or HELLO, **fields), deployment(model))
    body: dict[str, Any] = json.loads(request.body)
    return body


def turns(*messages: Mapping[str, Any], model: str = CLAUDE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = build(model, messages=list(messages))["messages"]
    return found


def user(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def calling(*ids: str) -> dict[str, Any]:
    calls = [
        {"id": one, "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}} for one in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}
