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
            reduced[keyword] = str(value).replace("#/definitions/", "#/$defs/") if keyword == "$ref" else value
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
    pieces = schema.get("allOf")
    if not isinstance(pieces, list):
        return schema
    merged: dict[str, Any] = {}
    for piece in (*pieces, {keyword: value for keyword, value in schema.items() if keyword != "allOf"}):
        if isinstance(piece, Mapping):
            merged = {**merged, **piece, **_added("properties", merged, piece), **_added("required", merged, piece)}
    return merged


def _added(keyword: str, merged: Mapping[str, Any], piece: Mapping[str, Any]) -> dict[str, Any]:
    """What both say under a keyword whose values add up."""
    one, other = merged.get(keyword), piece.get(keyword)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {keyword: {**one, **other}}
    return {keyword: [*one, *other]} if isinstance(one, list) and isinstance(other, list) else {}
