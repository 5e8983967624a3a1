"""POST chat/completions: one model, or several at once (`"model": "a,b"`)."""

from flask import Blueprint, Response

from proxy.domain.operations import CHAT
from proxy.endpoints.operation import own_error_body, read, respond, route, serve
from proxy.gateway.gateway import split_models
from proxy.web.answers import batch_response
from proxy.web.body import Incoming
from proxy.web.current import current_caller, gateway
from proxy.web.interleaving import interleaved_response
from schemas.chat import ChatSchema

blueprint = Blueprint("chat", __name__)


@route(blueprint, CHAT)
def create_chat_completion(model: str | None = None) -> Response:
    incoming = read(CHAT, ChatSchema, model)
    models = split_models(incoming.call)
    return serve_batch(incoming, models) if models else serve(incoming)


def serve_batch(incoming: Incoming, models: tuple[str, ...]) -> Response:
    """All of `models` in parallel; with `fastest_response` only the first success."""
    own, call = gateway(), incoming.call
    if call.options.fastest_response:
        response = respond(own, incoming, own.run_fastest(call, models))
        response.headers["x-litellm-fastest_response_batch_completion"] = "True"
        return response
    if call.stream:
        return interleaved_response(
            call, models, own.run_interleaved(call, models), own_error_body(own), own.finish, own.stream_cost
        )
    items = own.run_batch(call, models)
    seconds = own.runtime.monotonic() - current_caller().started
    return batch_response(call, items, models, seconds, own_error_body(own))
