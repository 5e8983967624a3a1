"""What the gateway would do and can do, without calling anyone."""

import orjson
from flask import Blueprint, Response, jsonify, request

from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.endpoints.model_call import gateway, read
from schemas.chat import ChatSchema
from schemas.embeddings import EmbeddingsSchema

blueprint = Blueprint("inspection", __name__)


@blueprint.post("/router/explain")
def explain() -> Response:
    """The plan for a request body: candidates, who is out and why, fallbacks, timeouts, and the first's request."""
    is_chat = "messages" in (request.get_json(silent=True) or {"messages": None})
    incoming = read(CHAT, ChatSchema, None) if is_chat else read(EMBEDDINGS, EmbeddingsSchema, None)
    return jsonify(gateway().explain(incoming.call))


@blueprint.get("/router/state")
def state() -> Response:
    """Where each deployment stands."""
    return jsonify(gateway().router_state())


@blueprint.get("/capabilities")
def list_capabilities() -> Response:
    """What each provider takes."""
    return Response(orjson.dumps(gateway().capabilities()), mimetype="application/json")
