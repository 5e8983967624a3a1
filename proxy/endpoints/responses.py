"""OpenAI's Responses API for every model: answers, what is kept of them, and what is counted or compacted."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from proxy.domain.call import Call, Pin
from proxy.domain.json_text.document import Document
from proxy.domain.operations import COMPACT_RESPONSE, COUNT_RESPONSE_TOKENS, RESPONSES, STORED_RESPONSE, Operation
from proxy.endpoints.operation import View
from proxy.errors import BadRequestError, GatewayError, MethodNotAllowedError
from proxy.gateway.conversations import owner_of
from proxy.web.bodiless import read_bodiless
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

blueprint = Blueprint("responses", __name__)
_STORED = "/responses/<identifier>"
_MOST_LISTED = 100


def _answers(operation: Operation, rule: str, *methods: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        blueprint.add_url_rule(rule, view_func=view, methods=list(methods))
        return view

    return decorate


@_answers(RESPONSES, "/responses", "POST")
def create_response() -> Response:
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(_read(RESPONSES)))


@blueprint.get("/responses")
def refuse_socket() -> Response:
    """Clients that would rather speak WebSocket use HTTP at once after this status."""
    if request.headers.get("upgrade", "").lower() == "websocket":
        raise GatewayError(
            "WebSockets are not served here: use HTTP.",
            status_code=426,
            error_type="invalid_request_error",
            code="websocket_not_supported",
        )
    raise MethodNotAllowedError(f"GET is not allowed at {request.path}; use POST.")


@_answers(COMPACT_RESPONSE, "/responses/compact", "POST")
def compact_response() -> Response:
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(_read(COMPACT_RESPONSE)))


@_answers(COUNT_RESPONSE_TOKENS, "/responses/input_tokens", "POST")
def count_input_tokens() -> Response:
    """The provider's own count where it has a counter, else an estimate: `x-patchbay-token-count` says which."""
    count = current_parts().gateway.count_tokens(_read(COUNT_RESPONSE_TOKENS))
    response = jsonify(object="response.input_tokens", input_tokens=count.tokens)
    response.headers["x-patchbay-token-count"] = "provider" if count.by_provider else "estimated"
    return response


@_answers(STORED_RESPONSE, _STORED, "GET")
def retrieve_response(identifier: str) -> Response:
    parts = current_parts()
    name = parts.conversations.find(identifier, _owner())
    if name.deployment is not None:
        return _ask_keeper(identifier)
    return jsonify(parts.conversations.kept(name, identifier).response)


@_answers(STORED_RESPONSE, _STORED, "DELETE")
def delete_response(identifier: str) -> Response:
    parts = current_parts()
    name = parts.conversations.find(identifier, _owner())
    if name.deployment is not None:
        return _ask_keeper(identifier, method="DELETE")
    parts.conversations.delete(name, identifier)
    return jsonify(id=identifier, object="response", deleted=True)


@_answers(STORED_RESPONSE, f"{_STORED}/input_items", "GET")
def list_input_items(identifier: str) -> Response:
    parts = current_parts()
    name = parts.conversations.find(identifier, _owner())
    if name.deployment is not None:
        return _ask_keeper(identifier, "/input_items")
    kept = parts.conversations.kept(name, identifier).items
    items = [{"id": f"item_{position}", **item} for position, item in enumerate(kept)]
    if request.args.get("order", "desc") != "asc":
        items.reverse()
    after = request.args.get("after")
    start = next((place for place, item in enumerate(items, 1) if item["id"] == after), 0)
    limit = request.args.get("limit", 20, type=int)
    listed = items[start : start + max(1, min(limit, _MOST_LISTED))]
    return jsonify(
        object="list",
        data=listed,
        first_id=listed[0]["id"] if listed else None,
        last_id=listed[-1]["id"] if listed else None,
        has_more=start + len(listed) < len(items),
    )


@_answers(STORED_RESPONSE, f"{_STORED}/cancel", "POST")
def cancel_response(identifier: str) -> Response:
    name = current_parts().conversations.find(identifier, _owner())
    if name.deployment is not None:
        return _ask_keeper(identifier, "/cancel", "POST")
    raise BadRequestError("Only background responses can be cancelled.", param="response_id")


def _read(operation: Operation) -> Call:
    parts = current_parts()
    return parts.conversations.resume(parts.reader.read_dialect(operation))


def _owner() -> str:
    return owner_of(current_caller().account)


def _ask_keeper(identifier: str, below: str = "", method: str = "GET") -> Response:
    """Ask the deployment that keeps the answer."""
    parts = current_parts()
    name = parts.conversations.find(identifier, _owner())
    query = request.query_string.decode("ascii", "replace")
    native = Document.of({"model": name.model, "id": name.key, "below": below, "method": method, "query": query})
    streams = method == "GET" and request.args.get("stream", "").lower() == "true"
    call = read_bodiless(parts, STORED_RESPONSE, name.model, native, stream=streams)
    pin = None if name.deployment is None else Pin(name.deployment, name.model)
    call = call._replace(conversation=parts.conversations.conversation(name.owner), pin=pin)
    return parts.presenter.respond(parts.gateway.serve(call))
