"""GET models and models/{id}: the names that a client may ask for, with a virtual key those that it may use."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.errors import NotFoundError
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def list_models() -> Response:
    """`?return_wildcard_routes=true` adds the patterns, which are no names."""
    patterns = request.args.get("return_wildcard_routes", "").lower() in ("true", "1")
    parts, account = current_parts(), current_caller().account
    names = parts.inspection.models.names(patterns=patterns)
    if account is not None:
        names = parts.access.usable(account, names)
    return jsonify(object="list", data=[_entry(name, owner) for name, owner in names.items()])


@blueprint.get("/models/<path:name>")
def show_model(name: str) -> Response:
    parts, account = current_parts(), current_caller().account
    asked = account.aliases.get(name, name) if account is not None else name
    allowed = account is None or parts.access.may_use(account, asked)
    owner = parts.inspection.models.owner(asked) if allowed else None
    if owner is None:
        raise NotFoundError(f"The model '{name}' does not exist here.", param="model", code="model_not_found")
    return jsonify(_entry(name, owner))


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": current_parts().started_at, "owned_by": owner}
