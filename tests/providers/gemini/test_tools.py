"""Functions, Google's own tools, and the choice among them."""

from typing import Any

import pytest

from proxy.errors import BadRequestError, UnsupportedParamsError
from proxy.providers.gemini.body import refused
from proxy.providers.gemini.schema import reduce_schema
from proxy.providers.parameters import fit
from proxy.providers.registry import PROVIDERS
from tests.providers.gemini.exchange import body_for, build_call, build_deployment

LOOK = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
SMELL = {"type": "function", "function": {"name": "smell"}}


def test_functions_share_one_entry_when_google_has_tools_too() -> None:
    tools = body_for(tools=[LOOK, {"google_search": {}}, SMELL, {"type": "code_execution"}])["tools"]
    assert tools == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Looks.", "parametersJsonSchema": {"type": "object"}},
                {"name": "smell"},
            ]
        },
        {"googleSearch": {}},
        {"codeExecution": {}},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"web_search_options": {"search_context_size": "low"}},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"type": "web_search_preview", "search_context_size": "low"}]},
    ],
)
def test_google_searches_when_the_client_asks_for_the_web(fields: dict[str, Any]) -> None:
    assert body_for(**fields)["tools"] == [{"googleSearch": {}}]


def test_settings_go_along_when_a_tool_of_googles_has_some() -> None:
    stores = {"fileSearchStoreNames": ["a"]}
    expected = [{"fileSearch": stores}]
    assert body_for(tools=[{"fileSearch": stores}])["tools"] == expected
    assert body_for(tools=[{"type": "file_search", **stores}])["tools"] == expected


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "look"}}, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [SMELL]}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["smell"]},
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [LOOK, SMELL]}},
            {"mode": "ANY", "allowedFunctionNames": ["look", "smell"]},
        ),
    ],
)
def test_choice_has_geminis_words_when_the_client_chooses(choice: Any, config: dict[str, Any]) -> None:
    body = body_for(tools=[LOOK, SMELL], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"tools": [{"type": "time_machine"}]}, "tools[0]"),
        ({"tools": [LOOK, {"type": "function", "function": {}}]}, "tools[1].function"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": [1]}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": "look"}, "tools"),
    ],
)
def test_error_names_the_place_when_tools_make_no_sense(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        body_for(**fields)
    assert caught.value.param == param


def test_single_calls_are_refused_by_name_when_several_functions_are_there() -> None:
    provider, deployment = PROVIDERS["gemini"], build_deployment()
    several = build_call({"tools": [LOOK, SMELL], "parallel_tool_calls": False})
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(several, deployment, provider)
    assert caught.value.param == "parallel_tool_calls"
    one = build_call({"tools": [LOOK], "parallel_tool_calls": False})
    assert fit(one, deployment, provider).dropped == ()
    assert "parallel_tool_calls" not in body_for(tools=[LOOK], parallel_tool_calls=False)


def test_schema_keeps_what_gemini_documents_when_it_is_reduced() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "kind": {"const": "cat"},
            "age": {"type": ["integer", "null"], "exclusiveMinimum": 0, "maximum": 30},
            "owner": {"$ref": "#/definitions/Person"},
            "tags": {"type": "array", "items": {"type": "string", "examples": ["x"]}, "minItems": 1},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}], "discriminator": {"propertyName": "kind"}},
            "title": {"type": "string"},
        },
        "required": ["kind"],
        "additionalProperties": False,
        "definitions": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    assert reduce_schema(schema) == {
        "type": "object",
        "properties": {
            "kind": {"enum": ["cat"]},
            "age": {"type": ["integer", "null"], "maximum": 30},
            "owner": {"$ref": "#/$defs/Person"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "title": {"type": "string"},
        },
        "required": ["kind"],
        "additionalProperties": False,
        "$defs": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }


def test_all_of_is_laid_into_the_schema_when_there_is_one() -> None:
    schema = {
        "description": "mine",
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "description": "theirs"},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
        ],
    }
    assert reduce_schema(schema) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "required": ["a", "b"],
        "description": "mine",
    }


GOOGLES = ([], [{"googleSearch": {}}], [{"type": "code_execution"}, {"urlContext": {}}])


@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
@pytest.mark.parametrize("tools", GOOGLES, ids=str)
@pytest.mark.parametrize(
    "choice", ["auto", "none", {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}]
)
def test_choice_is_left_out_when_no_functions_are_declared(provider: str, tools: list[Any], choice: Any) -> None:
    body = body_for(provider=provider, tools=tools, tool_choice=choice)
    assert "toolConfig" not in body
    assert len(body.get("tools", [])) == len(tools)


@pytest.mark.parametrize("tools", GOOGLES, ids=str)
def test_forced_call_is_refused_when_no_functions_are_declared(tools: list[Any]) -> None:
    fields = {"tools": tools, "tool_choice": "required"}
    assert "tool_choice" in refused(fields, build_deployment())


@pytest.mark.parametrize("tools", [[LOOK], [{"googleSearch": {}}, LOOK]])
@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_choice_is_sent_when_functions_are_declared(tools: list[Any], mode: str) -> None:
    assert "functionCallingConfig" in body_for(tools=tools, tool_choice=mode)["toolConfig"]
    assert "tool_choice" not in refused({"tools": tools, "tool_choice": mode}, build_deployment())
