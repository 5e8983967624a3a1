"""JSON schemas as Anthropic's structured outputs take them.

They know no bounds, no open objects and no recursion: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_KNOWN = frozenset(
    {"type", "description", "title", "enum", "const", "default", "properties", "required", "additionalProperties"}
    | {"items", "minItems", "anyOf", "allOf", "$defs", "definitions", "format", "pattern"}
)
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
# Look-around, word boundaries and references to groups.
_UNKNOWN_IN_PATTERNS = re.compile(r"\(\?(?!:)|\\[bB1-9]")
# Deeper schemas are not looked through.
_DEPTH_LIMIT = 64
# Anthropic refuses grammars that get too large, and says no number; larger ones aren't worth the look.
_PARTS_LIMIT = 1000
# Members that hold schemas by name, and as a list.
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")


def fits(schema: Schema) -> bool:
    """True if nothing is lost but bounds: no object is open, no part contains itself, and the size is sane."""
    for count, (part, depth) in enumerate(walk(schema)):
        if count > _PARTS_LIMIT or depth > _DEPTH_LIMIT or _is_open(part) or _has_unknown_form(part):
            return False
    return order_definitions(schema) is not None


def fits_unchanged(schema: Schema) -> bool:
    """True if the schema can stand as it is."""
    return fits(schema) and close(schema) == schema


def close(schema: Schema) -> dict[str, Any]:
    """The schema with every object closed, and what is not known described in the description instead."""
    if isinstance(schema.get("$ref"), str):
        return {name: _close_value(name, schema[name]) for name in ("$ref", *_NAMED[1:]) if name in schema}
    kept: dict[str, Any] = {}
    described: list[str] = []
    for name, value in schema.items():
        if name == "oneOf":
            kept["anyOf"] = _close_value("anyOf", value)
        elif name in _KNOWN and _is_known(name, value):
            kept[name] = _close_value(name, value)
        elif name not in _ANNOTATIONS:
            described.append(f"{name}: {value}")
    if described:
        kept["description"] = "\n\n".join(filter(None, (kept.get("description"), "{" + ", ".join(described) + "}")))
    if _is_object(schema):
        kept["additionalProperties"] = False
    return kept


def _is_known(name: str, value: Any) -> bool:
    if name == "format":
        return value in _FORMATS
    if name == "pattern":
        return isinstance(value, str) and _UNKNOWN_IN_PATTERNS.search(value) is None
    return value in (0, 1) if name == "minItems" else True


def _close_value(name: str, value: Any) -> Any:
    if name in _NAMED and isinstance(value, Mapping):
        return {key: close(part) if isinstance(part, Mapping) else part for key, part in value.items()}
    if name in _LISTED and isinstance(value, list):
        return [close(part) if isinstance(part, Mapping) else part for part in value]
    return close(value) if name == "items" and isinstance(value, Mapping) else value


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _is_open(schema: Schema) -> bool:
    if not _is_object(schema):
        return False
    if "additionalProperties" in schema:
        return schema["additionalProperties"] is not False
    return not schema.get("properties")


def _parts(schema: Schema) -> Iterator[Schema]:
    """The schemas that stand directly in this one."""
    values: list[Any] = [schema.get("items")]
    for name in _NAMED:
        values.extend(_members(schema.get(name)).values())
    for name in _LISTED:
        listed = schema.get(name)
        values.extend(listed if isinstance(listed, list) else ())
    return (value for value in values if isinstance(value, Mapping))


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def walk(schema: Schema, *, definitions: bool = True) -> Iterator[tuple[Schema, int]]:
    """Every schema in this one with its depth; none below the limit's first, and none of its definitions if so asked."""
    waiting = [(schema, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if depth <= _DEPTH_LIMIT:
            own = part if definitions or depth else {name: part[name] for name in part if name not in _NAMED[1:]}
            waiting.extend((inner, depth + 1) for inner in _parts(own))


def list_definitions(schema: Schema) -> dict[str, Schema]:
    """The definitions at the schema's root by the reference to them, `#/$defs/name`."""
    return {
        f"#/{place}/{name}": definition
        for place in _NAMED[1:]
        for name, definition in _members(schema.get(place)).items()
        if isinstance(definition, Mapping)
    }


def order_definitions(schema: Schema) -> list[str] | None:
    """The definitions, each after those that it refers to; None if that leads back to one of them, or to the whole."""
    graph = {name: _references(definition) for name, definition in list_definitions(schema).items()}
    if "#" in _references(schema):
        return None
    ordered: dict[str, None] = {}
    entered: set[str] = set()
    waiting = [(name, False) for name in graph]
    while waiting:
        name, is_left = waiting.pop()
        if is_left:
            ordered[name] = None
        elif name in entered:
            if name not in ordered:
                return None
        else:
            entered.add(name)
            waiting.append((name, True))
            waiting.extend((other, False) for other in graph[name] if other in graph and other not in ordered)
    return list(ordered)


def _references(schema: Schema) -> set[str]:
    return {part["$ref"] for part, _ in walk(schema) if isinstance(part.get("$ref"), str)}


def _has_unknown_form(part: Schema) -> bool:
    """True for what Anthropic compiles in no way: references elsewhere, allOf with references, enums of objects."""
    reference, pieces, values = part.get("$ref"), part.get("allOf"), part.get("enum")
    if isinstance(reference, str) and not reference.startswith(("#/$defs/", "#/definitions/")):
        return True
    if isinstance(pieces, list) and any(isinstance(piece, Mapping) and "$ref" in piece for piece in pieces):
        return True
    return isinstance(values, list) and any(isinstance(value, Mapping | list) for value in values)
