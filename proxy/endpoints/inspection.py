"""What the gateway would do and can do, without calling anyone."""

from collections.abc import Mapping

import orjson
from flask import Blueprint, Response, jsonify, request

from proxy.domain.call import Call
from proxy.domain.operations import CHAT, MESSAGES, Operation, identify
from proxy.errors import BadRequestError
from proxy.gateway.model_access import split_models
from proxy.gateway.several_models import check_batch
from proxy.web.body import RequestReader, check_body
from proxy.web.serving import current_parts
from schemas.request import RequestSchema

blueprint = Blueprint("inspection", __name__)

# The operation of a body in a dialect other than OpenAI's.
_OF_DIALECT: Mapping[str, Operation] = {"messages": MESSAGES}


@blueprint.post("/router/explain")
def explain() -> Response:
    """The plan for a request body: candidates, exclusions with reasons, fallbacks, timeouts, and the first's request.

    For several models at once a plan each, under `plans`.
    """
    parts = current_parts()
    inspection = parts.inspection
    call = parts.gateway.admit(_read_any(parts.reader))
    models = split_models(call)
    if models:
        check_batch(call, models)
        return jsonify(plans=[inspection.explain(call.asking(model)) for model in models])
    return jsonify(inspection.explain(call))


def _read_any(reader: RequestReader) -> Call:
    """The body as the operation that it looks like; `?dialect=messages` names the wire form of one that is not OpenAI's."""
    dialect = request.args.get("dialect", "openai")
    if dialect != "openai":
        if dialect not in _OF_DIALECT:
            raise BadRequestError(f"dialect is one of openai, {', '.join(_OF_DIALECT)}.", param="dialect")
        return reader.read_dialect(_OF_DIALECT[dialect])
    call = reader.read(CHAT, schema=RequestSchema)
    operation = identify(call.fields)
    check_body(operation.schema, {**call.fields, "model": call.model})
    return call._replace(operation=operation, stream=call.stream and operation.streams)


@blueprint.get("/router/state")
def state() -> Response:
    """The state of each deployment."""
    return jsonify(current_parts().inspection.router_state())


@blueprint.get("/capabilities")
def list_capabilities() -> Response:
    """What each provider takes."""
    return Response(orjson.dumps(current_parts().inspection.capabilities()), mimetype="application/json")
