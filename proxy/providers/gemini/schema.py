"""JSON Schemas reduced to the keywords that Gemini documents.

The others are cut: some of them (`$schema`, `discriminator`, `exclusiveMinimum`) make it refuse the whole request. A
reference is refused unless it names a definition at the root and has nothing but a description and a default beside it:
then what it refers to is laid in.
https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support and https://ai.google.dev/api/caching#Schema
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]

_TAKEN = frozenset({
    "type", "format", "title", "description", "default", "enum", "nullable", "required", "minItems", "maxItems",
    "minimum", "maximum", "minLength", "maxLength", "minProperties", "maxProperties", "pattern", "uniqueItems",
    "propertyOrdering", "$id", "$anchor",
})  # fmt: skip
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "$defs"})
_BESIDE_REFERENCES = frozenset({"description", "default"})
_DEFINITIONS = ("#/$defs/", "#/definitions/")
# Schemas that are laid in of one schema: a chain of definitions that each name the next twice doubles at every step.
_LAID_IN = 5000
# Laid in in what was laid in itself.
_DEPTH = 32


def reduce_schema(schema: object) -> Any:
    """A schema with what Gemini takes; booleans (`additionalProperties: false`) stay as they are."""
    return _Reducer(schema).reduce(schema, frozenset()) if isinstance(schema, Mapping) else schema


class _Reducer:
    """Reduces one schema; `within` are the references whose targets are being reduced: they can't be laid in again."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._laid_in = 0
        self._depth = 0

    def reduce(self, schema: object, within: frozenset[str]) -> Any:
        if not isinstance(schema, Mapping):
            return {} if isinstance(schema, bool) else schema
        merged, inside = self._lay_in(*self._merge_all_of(schema, within))
        is_laid_in = len(inside) > len(within)
        self._depth += is_laid_in
        self._laid_in += self._depth > 0
        reduced: dict[str, Any] = {}
        for keyword, value in merged.items():
            self._reduce_keyword(reduced, keyword, value, inside)
        self._depth -= is_laid_in
        return reduced

    def _reduce_keyword(self, reduced: dict[str, Any], keyword: str, value: Any, within: frozenset[str]) -> None:
        if keyword in _TAKEN:
            reduced[keyword] = value
        elif keyword == "$ref":
            reduced[keyword] = str(value).replace("#/definitions/", "#/$defs/")
        elif keyword == "additionalProperties":
            reduced[keyword] = value if isinstance(value, bool) else self.reduce(value, within)
        elif keyword == "items" and isinstance(value, list):
            reduced["prefixItems"] = [self.reduce(item, within) for item in value]
        elif keyword == "items":
            reduced[keyword] = self.reduce(value, within)
        elif keyword in _LISTS and isinstance(value, list):
            reduced[keyword] = [self.reduce(item, within) for item in value]
        elif keyword == "const":
            reduced["enum"] = [value]
        elif isinstance(value, Mapping) and keyword == "properties":
            reduced[keyword] = {name: self.reduce(item, within) for name, item in value.items()}
        elif isinstance(value, Mapping) and keyword in ("$defs", "definitions"):
            definitions = reduced.setdefault("$defs", {})
            for name, item in value.items():
                definitions[name] = self.reduce(item, within | {f"#/$defs/{name}"})

    def _lay_in(self, schema: Schema, within: frozenset[str]) -> tuple[Schema, frozenset[str]]:
        """The schema with its reference replaced by what it names, where Gemini wouldn't take the reference."""
        while isinstance(schema.get("$ref"), str) and not _is_taken(schema):
            name = _plain(schema["$ref"])
            target = self._find(name)
            beside = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            if target is None or not self._may_lay_in(name, within):
                return _without_siblings(schema, name), within
            within = within | {name}
            schema, within = self._merge_all_of(_merge((target, beside)), within)
        return schema, within

    def _merge_all_of(self, schema: Schema, within: frozenset[str]) -> tuple[Schema, frozenset[str]]:
        """`allOf`, which Gemini doesn't support, merged into one schema: later keywords win, properties add up.

        A lone reference stays one; several, or one beside keywords of its own, are laid in.
        """
        pieces = schema.get("allOf")
        if not isinstance(pieces, list):
            return schema, within
        own = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        found: list[Schema] = [piece for piece in pieces if isinstance(piece, Mapping)]
        if len(found) == 1:
            return self._merge_all_of(_merge((found[0], own)), within)
        resolved = []
        for piece in found:
            laid_in = piece
            if isinstance(piece.get("$ref"), str):
                laid_in, within = self._resolve(piece, within)
            laid_in, within = self._merge_all_of(laid_in, within)
            resolved.append(laid_in)
        return _merge((*resolved, own)), within

    def _resolve(self, piece: Schema, within: frozenset[str]) -> tuple[Schema, frozenset[str]]:
        name = _plain(piece["$ref"])
        target = self._find(name)
        beside = {keyword: value for keyword, value in piece.items() if keyword != "$ref"}
        if target is None or not self._may_lay_in(name, within):
            return beside, within
        self._laid_in += 1
        return _merge((target, beside)), within | {name}

    def _may_lay_in(self, name: str, within: frozenset[str]) -> bool:
        return name not in within and len(within) < _DEPTH and self._laid_in <= _LAID_IN

    def _find(self, reference: str) -> Schema | None:
        """What a reference of this document (`#`, `#/a/b`) names."""
        found: Any = self._root
        for escaped in reference.removeprefix("#").split("/")[1:]:
            name = unquote(escaped).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(name)] if _is_index(name) and int(name) < len(found) else None
            elif isinstance(found, Mapping):
                found = found.get("definitions" if name == "$defs" and name not in found else name)
        return found if isinstance(found, Mapping) and reference.startswith("#") else None


def _plain(reference: str) -> str:
    return reference.replace("#/definitions/", "#/$defs/", 1)


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 10


def _is_taken(schema: Schema) -> bool:
    """True for a reference that Gemini takes as it is."""
    names_definition = schema["$ref"].startswith(_DEFINITIONS)
    return names_definition and all(
        keyword in _BESIDE_REFERENCES or keyword.startswith("$") or keyword == "definitions" for keyword in schema
    )


def _without_siblings(schema: Schema, reference: str) -> Schema:
    """A reference that can't be laid in, without what may not be beside it; an object where it names no definition."""
    kept = {keyword: schema[keyword] for keyword in _BESIDE_REFERENCES if keyword in schema}
    return {"$ref": reference, **kept} if reference.startswith(_DEFINITIONS) else {"type": "object", **kept}


def _merge(schemas: tuple[Schema, ...]) -> dict[str, Any]:
    """One schema of several: later keywords win, properties, definitions and required names add up."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        for keyword, value in schema.items():
            known = merged.get(keyword)
            if keyword in _NAMED and isinstance(value, Mapping):
                merged[keyword] = known if isinstance(known, dict) else {}
                merged[keyword].update(value)
            elif keyword == "required" and isinstance(value, list):
                merged[keyword] = known if isinstance(known, list) else []
                merged[keyword].extend(value)
            else:
                merged[keyword] = value
    return merged
