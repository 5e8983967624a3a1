"""GET models and models/{id}: the names that a client may ask for."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.errors import NotFoundError
from proxy.web.serving import current_parts

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def list_models() -> Response:
    """`?return_wildcard_routes=true` adds the patterns, which are no names."""
    patterns = request.args.get("return_wildcard_routes", "").lower() in ("true", "1")
    names = current_parts().inspection.models.names(patterns=patterns)
    return jsonify(object="list", data=[_entry(name, owner) for name, owner in names.items()])


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    owner = current_parts().inspection.models.owner(name)
    if owner is None:
        raise NotFoundError(f"The model '{name}' does not exist here.", param="model", code="model_not_found")
    return jsonify(_entry(name, owner))


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": current_parts().started_at, "owned_by": owner}
