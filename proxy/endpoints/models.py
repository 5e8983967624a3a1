"""GET models and models/{id}: the names that a client may ask for."""

from typing import Any

from flask import Blueprint, Response, jsonify

from proxy.errors import NotFoundError
from proxy.web.serving import current_parts

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def list_models() -> Response:
    names = current_parts().inspection.model_names()
    return jsonify(object="list", data=[_entry(name, owner) for name, owner in names.items()])


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    names = current_parts().inspection.model_names()
    if name not in names:
        raise NotFoundError(f"The model '{name}' does not exist here.", param="model", code="model_not_found")
    return jsonify(_entry(name, names[name]))


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": current_parts().started_at, "owned_by": owner}
