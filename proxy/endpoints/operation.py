"""What the endpoints that call a model share: their paths, and one call from body to response."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from proxy.domain.answer import Answer, StreamEnd
from proxy.domain.attempt import Outcome
from proxy.domain.call import NO_OPTIONS
from proxy.domain.operations import Operation
from proxy.domain.usage import Usage
from proxy.errors import GatewayError
from proxy.gateway.gateway import Gateway
from proxy.web.answers import answer_response, stream_response
from proxy.web.body import Incoming, read_call
from proxy.web.current import current_caller, current_request, gateway, serving_app
from proxy.web.errors import error_body
from schemas.request import RequestSchema

View = Callable[..., Any]


def route(blueprint: Blueprint, operation: Operation) -> Callable[[View], View]:
    """All paths of an operation: OpenAI's, the Azure style and the older engines; the latter two name the model."""

    def decorate(view: View) -> View:
        for prefix in ("", "/engines/<path:model>", "/openai/deployments/<path:model>"):
            for path in operation.paths:
                blueprint.add_url_rule(f"{prefix}/{path}", view_func=view, methods=list(operation.methods))
        return view

    return decorate


def read(operation: Operation, schema: type[RequestSchema], model: str | None) -> Incoming:
    """The request that is being served, as a call. Raise ServiceUnavailableError while the gateway is stopping."""
    extensions = serving_app().extensions
    own: Gateway = extensions["gateway"]
    own.check_open()
    patience = extensions["patience"]
    default = own.default_model(operation)
    incoming = read_call(current_request(), own.runtime, current_caller(), operation, schema, model, default, patience)
    if incoming.call.options is NO_OPTIONS:
        return incoming  # Its client brought nothing that would have to be admitted.
    call, ignored = own.admission.admit(incoming.call)
    return Incoming(call, (*incoming.ignored, *ignored))


def serve(incoming: Incoming) -> Response:
    """Run one call for one model and answer with what came of it."""
    own = gateway()
    return respond(own, incoming, own.run(incoming.call))


def respond(own: Gateway, incoming: Incoming, outcome: Outcome) -> Response:
    """A whole answer or a stream, with the headers that tell of it."""
    call = incoming.call
    seconds = own.runtime.monotonic() - current_caller().started
    base_url = own.base_url(outcome.deployment)
    reply = outcome.reply
    if isinstance(reply, Answer):
        return answer_response(call, outcome, reply, seconds, base_url, incoming.ignored, own.secrets.mask)

    def on_end(end: StreamEnd) -> None:
        own.finish(call, outcome, end)

    def price(usage: Usage) -> float | None:
        return own.stream_cost(call, outcome, usage)

    keep = own.logs_content(call)
    error_body = own_error_body(own)
    mask = own.secrets.mask
    return stream_response(
        call, outcome, reply, seconds, base_url, incoming.ignored, mask, error_body, on_end, price, keep
    )


def own_error_body(own: Gateway) -> Callable[[GatewayError], bytes]:
    return lambda error: error_body(error, own.secrets.mask)
