"""What the gateway would do and can do, without calling anyone."""

import orjson
from flask import Blueprint, Response, jsonify

from proxy.domain.call import Call
from proxy.domain.operations import CHAT, identify
from proxy.endpoints.operation import read
from proxy.gateway.gateway import split_models
from proxy.web.body import check_body
from proxy.web.current import gateway
from schemas.request import RequestSchema

blueprint = Blueprint("inspection", __name__)


@blueprint.post("/router/explain")
def explain() -> Response:
    """The plan for a request body: candidates, who is out and why, fallbacks, timeouts, and the first's request.

    For several models at once a plan each, under `plans`.
    """
    call = _read_any()
    models = split_models(call)
    if models:
        return jsonify(plans=[gateway().explain(call.asking(model)) for model in models])
    return jsonify(gateway().explain(call))


def _read_any() -> Call:
    call = read(CHAT, RequestSchema, None).call
    operation = identify(call.fields)
    check_body(operation.schema, {**call.fields, "model": call.model})
    return call._replace(operation=operation, stream=call.stream and operation.streams)


@blueprint.get("/router/state")
def state() -> Response:
    """Where each deployment stands."""
    return jsonify(gateway().router_state())


@blueprint.get("/capabilities")
def list_capabilities() -> Response:
    """What each provider takes."""
    return Response(orjson.dumps(gateway().capabilities()), mimetype="application/json")
