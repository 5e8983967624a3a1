"""The OpenAPI document of the application: its routes, and the shapes of their bodies from the marshmallow schemas."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from proxy import __version__
from proxy.domain.operations import Operation
from schemas import fields, gemini
from schemas.request import OPTION_FIELDS, RequestSchema

_TYPES: Mapping[type, str] = {
    fields.Text: "string",
    fields.Flag: "boolean",
    fields.Number: "number",
    fields.Object: "object",
    fields.ListOf: "array",
    gemini.OneOrMany: "array",
}
# The other prefixes serve the same.
_REPEATED = re.compile(r"/(?:v1/v1|openai/v1|v1/v1beta|v1/v1alpha)(?:/|$)")
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
_SENTENCE = re.compile(r"^(.+?[.:])(?:\s|$)")


def build_document(app: Flask) -> dict[str, Any]:
    """OpenAPI 3.0.3. https://spec.openapis.org/oas/v3.0.3"""
    # Only those who ask for the document pay for the library.
    from apispec import APISpec  # noqa: PLC0415
    from apispec.ext.marshmallow import MarshmallowPlugin  # noqa: PLC0415

    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: type(schema).__name__ if schema else "")
    spec = APISpec("Patchbay", __version__, "3.0.3", plugins=[plugin], security=[{"bearer": []}])
    for field, kind in _TYPES.items():
        plugin.map_to_openapi_type(field, kind, None)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for rule in list_rules(app):
        view = app.view_functions[rule.endpoint]
        operation: Operation | None = getattr(view, "operation", None)
        path = _ARGUMENT.sub(r"{\1}", rule.rule)
        entry = _entry(path, view.__doc__, operation)
        spec.path(path, operations={method: dict(entry) for method in methods_of(rule)})
    document: dict[str, Any] = spec.to_dict()
    return document


def list_rules(app: Flask) -> Iterator[Rule]:
    """Each route once, without the further prefixes that serve the same."""
    seen: set[str] = set()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule not in seen and not _REPEATED.match(rule.rule):
            seen.add(rule.rule)
            yield rule


def methods_of(rule: Rule) -> list[str]:
    return sorted(method.lower() for method in (rule.methods or ()) if method not in ("HEAD", "OPTIONS"))


def _entry(path: str, text: str | None, operation: Operation | None) -> dict[str, Any]:
    """One method of a path. A body without a model's name in the path is the operation's schema."""
    arguments = re.findall(r"{(\w+)}", path)
    entry: dict[str, Any] = {"summary": summary_of(text), "responses": {"200": {"description": "The answer."}}}
    if arguments:
        entry["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in arguments
        ]
    if operation is not None:
        entry["tags"] = [operation.name]
        if operation.body != "none":
            kind = "multipart/form-data" if operation.body == "multipart" else "application/json"
            entry["requestBody"] = {"required": True, "content": {kind: {"schema": shown_schema(operation.schema)}}}
    return entry


def summary_of(text: str | None) -> str:
    """The first sentence of a view's docstring."""
    line = " ".join((text or "").split())
    found = _SENTENCE.match(line)
    return (found[1] if found else line).rstrip(":")


def shown_schema(schema: type[RequestSchema]) -> RequestSchema:
    """The members of the API itself; the gateway's own options, the same for all, are left out."""
    own = OPTION_FIELDS - schema.provider_members
    return schema(exclude=[name for name in schema().fields if name in own])
