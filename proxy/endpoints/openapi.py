"""GET openapi.json and routes: what the gateway serves, for programs."""

from flask import Blueprint, Response, jsonify

from proxy.web.current import serving_app
from proxy.web.openapi import build_document, list_rules, methods_of

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def show_document() -> Response:
    """The OpenAPI document."""
    return jsonify(build_document(serving_app()))


@blueprint.get("/routes")
def list_routes() -> Response:
    """Each path with its methods."""
    app = serving_app()
    routes = [
        {"path": rule.rule, "methods": [name.upper() for name in methods_of(rule)], "name": rule.endpoint}
        for rule in list_rules(app)
    ]
    return jsonify(routes=routes)
