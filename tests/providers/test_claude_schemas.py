"""Schemas beyond Anthropic's limits are asked for in another form, those within them natively, on every cloud."""

import json
from typing import Any

import pytest

from proxy.providers.anthropic.strict_limits import measure
from tests.providers.wire_formats import CLAUDE, Wire, body_of, find_all

NULLABLE = {
    "anyOf": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "oneOf": {"oneOf": [{"type": "string"}, {"type": "null"}]},
    "types": {"type": ["string", "null"]},
}


def closed(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> dict[str, Any]:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False, **more}


def unions(count: int, form: str = "anyOf") -> dict[str, Any]:
    return closed({f"p{index}": NULLABLE[form] for index in range(count)})


def nested(count: int) -> dict[str, Any]:
    return closed({"list": {"type": "array", "items": unions(count)}})


def defined(count: int) -> dict[str, Any]:
    """One definition of two unions that is named `count` times."""
    return closed({f"p{index}": {"$ref": "#/$defs/d"} for index in range(count)}, **{"$defs": {"d": unions(2)}})


def optional(count: int) -> dict[str, Any]:
    return closed({"must": {"type": "string"}, **{f"p{index}": {"type": "string"} for index in range(count)}}, ["must"])


def answer_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": schema}}


def tool(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}


def is_native(body: dict[str, Any]) -> bool:
    return "format" in body.get("output_config", {}) or "textFormat" in body.get("outputConfig", {})


def native_schema(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    if "output_config" in body:
        found = body["output_config"]["format"]["schema"]
    else:
        found = json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
    return found


def tool_names(body: dict[str, Any]) -> list[str]:
    tools = body.get("tools") or [item["toolSpec"] for item in body.get("toolConfig", {}).get("tools", [])]
    return [item["name"] for item in tools]


BEYOND = {
    "anyOf": unions(17), "oneOf": unions(17, "oneOf"), "types": unions(17, "types"), "nested": nested(17),
    "defined": defined(9), "optional": optional(25),
}  # fmt: skip
WITHIN = {
    "anyOf": unions(16), "oneOf": unions(16, "oneOf"), "types": unions(16, "types"), "nested": nested(16),
    "defined": defined(8), "optional": optional(24),
}  # fmt: skip


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("kind", BEYOND)
def test_answer_is_asked_for_by_a_tool_when_its_schema_is_beyond_the_limits(wire: Wire, kind: str) -> None:
    body = body_of(wire, response_format=answer_format(BEYOND[kind]))
    assert not is_native(body)
    assert tool_names(body) == ["json_tool_call"]
    assert True not in find_all(body, "strict")
    assert BEYOND[kind]["properties"] in find_all(body, "properties")


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("kind", WITHIN)
def test_schema_goes_native_when_it_is_within_the_limits(wire: Wire, kind: str) -> None:
    body = body_of(wire, response_format=answer_format(WITHIN[kind]))
    assert is_native(body)
    assert tool_names(body) == []


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
def test_tool_is_not_strict_when_its_schema_is_beyond_the_limits(wire: Wire) -> None:
    body = body_of(wire, tools=[tool("big", unions(17)), tool("small", unions(2))])
    assert tool_names(body) == ["big", "small"]
    assert find_all(body, "strict") == [True]


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize(("count", "strict"), [(1, 1), (20, 20), (21, 20), (40, 20)])
def test_twenty_tools_are_strict_when_there_are_more(wire: Wire, count: int, strict: int) -> None:
    body = body_of(wire, tools=[tool(f"t{index}", closed({"a": {"type": "string"}})) for index in range(count)])
    assert len(tool_names(body)) == count
    assert find_all(body, "strict") == [True] * strict


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("make", [unions, optional])
def test_format_and_tools_share_the_limits_when_both_are_strict(wire: Wire, make: Any) -> None:
    most = 16 if make is unions else 24
    tools = [tool("fits", make(most - 10)), tool("too_much", make(1))]
    body = body_of(wire, tools=tools, response_format=answer_format(make(10)))
    assert is_native(body)
    assert tool_names(body) == ["fits", "too_much"]
    assert find_all(body, "strict") == [True]


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize(
    "schema",
    [
        closed({"a": {"$ref": "https://schemas.example/a.json"}}),
        closed({"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}),
        closed({"a": {"allOf": [{"$ref": "#/$defs/d"}]}}, **{"$defs": {"d": {"type": "string"}}}),
        closed({"a": {"enum": [{"x": 1}, [2]]}}),
        closed({"a": {"$ref": "#"}}),
        closed({"a": {"$ref": "#/$defs/a"}}, **{"$defs": {"a": closed({"b": {"$ref": "#/$defs/a"}})}}),
    ],
)
def test_answer_is_asked_for_by_a_tool_when_its_schema_has_a_form_that_is_not_compiled(
    wire: Wire, schema: dict[str, Any]
) -> None:
    assert not is_native(body_of(wire, response_format=answer_format(schema)))


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize(
    ("pattern", "stays"), [("^[a-z]+$", True), ("(?:a|b)", True), ("(?=a)b", False), (r"\bword", False)]
)
def test_pattern_becomes_words_when_it_is_not_compiled(wire: Wire, pattern: str, stays: bool) -> None:
    body = body_of(wire, response_format=answer_format(closed({"a": {"type": "string", "pattern": pattern}})))
    sent = native_schema(body)["properties"]["a"]
    assert ("pattern" in sent) is stays
    assert pattern in sent["pattern" if stays else "description"]


def test_definitions_are_counted_where_they_are_named_when_they_double_at_each_step() -> None:
    definitions: dict[str, Any] = {"d0": unions(1)}
    for index in range(1, 200):
        reference = {"$ref": f"#/$defs/d{index - 1}"}
        definitions[f"d{index}"] = closed({"a": reference, "b": reference})
    schema = closed({"a": {"$ref": "#/$defs/d199"}}, **{"$defs": definitions})
    assert measure(schema).is_too_much
    assert measure(defined(3)).unions == 6
    assert measure(optional(3)) == (0, 3)
