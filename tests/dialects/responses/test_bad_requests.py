"""Requests that are wrong in one place: the error is OpenAI's and names it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

GOOD: dict[str, Any] = {"model": "demo", "input": "hi"}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def message(content: Any, role: Any = "user") -> dict[str, Any]:
    return {"input": [{"type": "message", "role": role, "content": content}]}


# (change of a good request, the place that the error names)
CASES: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"model": ""}, "model"),
    ({"model": ["demo"]}, "model"),
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": True}, "input"),
    ({"input": {"role": "user"}}, "input"),
    ({"input": []}, "input"),
    ({"input": [5]}, "input[0]"),
    ({"input": [None]}, "input[0]"),
    ({"input": [["a"]]}, "input[0]"),
    ({"input": [{}]}, "input[0].type"),
    ({"input": [{"content": "a"}]}, "input[0].type"),
    ({"input": [{"type": 5}]}, "input[0].type"),
    ({"input": [{"type": [], "role": "user"}]}, "input[0].type"),
    ({"input": [{"role": 5, "content": "a"}]}, "input[0].role"),
    ({"input": ["a", {"role": {}, "content": "a"}]}, "input[1].role"),
    (message("a", "tool"), "input[0].role"),
    (message("a", "function"), "input[0].role"),
    (message(5), "input[0].content"),
    (message(True), "input[0].content"),
    (message({"type": "input_text", "text": "a"}), "input[0].content"),
    (message([5]), "input[0].content[0]"),
    (message(["a", None]), "input[0].content[0]"),
    (message([[]]), "input[0].content[0]"),
    (message([{}]), "input[0].content[0].type"),
    (message([{"type": 1}]), "input[0].content[0].type"),
    (message([{"text": "a"}]), "input[0].content[0].type"),
    (message([{"type": "input_text"}]), "input[0].content[0].text"),
    (message([{"type": "input_text", "text": 5}]), "input[0].content[0].text"),
    (message([{"type": "input_text", "text": None}]), "input[0].content[0].text"),
    (message([{"type": "output_text", "text": []}], "assistant"), "input[0].content[0].text"),
    (message([{"type": "nothing_known"}]), "input[0].content[0].type"),
    (message([{"type": "input_image"}]), "input[0].content[0].image_url"),
    (message([{"type": "input_image", "image_url": 5}]), "input[0].content[0].image_url"),
    (message([{"type": "input_image", "file_id": "file-1"}]), "input[0].content[0].image_url"),
    (message([{"type": "input_file"}]), "input[0].content[0].file_data"),
    (message([{"type": "input_file", "filename": "a.pdf"}]), "input[0].content[0].file_data"),
    ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call", "call_id": 5, "name": "f"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call", "call_id": "c", "arguments": "{}"}]}, "input[0].name"),
    ({"input": [{"type": "function_call", "call_id": "c", "name": 5}]}, "input[0].name"),
    ({"input": [{"type": "function_call", "call_id": "c", "name": ""}]}, "input[0].name"),
    ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "t"}]}, "input[0].input"),
    ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "t", "input": 5}]}, "input[0].input"),
    ({"input": [{"type": "custom_tool_call", "name": "t", "input": "a"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call_output", "output": "a"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call_output", "call_id": [], "output": "a"}]}, "input[0].call_id"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": [5]}]}, "input[0].output[0]"),
    (
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "x"}]}]},
        "input[0].output[0].type",
    ),
    ({"input": [{"type": "custom_tool_call_output", "output": "a"}]}, "input[0].call_id"),
    ({"input": [{"type": "local_shell_call", "action": {}}]}, "input[0].call_id"),
    ({"input": [{"type": "item_reference"}]}, "input[0].id"),
    ({"input": [{"type": "item_reference", "id": 5}]}, "input[0].id"),
    ({"input": [{"type": "additional_tools"}]}, "input[0].tools"),
    ({"input": ["a", {"type": "additional_tools", "tools": [5]}]}, "input[1].tools[0]"),
    ({"input": ["a", {"type": "additional_tools", "tools": [{"type": "mcp"}]}]}, "input[1].tools[0].type"),
    ({"input": [{"type": "compaction_trigger"}]}, "input[0].type"),
    ({"input": ["a", {"type": "compaction", "encrypted_content": "x"}]}, "input[1].type"),
    ({"instructions": 5}, "instructions"),
    ({"instructions": {"role": "system"}}, "instructions"),
    ({"instructions": [{"role": "system", "content": 5}]}, "instructions[0].content"),
    ({"tools": {}}, "tools"),
    ({"tools": "f"}, "tools"),
    ({"tools": [5]}, "tools[0]"),
    ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": 5}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [FUNCTION, {"type": "function", "name": 5}]}, "tools[1].name"),
    ({"tools": [{"type": "function", "name": "f", "parameters": "x"}]}, "tools[0].parameters"),
    ({"tools": [{"type": "custom"}]}, "tools[0].name"),
    ({"tools": [{"type": "namespace", "name": "n"}]}, "tools[0].tools"),
    ({"tools": [{"type": "namespace", "tools": []}]}, "tools[0].name"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [5]}]}, "tools[0].tools[0]"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[0].type"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
    ({"tools": [{"type": "computer_use_preview"}]}, "tools[0].type"),
    ({"tool_choice": 5}, "tool_choice"),
    ({"tool_choice": ["auto"]}, "tool_choice"),
    ({"tools": [FUNCTION], "tool_choice": {"type": "file_search"}}, "tool_choice.type"),
    ({"text": "x"}, "text"),
    ({"text": {"format": "json"}}, "text.format"),
    ({"text": {"format": {}}}, "text.format.type"),
    ({"text": {"format": {"type": 5}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
    ({"text": {"format": {"type": "json_schema", "name": "n", "schema": "x"}}}, "text.format.schema"),
    ({"reasoning": "low"}, "reasoning"),
    ({"reasoning": {"effort": 5}}, "reasoning.effort"),
    ({"reasoning": {"summary": []}}, "reasoning.summary"),
    ({"max_output_tokens": "many"}, "max_output_tokens"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"max_output_tokens": 1.5}, "max_output_tokens"),
    ({"temperature": "warm"}, "temperature"),
    ({"top_p": []}, "top_p"),
    ({"top_logprobs": -1}, "top_logprobs"),
    ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
    ({"stream": "yes"}, "stream"),
    ({"store": 1}, "store"),
    ({"background": "no"}, "background"),
    ({"background": True}, "background"),
    ({"include": "all"}, "include"),
    ({"include": [5]}, "include[0]"),
    ({"metadata": []}, "metadata"),
    ({"previous_response_id": 5}, "previous_response_id"),
    ({"previous_response_id": "resp_unknown"}, "previous_response_id"),
    ({"prompt": "p"}, "prompt"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"truncation": True}, "truncation"),
    ({"timeout": "soon"}, "timeout"),
    ({"fallbacks": 5}, "fallbacks"),
    ({"model_list": []}, "model_list"),
]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


@pytest.mark.parametrize(("change", "place"), CASES, ids=str)
def test_the_error_names_the_place_when_a_request_is_wrong(
    client: FlaskClient, change: dict[str, Any], place: str
) -> None:
    for stream in ({}, {"stream": True}) if "stream" not in change else ({},):
        answer = client.post("/v1/responses", json={**GOOD, **stream, **change})
        error = answer.get_json()["error"]
        assert (answer.status_code, error["param"]) == (400, place), error
        assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"5", b'"a"', b'{"model": "demo", "input": "a"', b"\xff\xfe"])
def test_the_error_is_openais_when_a_body_is_no_object(client: FlaskClient, raw: bytes) -> None:
    answer = client.post("/v1/responses", data=raw, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.get_json()["error"]) >= {"message", "type", "param", "code"}
