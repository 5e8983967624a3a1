"""GET models and models/{id}: the names that a client may ask for."""

from typing import Any

from flask import Blueprint, Response, jsonify

from proxy.errors import NotFoundError
from proxy.web.current import gateway

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def list_models() -> Response:
    own = gateway()
    return jsonify(object="list", data=[_entry(name, owner) for name, owner in own.model_names().items()])


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    names = gateway().model_names()
    if name not in names:
        raise NotFoundError(f"The model '{name}' does not exist here.", param="model", code="model_not_found")
    return jsonify(_entry(name, names[name]))


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": gateway().started_at, "owned_by": owner}
