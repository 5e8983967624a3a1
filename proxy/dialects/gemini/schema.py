"""Google's schemas as JSON Schemas: types in small letters, `nullable` as a type, numbers that are written as texts.

https://ai.google.dev/api/caching#Schema
"""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.gemini.reading import camel_name, whole_number

_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_SINGLE = frozenset({"items", "additionalProperties", "not"})
# No keywords of JSON Schema.
_GOOGLES = frozenset({"nullable", "propertyOrdering", "example"})


def to_json_schema(schema: Any) -> Any:
    """A schema of either kind. What is no object (`true`, `false`) stays."""
    if not isinstance(schema, Mapping):
        return schema
    built: dict[str, Any] = {}
    for given, value in schema.items():
        name = given if given.startswith("$") else camel_name(given)
        if name == "type":
            built.update(_types(value))
        elif name in _NAMED and isinstance(value, Mapping):
            built[name] = {key: to_json_schema(item) for key, item in value.items()}
        elif name in _LISTS and isinstance(value, list):
            built[name] = [to_json_schema(item) for item in value]
        elif name in _SINGLE:
            built[name] = [to_json_schema(item) for item in value] if isinstance(value, list) else to_json_schema(value)
        elif name in _COUNTS:
            count = whole_number(value)
            built[name] = value if count is None else count
        elif name not in _GOOGLES:
            built[name] = value
    return _with_null(built) if schema.get("nullable") is True else built


def _types(value: Any) -> dict[str, Any]:
    """`OBJECT` is `object`; an unspecified type is none."""
    if isinstance(value, str):
        return {} if value.upper() == "TYPE_UNSPECIFIED" else {"type": value.lower()}
    if isinstance(value, list):
        return {"type": [item.lower() if isinstance(item, str) else item for item in value]}
    return {"type": value}


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema
