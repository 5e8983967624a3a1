"""JSON Schemas reduced to the keywords that Gemini documents.

The others are cut: some of them (`$schema`, `discriminator`, `exclusiveMinimum`) make it refuse the whole request.
https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support
"""

from collections.abc import Mapping
from typing import Any

_TAKEN = frozenset({
    "type", "format", "title", "description", "default", "enum", "nullable", "required", "minItems", "maxItems",
    "minimum", "maximum", "minLength", "maxLength", "minProperties", "maxProperties", "pattern", "uniqueItems",
    "propertyOrdering", "$ref", "$id", "$anchor",
})  # fmt: skip
_SCHEMAS = frozenset({"items", "additionalProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs"})


def reduce_schema(schema: object) -> Any:
    """A schema with what Gemini takes; booleans (`additionalProperties: false`) stay as they are."""
    if not isinstance(schema, Mapping):
        return schema
    reduced: dict[str, Any] = {}
    for keyword, value in _merge_all_of(schema).items():
        if keyword in _TAKEN:
            reduced[keyword] = value.replace("#/definitions/", "#/$defs/") if keyword == "$ref" else value
        elif keyword in _SCHEMAS:
            reduced[keyword] = reduce_schema(value)
        elif keyword in _LISTS and isinstance(value, list):
            reduced[keyword] = [reduce_schema(item) for item in value]
        elif keyword in _NAMED and isinstance(value, Mapping):
            reduced[keyword] = {name: reduce_schema(item) for name, item in value.items()}
        elif keyword == "definitions" and isinstance(value, Mapping):
            reduced["$defs"] = {name: reduce_schema(item) for name, item in value.items()}
        elif keyword == "const":
            reduced["enum"] = [value]
    return reduced


def _merge_all_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """`allOf`, which Gemini doesn't know, laid into the schema itself: its own keywords win, properties add up."""
    merged: dict[str, Any] = {}
    pieces = schema.get("allOf")
    for piece in (*(pieces if isinstance(pieces, list) else ()), {k: v for k, v in schema.items() if k != "allOf"}):
        if isinstance(piece, Mapping):
            properties = {**merged.get("properties", {}), **(piece.get("properties") or {})}
            required = [*merged.get("required", ()), *(piece.get("required") or ())]
            merged |= piece
            merged |= ({"properties": properties} if properties else {}) | ({"required": required} if required else {})
    return merged
