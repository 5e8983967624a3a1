"""What a request to a provider says, whatever the wire format it says it in."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# (role, kind, value). Roles: user, assistant, tool. Kinds and values:
#   text    the text                          image, file  {"sha": first 16 hex digits of SHA-256, "mime": type}
#   call    {"name", "args", "signature"?}    result       {"call": position among the calls of the request, "text"}
#   think   {"text", "signature"?, "details"?}
Atom = tuple[str, str, Any]


@dataclass
class Facts:
    """One request, reduced to what both sides of a translation must agree on.

    `params` holds the sampling parameters under OpenAI's names (`max_tokens` for every spelling of it); `reasoning`
    is in the provider's own words; `extra` is every other member of the body; `cache` counts the cache marks.
    """

    model: str
    stream: bool = False
    system: str = ""
    atoms: list[Atom] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    tool_choice: Any = None
    parallel: bool | None = None
    params: dict[str, Any] = field(default_factory=dict)
    format: dict[str, Any] | None = None
    reasoning: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    cache: int = 0


@dataclass
class EmbeddingFacts:
    """An embeddings request. `input` is always a list; `dimensions` None is the model's own."""

    model: str
    input: list[Any]
    dimensions: int | None = None
    encoding_format: str | None = None


_SCHEMA_WORDS = ("type", "enum", "const", "format", "minimum", "maximum", "minItems", "maxItems")


def reduce_schema(schema: Any, root: Any = None) -> Any:
    """A JSON schema without what formats may lose: titles, additionalProperties, order, spacing, references."""
    if not isinstance(schema, Mapping):
        return schema
    root = schema if root is None else root
    if "$ref" in schema:
        return reduce_schema(_resolve(schema["$ref"], root), root)
    reduced: dict[str, Any] = {word: schema[word] for word in _SCHEMA_WORDS if word in schema}
    if isinstance(reduced.get("type"), str):
        reduced["type"] = reduced["type"].lower()
    if schema.get("properties"):
        reduced["properties"] = {name: reduce_schema(value, root) for name, value in schema["properties"].items()}
        reduced.setdefault("type", "object")
    if schema.get("required"):
        reduced["required"] = sorted(schema["required"])
    if "items" in schema:
        reduced["items"] = reduce_schema(schema["items"], root)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            reduced[word] = [reduce_schema(branch, root) for branch in schema[word]]
    if schema.get("description") and schema is not root:
        reduced["description"] = "".join(schema["description"].split())
    return reduced


def _resolve(reference: str, root: Any) -> Any:
    for name in reference.removeprefix("#/").split("/"):
        root = root[name]
    return root


def media(content: bytes, mime: str) -> dict[str, str]:
    """The value of an image or file atom."""
    return {"sha": hashlib.sha256(content).hexdigest()[:16], "mime": mime}


def join_texts(atoms: Iterable[Atom]) -> list[Atom]:
    """Neighbouring texts of one role as one: formats may or may not keep the seam."""
    joined: list[Atom] = []
    for role, kind, value in atoms:
        if kind == "text" and joined and joined[-1][:2] == (role, "text"):
            joined[-1] = (role, "text", joined[-1][2] + "\n" + value)
        else:
            joined.append((role, kind, value))
    return joined
