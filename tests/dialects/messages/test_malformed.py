"""Malformed requests: each is a 400 in Anthropic's form that names what is wrong with it; none is sent anywhere."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

OK: dict[str, Any] = {"model": "demo", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
NO = object()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": list(blocks)}]}


def tools(*given: Any) -> dict[str, Any]:
    return {"tools": list(given)}


F = {"name": "f", "input_schema": {"type": "object"}}
# What is changed of a good body, and what the message names. NO takes the member out.
CASES: list[tuple[dict[str, Any], str]] = [
    ({"model": NO}, "model"),
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"model": ""}, "model"),
    ({"model": "x" * 1001}, "model"),
    ({"max_tokens": NO}, "max_tokens"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": "5"}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"max_tokens": [5]}, "max_tokens"),
    ({"messages": NO}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": {}}, "messages"),
    ({"messages": ["hi"]}, "messages[0]"),
    ({"messages": [None]}, "messages[0]"),
    ({"messages": [{}]}, "messages[0].role"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "developer", "content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": 1, "content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "messages[0].content"),
    (user("hi"), "messages[0].content[0]"),
    (user(None), "messages[0].content[0]"),
    (user({}), "messages[0].content[0].type"),
    (user({"text": "hi"}), "messages[0].content[0].type"),
    (user({"type": 5}), "messages[0].content[0].type"),
    (user({"type": "text"}), "messages[0].content[0].text"),
    (user({"type": "text", "text": None}), "messages[0].content[0].text"),
    (user({"type": "text", "text": ["a"]}), "messages[0].content[0].text"),
    (user({"type": "text", "text": "a"}, {"type": "text", "text": 1}), "messages[0].content[1].text"),
    (user({"type": "image"}), "messages[0].content[0].source"),
    (user({"type": "image", "source": "http://x"}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {}}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "base64", "data": "AAAA"}}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "url"}}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": 5}}), "messages[0].content[0].source"),
    (user({"type": "document"}), "messages[0].content[0].source"),
    (user({"type": "document", "source": {"type": "odd"}}), "messages[0].content[0].source"),
    (user({"type": "container_upload", "file_id": "f"}), "container_upload"),
    (user({"type": "brand_new"}), "brand_new"),
    (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
    (user({"type": "tool_result", "tool_use_id": 5}), "messages[0].content[0].tool_use_id"),
    (user({"type": "tool_result", "tool_use_id": "a", "content": 5}), "messages[0].content[0].content"),
    (user({"type": "tool_result", "tool_use_id": "a", "content": ["x"]}), "messages[0].content[0].content[0]"),
    (user({"type": "tool_result", "tool_use_id": "a", "content": [{}]}), "messages[0].content[0].content[0].type"),
    (
        user({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}),
        "messages[0].content[0].content[0].text",
    ),
    (assistant({"type": "tool_use", "name": "f", "input": {}}), "messages[1].content[0].id"),
    (assistant({"type": "tool_use", "id": "a", "input": {}}), "messages[1].content[0].name"),
    (assistant({"type": "tool_use", "id": "a", "name": "f"}), "messages[1].content[0].input"),
    (assistant({"type": "tool_use", "id": "a", "name": "f", "input": "{}"}), "messages[1].content[0].input"),
    (assistant({"type": "tool_use", "id": "a", "name": "f", "input": None}), "messages[1].content[0].input"),
    (assistant({"type": "brand_new"}), "brand_new"),
    ({"system": 5}, "system"),
    ({"system": {}}, "system"),
    ({"system": ["be brief"]}, "system[0]"),
    ({"system": [{"type": "text"}]}, "system[0].text"),
    ({"system": [{"text": "x"}]}, "system[0].type"),
    ({"tools": {}}, "tools"),
    ({"tools": "f"}, "tools"),
    (tools("f"), "tools[0]"),
    (tools({}), "tools[0].name"),
    (tools({"name": ""}), "tools[0].name"),
    (tools({"name": 5, "input_schema": {}}), "tools[0].name"),
    (tools({"name": "f"}), "tools[0].input_schema"),
    (tools({"name": "f", "input_schema": []}), "tools[0].input_schema"),
    (tools({"name": "f", "input_schema": None}), "tools[0].input_schema"),
    (tools(F, {"name": "g", "type": 5}), "tools[1].type"),
    (tools({"type": "code_execution_20250825", "name": "code_execution"}), "code_execution"),
    (tools({"type": "computer_20250124", "name": "computer"}), "computer"),
    (tools({"type": "bash_20250124", "name": "bash"}), "bash"),
    (tools({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}), "str_replace_based_edit_tool"),
    (tools({"type": "web_fetch_20250910", "name": "web_fetch"}), "web_fetch"),
    (tools({"type": "mcp_toolset", "mcp_server_name": "m"}), "mcp_toolset"),
    ({"mcp_servers": [{"name": "m", "url": "https://m", "type": "url"}]}, "mcp_servers"),
    ({**tools(F), "tool_choice": "auto"}, "tool_choice"),
    ({**tools(F), "tool_choice": {}}, "tool_choice.type"),
    ({**tools(F), "tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({**tools(F), "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"thinking": "on"}, "thinking"),
    ({"thinking": {}}, "thinking.type"),
    ({"thinking": {"type": 1}}, "thinking.type"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": "1024"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
    ({"metadata": "me"}, "metadata"),
    ({"metadata": {"user_id": 5}}, "metadata.user_id"),
    ({"stop_sequences": "END"}, "stop_sequences"),
    ({"stop_sequences": [5]}, "stop_sequences[0]"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_p": []}, "top_p"),
    ({"top_k": 1.5}, "top_k"),
    ({"top_k": "all"}, "top_k"),
    ({"stream": "yes"}, "stream"),
    ({"stream": 1}, "stream"),
    ({"output_config": "high"}, "output_config"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
    ({"output_config": {"format": {"type": "regex", "schema": {}}}}, "output_config.format"),
    ({"context_management": []}, "context_management"),
    ({"service_tier": 5}, "service_tier"),
    ({"num_retries": -1}, "num_retries"),
    ({"fallbacks": 5}, "fallbacks"),
    ({"timeout": "soon"}, "timeout"),
    ({"extra_headers": {"a\n": "b"}}, "extra_headers"),
    ({"guardrails": ["pii"]}, "guardrails"),
    ({"model_list": []}, "model_list"),
]  # fmt: skip
BODIES = ["", "{", "[]", "null", '"text"', '{"model": "a", "model": "b"}', "[" * 2000, "\x00"]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


def check(answer: Any, named: str) -> None:
    body = answer.get_json()
    assert answer.status_code == 400, body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert named in body["error"]["message"], body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]


def test_there_are_enough_cases() -> None:
    assert len(CASES) + len(BODIES) >= 80


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("change", "named"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_malformed_request_is_refused_in_words(
    client: FlaskClient, change: dict[str, Any], named: str, stream: bool
) -> None:
    body = {name: value for name, value in {**OK, "stream": stream, **change}.items() if value is not NO}
    check(client.post("/v1/messages", data=json.dumps(body), content_type="application/json"), named)


@pytest.mark.parametrize("raw", BODIES)
def test_what_is_no_json_object_is_refused(client: FlaskClient, raw: str) -> None:
    check(client.post("/v1/messages", data=raw, content_type="application/json"), "")


# An estimate needs no bridge to another provider's form.
OF_A_BRIDGE = ("[0].source", "brand_new", "container_upload")
COUNTED = [case for case in CASES if "messages" in case[0] and not any(word in case[1] for word in OF_A_BRIDGE)]


@pytest.mark.parametrize(("change", "named"), COUNTED, ids=[str(number) for number in range(len(COUNTED))])
def test_a_count_of_malformed_messages_is_refused(client: FlaskClient, change: dict[str, Any], named: str) -> None:
    body = {name: value for name, value in {**OK, **change}.items() if value is not NO and name != "max_tokens"}
    check(client.post("/v1/messages/count_tokens", data=json.dumps(body), content_type="application/json"), named)
