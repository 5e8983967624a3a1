"""JSON schemas as Anthropic's structured outputs take them.

They know no bounds, no open objects and no recursion: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_KNOWN = frozenset(
    {"type", "description", "title", "enum", "const", "default", "properties", "required", "additionalProperties"}
    | {"items", "minItems", "anyOf", "allOf", "$defs", "definitions", "format", "pattern"}
)
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
# Deeper schemas are not looked through.
_DEPTH_LIMIT = 64
# Members that hold schemas by name, and as a list.
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")


def fits(schema: Schema) -> bool:
    """True if nothing is lost but bounds: no object is open, no part contains itself, and the depth is sane."""
    for part, depth in _walk(schema):
        if depth > _DEPTH_LIMIT or _is_open(part):
            return False
    return not _is_recursive(schema)


def fits_unchanged(schema: Schema) -> bool:
    """True if the schema can stand as it is."""
    return fits(schema) and close(schema) == schema


def close(schema: Schema) -> dict[str, Any]:
    """The schema with every object closed, and what is not known told in the description instead."""
    if isinstance(schema.get("$ref"), str):
        return {name: _close_value(name, schema[name]) for name in ("$ref", *_NAMED[1:]) if name in schema}
    kept: dict[str, Any] = {}
    told: list[str] = []
    for name, value in schema.items():
        if name == "oneOf":
            kept["anyOf"] = _close_value("anyOf", value)
        elif name in _KNOWN and _is_known(name, value):
            kept[name] = _close_value(name, value)
        elif name not in _ANNOTATIONS:
            told.append(f"{name}: {value}")
    if told:
        kept["description"] = "\n\n".join(filter(None, (kept.get("description"), "{" + ", ".join(told) + "}")))
    if _is_object(schema):
        kept["additionalProperties"] = False
    return kept


def _is_known(name: str, value: Any) -> bool:
    if name == "format":
        return value in _FORMATS
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


def _walk(schema: Schema) -> Iterator[tuple[Schema, int]]:
    """Every schema in this one with its depth; none below the limit's first."""
    waiting = [(schema, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if depth <= _DEPTH_LIMIT:
            waiting.extend((inner, depth + 1) for inner in _parts(part))


def _references(schema: Schema) -> set[str]:
    return {part["$ref"] for part, _ in _walk(schema) if isinstance(part.get("$ref"), str)}


def _is_recursive(schema: Schema) -> bool:
    """True if following the references comes back to one that was followed (`#` is the whole)."""
    graph = {
        f"#/{place}/{name}": _references(definition)
        for place in _NAMED[1:]
        for name, definition in _members(schema.get(place)).items()
        if isinstance(definition, Mapping)
    }
    return "#" in _references(schema) or any(name in _reachable(name, graph) for name in graph)


def _reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph.get(name, ()))
    return seen
