"""GET /docs: what the gateway serves, for people. Plain HTML from the OpenAPI document: no scripts, nothing from elsewhere."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Blueprint, Response

from proxy.pages.page import TEMPLATES, guarded, page
from proxy.web.current import serving_app
from proxy.web.openapi import build_document

blueprint = Blueprint("api", __name__, template_folder=str(TEMPLATES))


class Route(NamedTuple):
    """`members` are (name, type, whether it is required) of the request's body."""

    method: str
    path: str
    summary: str
    members: tuple[tuple[str, str, bool], ...]


@blueprint.get("/docs")
@guarded
def show_docs() -> Response:
    """Paths, methods and members of bodies."""
    document = build_document(serving_app())
    return page("docs.html", routes=list(_routes(document)), version=document["info"]["version"])


def _routes(document: dict[str, Any]) -> Iterator[Route]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            yield Route(method.upper(), path, entry.get("summary", ""), tuple(_members(entry, schemas)))


def _members(entry: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for body in entry.get("requestBody", {}).get("content", {}).values():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        schema = schemas.get(name, {})
        for member, described in schema.get("properties", {}).items():
            yield member, described.get("type", "any"), member in schema.get("required", ())
