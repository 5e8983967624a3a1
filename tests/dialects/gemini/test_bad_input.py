"""Malformed requests in Google's form: each is a 400 in Google's form that names the field."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app

HI = {"parts": [{"text": "hi"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}


def part(value: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [value]}]}


def config(**members: Any) -> dict[str, Any]:
    return {"contents": [HI], "generationConfig": members}


def asking(**members: Any) -> dict[str, Any]:
    return {"contents": [HI], **members}


PART = "contents[0].parts[0]"
CASES: list[tuple[Any, str]] = [
    ({}, "contents"),
    ({"contents": None}, "contents"),
    ({"contents": []}, "contents"),
    ({"contents": "hi"}, "contents"),
    ({"contents": 1}, "contents"),
    ({"contents": ["hi"]}, "contents[0]"),
    ({"contents": [None]}, "contents[0]"),
    ({"contents": [HI, []]}, "contents[1]"),
    ({"contents": [{}]}, "contents[0].parts"),
    ({"contents": [{"role": "user"}]}, "contents[0].parts"),
    ({"contents": {"role": "user"}}, "contents.parts"),
    ({"contents": [{"parts": None}]}, "contents[0].parts"),
    ({"contents": [{"parts": []}]}, "contents[0].parts"),
    ({"contents": [{"parts": "hi"}]}, "contents[0].parts"),
    ({"contents": [{"parts": ["hi"]}]}, PART),
    ({"contents": [{"parts": [None]}]}, PART),
    ({"contents": [{"parts": {"text": 1}}]}, "contents[0].parts.text"),
    ({"contents": [{**HI, "role": 1}]}, "contents[0].role"),
    ({"contents": [{**HI, "role": "robot"}]}, "contents[0].role"),
    ({"contents": [{**HI, "role": "system"}]}, "contents[0].role"),
    (part({"text": 1}), f"{PART}.text"),
    (part({"text": ["hi"]}), f"{PART}.text"),
    (part({"inlineData": "x"}), f"{PART}.inlineData"),
    (part({"inline_data": []}), f"{PART}.inline_data"),
    (part({"inlineData": {}}), f"{PART}.inlineData.mimeType"),
    (part({"inlineData": {"mimeType": "image/png"}}), f"{PART}.inlineData.data"),
    (part({"inlineData": {"mimeType": "", "data": "AAAA"}}), f"{PART}.inlineData.mimeType"),
    (part({"inlineData": {"mimeType": "image/png", "data": 1}}), f"{PART}.inlineData.data"),
    (part({"inlineData": {"mimeType": "image/png", "data": "%%%"}}), f"{PART}.inlineData.data"),
    (part({"inlineData": {"mimeType": "text/plain", "data": "/w=="}}), f"{PART}.inlineData.data"),
    (part({"fileData": 1}), f"{PART}.fileData"),
    (part({"fileData": {}}), f"{PART}.fileData.fileUri"),
    (part({"fileData": {"fileUri": 1}}), f"{PART}.fileData.fileUri"),
    (part({"fileData": {"fileUri": "gs://bucket/a.pdf"}}), f"{PART}.fileData.fileUri"),
    (part({"fileData": {"fileUri": "file:///etc/passwd"}}), f"{PART}.fileData.fileUri"),
    (
        part({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}),
        f"{PART}.fileData.fileUri",
    ),
    (part({"functionCall": "f"}), f"{PART}.functionCall"),
    (part({"functionCall": {}}), f"{PART}.functionCall.name"),
    (part({"functionCall": {"name": ""}}), f"{PART}.functionCall.name"),
    (part({"functionCall": {"name": "f", "args": "{}"}}), f"{PART}.functionCall.args"),
    (part({"function_call": {"name": "f", "args": []}}), f"{PART}.function_call.args"),
    (part({"functionCall": {"name": "f", "id": 1}}), f"{PART}.functionCall.id"),
    (part({"functionResponse": []}), f"{PART}.functionResponse"),
    (part({"functionResponse": {"response": {}}}), f"{PART}.functionResponse.name"),
    (part({"functionResponse": {"name": "f", "response": "ok"}}), f"{PART}.functionResponse.response"),
    (part({"functionResponse": {"name": "f", "response": {}}}), f"{PART}.functionResponse"),
    (
        {"contents": [HI, CALL, {"parts": [{"functionResponse": {"name": "f", "parts": "x"}}]}]},
        "contents[2].parts[0].functionResponse.parts",
    ),
    (part({"toolCall": {"toolType": "X"}}), f"{PART}.toolCall"),
    (part({"nonsense": 1}), f"{PART}.nonsense"),
    (asking(systemInstruction=1), "systemInstruction"),
    (asking(systemInstruction=[]), "systemInstruction"),
    (asking(system_instruction={"parts": [1]}), "system_instruction.parts[0]"),
    (asking(systemInstruction={"parts": [{"text": 1}]}), "systemInstruction.parts[0].text"),
    (asking(tools="x"), "tools"),
    (asking(tools=[1]), "tools[0]"),
    (asking(tools=[{"functionDeclarations": "f"}]), "tools[0].functionDeclarations"),
    (asking(tools=[{"functionDeclarations": [1]}]), "tools[0].functionDeclarations[0]"),
    (asking(tools=[{"functionDeclarations": [{}]}]), "tools[0].functionDeclarations[0].name"),
    (asking(tools={"function_declarations": [{"name": 1}]}), "tools.function_declarations[0].name"),
    (
        asking(tools=[{"functionDeclarations": [{"name": "f", "parameters": "x"}]}]),
        "tools[0].functionDeclarations[0].parameters",
    ),
    (
        asking(tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": []}]}]),
        "tools[0].functionDeclarations[0].parametersJsonSchema",
    ),
    (asking(tools=[{"codeExecution": {}}]), "tools[0].codeExecution"),
    (asking(tools=[{"google_maps": {}}]), "tools[0].googleMaps"),
    (asking(toolConfig=1), "toolConfig"),
    (asking(toolConfig={"functionCallingConfig": "ANY"}), "toolConfig.functionCallingConfig"),
    (asking(tool_config={"function_calling_config": []}), "tool_config.function_calling_config"),
    (asking(toolConfig={"functionCallingConfig": {"mode": "SOMETIMES"}}), "toolConfig.functionCallingConfig.mode"),
    (asking(toolConfig={"functionCallingConfig": {"mode": 1}}), "toolConfig.functionCallingConfig.mode"),
    (
        asking(toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": "f"}}),
        "toolConfig.functionCallingConfig.allowedFunctionNames",
    ),
    (asking(safetySettings="none"), "safetySettings"),
    (asking(safetySettings=[1]), "safetySettings[0]"),
    (asking(cachedContent="cachedContents/x"), "cachedContent"),
    (asking(cached_content="cachedContents/x"), "cachedContent"),
    (asking(generationConfig=[]), "generationConfig"),
    (asking(generation_config="x"), "generation_config"),
    (config(temperature="hot"), "generationConfig.temperature"),
    (config(temperature=True), "generationConfig.temperature"),
    (config(topP=[]), "generationConfig.topP"),
    (config(top_p="x"), "generationConfig.top_p"),
    (config(topK="x"), "generationConfig.topK"),
    (config(topK=1.5), "generationConfig.topK"),
    (config(maxOutputTokens="many"), "generationConfig.maxOutputTokens"),
    (config(maxOutputTokens={}), "generationConfig.maxOutputTokens"),
    (config(candidateCount=[]), "generationConfig.candidateCount"),
    (config(seed=1.5), "generationConfig.seed"),
    (config(presencePenalty="x"), "generationConfig.presencePenalty"),
    (config(stopSequences="."), "generationConfig.stopSequences"),
    (config(stopSequences=[1]), "generationConfig.stopSequences"),
    (config(responseMimeType=1), "generationConfig.responseMimeType"),
    (config(responseMimeType="text/x.enum"), "generationConfig.responseMimeType"),
    (config(responseSchema="x"), "generationConfig.responseSchema"),
    (config(responseMimeType="application/json", responseJsonSchema=True), "generationConfig.responseJsonSchema"),
    (config(thinkingConfig=1), "generationConfig.thinkingConfig"),
    (config(thinkingConfig={"thinkingBudget": "x"}), "generationConfig.thinkingConfig.thinkingBudget"),
    (config(responseModalities="TEXT"), "generationConfig.responseModalities"),
    (config(responseModalities=[1]), "generationConfig.responseModalities"),
    (config(speechConfig="loud"), "generationConfig.speechConfig"),
    (asking(timeout="long"), "timeout"),
    (asking(num_retries=-1), "num_retries"),
    (asking(model_list=[]), "model_list"),
    (asking(fallbacks={"a": 1}), "fallbacks"),
]
EMBEDDINGS: list[tuple[str, Any, str]] = [
    ("embedContent", {}, "content"),
    ("embedContent", {"content": "hi"}, "content"),
    ("embedContent", {"content": {}}, "content.parts"),
    ("embedContent", {"content": {"parts": [{"inlineData": {}}]}}, "content.parts[0]"),
    ("embedContent", {"content": HI, "outputDimensionality": "x"}, "outputDimensionality"),
    ("batchEmbedContents", {}, "requests"),
    ("batchEmbedContents", {"requests": []}, "requests"),
    ("batchEmbedContents", {"requests": [{}]}, "requests[0].content"),
    ("batchEmbedContents", {"requests": [{"content": HI}, {"content": HI, "title": "x"}]}, "requests"),
    ("countTokens", {}, "contents"),
    ("countTokens", {"contents": "x"}, "contents"),
    ("countTokens", {"generateContentRequest": {}}, "generateContentRequest.contents"),
]
RAW = [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b'{"contents": [], "contents": []}', b"[" * 10_000]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(environ={}).test_client()


def field_of(answer: Any) -> str:
    """The field that the error names, in an error whose form is Google's."""
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["message"]
    violations = [detail for detail in error["details"] if detail["@type"].endswith("BadRequest")]
    field: str = violations[0]["fieldViolations"][0]["field"]
    return field


@pytest.mark.parametrize(("body", "field"), CASES)
def test_the_field_is_named_when_a_request_is_malformed(client: FlaskClient, body: Any, field: str) -> None:
    assert field_of(client.post("/v1beta/models/demo:generateContent", json=body)) == field


@pytest.mark.parametrize(("body", "field"), CASES[::9])
def test_a_stream_is_refused_before_it_begins_when_a_request_is_malformed(
    client: FlaskClient, body: Any, field: str
) -> None:
    answer = client.post("/v1beta/models/demo:streamGenerateContent?alt=sse", json=body)
    assert answer.content_type == "application/json"
    assert field_of(answer) == field


@pytest.mark.parametrize(("method", "body", "field"), EMBEDDINGS)
def test_the_field_is_named_when_texts_to_embed_or_to_count_are_malformed(
    client: FlaskClient, method: str, body: Any, field: str
) -> None:
    assert field_of(client.post(f"/v1beta/models/demo:{method}", json=body)) == field


@pytest.mark.parametrize("raw", RAW)
def test_what_is_no_json_object_is_refused_in_googles_form(client: FlaskClient, raw: bytes) -> None:
    answer = client.post("/v1beta/models/demo:generateContent", data=raw, content_type="application/json")
    assert field_of(answer) in ("request_body", "contents")
