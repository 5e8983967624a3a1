"""JSON schemas as Anthropic's structured outputs take them."""

from typing import Any

import pytest

from proxy.providers.anthropic.schema import close, fits

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}


def test_bounds_are_told_in_words_when_the_format_does_not_know_them() -> None:
    schema = {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "In years"},
            "tags": {"type": "array", "minItems": 3, "items": {"type": "string", "format": "binary"}},
            "either": {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "string"}}}]},
        },
    }
    assert close(schema) == {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "description": "In years\n\n{minimum: 0}"},
            "tags": {
                "type": "array",
                "items": {"type": "string", "description": "{format: binary}"},
                "description": "{minItems: 3}",
            },
            "either": {
                "anyOf": [
                    {"type": "null"},
                    {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
                ]
            },
        },
        "additionalProperties": False,
    }


def test_a_reference_stands_alone_when_something_is_beside_it() -> None:
    schema = {"$ref": "#/$defs/A", "description": "x", "$defs": {"A": {"type": "object", "properties": {"a": {}}}}}
    closed = close(schema)
    assert closed["$ref"] == "#/$defs/A"
    assert closed["$defs"]["A"]["additionalProperties"] is False
    assert "description" not in closed


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "fitting"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, False),
        ({"type": "array", "items": {"type": "object", "additionalProperties": True}}, False),
        ({"$defs": {"Node": NODE}, **NODE}, False),
        ({"type": "object", "properties": {"self": {"$ref": "#"}}}, False),
        ({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "string"}}, "$ref": "#/$defs/A"}, True),
        (nested(60), True),
        (nested(500), False),
        ({"type": "string", "$defs": [], "properties": None}, False),
    ],
)
def test_a_schema_fits_when_it_is_closed_and_ends(schema: dict[str, Any], fitting: bool) -> None:
    assert fits(schema) is fitting
