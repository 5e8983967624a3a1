"""JSON schemas as Google takes them: references name definitions at the root and have nothing beside them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.gemini.schema import reduce_schema
from tests.providers.gemini.exchange import body_for

COLOUR = {"type": "string", "enum": ["red", "blue"]}
PLACE = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
NODE = {
    "type": "object",
    "properties": {"next": {"$ref": "#/$defs/Node", "title": "Next"}, "value": {"type": "integer"}},
}


def holding(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"it": schema}, **more}


def find_faults(schema: Any, root: Any = None) -> list[str]:
    """What Google would refuse the schema for."""
    root = schema if root is None else root
    if isinstance(schema, list):
        return [fault for item in schema for fault in find_faults(item, root)]
    if not isinstance(schema, dict):
        return []
    faults = []
    if isinstance(schema.get("$ref"), str):
        beside = [name for name in schema if not name.startswith("$") and name not in ("description", "default")]
        faults += [f"{beside} beside a reference"] if beside else []
        name = schema["$ref"].removeprefix("#/$defs/")
        faults += [] if name in root.get("$defs", {}) else [f"{schema['$ref']} names no definition"]
    return faults + [fault for value in schema.values() for fault in find_faults(value, root)]


DEFINED = {"$defs": {"Colour": COLOUR, "Place": PLACE, "Node": NODE}}
SCHEMAS = {
    "a title beside": holding({"$ref": "#/$defs/Colour", "title": "It"}, **DEFINED),
    "a type beside": holding({"$ref": "#/$defs/Colour", "type": "string"}, **DEFINED),
    "older definitions": holding({"$ref": "#/definitions/Colour", "title": "It"}, definitions=DEFINED["$defs"]),
    "allOf around one": holding({"title": "It", "default": "red", "allOf": [{"$ref": "#/$defs/Colour"}]}, **DEFINED),
    "allOf of two": holding({"allOf": [{"$ref": "#/$defs/Place"}, {"$ref": "#/$defs/Node"}]}, **DEFINED),
    "allOf and properties": holding(
        {"allOf": [{"$ref": "#/$defs/Place"}], "properties": {"y": {"type": "integer"}}, "required": ["y"]}, **DEFINED
    ),
    "nullable": holding({"anyOf": [{"$ref": "#/$defs/Colour", "title": "C"}, {"type": "null"}]}, **DEFINED),
    "in an array": holding({"type": "array", "items": {"$ref": "#/$defs/Place", "title": "P"}}, **DEFINED),
    "in a tuple": holding({"type": "array", "items": [{"$ref": "#/$defs/Place", "title": "P"}]}, **DEFINED),
    "in additional properties": holding(
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/Place", "examples": []}}, **DEFINED
    ),
    "to a property": {"type": "object", "properties": {"a": COLOUR, "it": {"$ref": "#/properties/a"}}},
    "to a definition within": holding({**PLACE, "$defs": {"C": COLOUR}, "properties": {
        "c": {"$ref": "#/properties/it/$defs/C"}}}),
    "escaped": holding({"$ref": "#/properties/a~1b"}) | {"properties": {"a/b": COLOUR, "it": {"$ref": "#/properties/a~1b"}}},
    "to the whole": holding({"$ref": "#"}),
    "recursive": holding({"$ref": "#/$defs/Node", "title": "It"}, **DEFINED),
    "a definition that is a reference": holding(
        {"$ref": "#/$defs/Alias", "title": "It"}, **{"$defs": {"Alias": {"$ref": "#/$defs/Colour"}, "Colour": COLOUR}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_google_takes_the_schema_when_references_are_in_forms_that_it_refuses(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert find_faults(reduce_schema(schema)) == []
    assert json.dumps(schema) == before
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    wanted = {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
    for provider in ("gemini", "vertex_ai"):
        body = body_for(provider=provider, tools=[tool], response_format=wanted)
        (declared,) = body["tools"][0]["functionDeclarations"]
        assert find_faults(declared["parametersJsonSchema"]) == []
        assert find_faults(body["generationConfig"]["responseJsonSchema"]) == []


@pytest.mark.parametrize(
    "name",
    [
        "a title beside",
        "a type beside",
        "older definitions",
        "allOf around one",
        "to a property",
        "escaped",
        "a definition that is a reference",
    ],
)
def test_definition_is_laid_in_when_its_reference_is_refused(name: str) -> None:
    it = reduce_schema(SCHEMAS[name])["properties"]["it"]
    assert (it["type"], it["enum"]) == ("string", ["red", "blue"])


def test_annotations_stay_when_a_definition_is_laid_in() -> None:
    it = reduce_schema(SCHEMAS["allOf around one"])["properties"]["it"]
    assert it == {**COLOUR, "title": "It", "default": "red"}


def test_properties_add_up_when_several_references_are_merged() -> None:
    it = reduce_schema(SCHEMAS["allOf of two"])["properties"]["it"]
    assert set(it["properties"]) == {"x", "next", "value"}
    it = reduce_schema(SCHEMAS["allOf and properties"])["properties"]["it"]
    assert (set(it["properties"]), it["required"]) == ({"x", "y"}, ["x", "y"])


@pytest.mark.parametrize(
    "beside", [{}, {"description": "A colour"}, {"default": "red"}, {"description": "A", "default": "red"}]
)
def test_reference_stays_when_google_takes_what_is_beside_it(beside: dict[str, Any]) -> None:
    schema = holding({"$ref": "#/$defs/Colour", **beside}, **{"$defs": {"Colour": COLOUR}})
    assert reduce_schema(schema) == schema


def test_reference_stays_in_its_own_definition_when_it_is_recursive() -> None:
    definitions = reduce_schema(SCHEMAS["recursive"])["$defs"]
    assert definitions["Node"]["properties"]["next"] == {"$ref": "#/$defs/Node"}


def test_names_are_no_keywords_when_properties_are_called_like_them() -> None:
    names = ("$ref", "allOf", "$defs", "definitions", "const")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert reduce_schema(schema) == schema


def test_schema_stays_small_when_definitions_double_at_each_step() -> None:
    definitions: dict[str, Any] = {"d0": COLOUR}
    for index in range(1, 400):
        reference = {"$ref": f"#/$defs/d{index - 1}", "title": "x"}
        definitions[f"d{index}"] = {"type": "object", "properties": {"a": reference, "b": reference}}
    schema = holding({"$ref": "#/$defs/d399", "title": "x"}, **{"$defs": definitions})
    reduced = reduce_schema(schema)
    assert find_faults(reduced) == []
    assert len(json.dumps(reduced)) < 40 * len(json.dumps(schema))


REFERENCES = st.sampled_from(["#/$defs/A", "#/$defs/B", "#/definitions/A", "#/properties/p", "#", "#/$defs/absent"])
LEAVES = st.one_of(
    st.just({"type": "string"}),
    st.fixed_dictionaries(
        {"$ref": REFERENCES}, optional={"title": st.just("T"), "description": st.just("D"), "type": st.just("object")}
    ),
)
ANY_SCHEMA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)}
        ),
        st.fixed_dictionaries({"allOf": st.lists(inner, max_size=3)}, optional={"title": st.just("T")}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(ANY_SCHEMA, ANY_SCHEMA, ANY_SCHEMA)
def test_nothing_is_refused_when_any_schema_refers_to_any_other(root: Any, first: Any, second: Any) -> None:
    schema = {"type": "object", "properties": {"p": root}, "$defs": {"A": first, "B": second}}
    faults = find_faults(reduce_schema(schema))
    assert [fault for fault in faults if "absent" not in fault] == []


@pytest.mark.parametrize(
    "content",
    [
        '{"$ref": "#/a"}', '{"a": [{"b": {"$ref": 1}}]}', '{"properties": {"v": {"$ref": "#/$defs/h"}}}', '[{"$ref": "#/a"}]',
    ],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
def test_result_goes_as_text_when_it_holds_a_reference(provider: str, content: str) -> None:
    assert response_of(content, provider) == {"content": content}


@pytest.mark.parametrize("content", ['{"a": 1}', '{"a": "$ref"}', '{"ref": {"$id": 1}}'])
def test_result_stays_an_object_when_it_holds_none(content: str) -> None:
    assert response_of(content, "gemini") == json.loads(content)


def response_of(content: str, provider: str) -> Any:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    ]
    body = body_for("gemini-3-pro-preview", provider, messages=messages)
    return body["contents"][2]["parts"][0]["functionResponse"]["response"]
