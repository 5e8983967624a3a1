"""POST messages and messages/count_tokens: Anthropic's Messages, for every model; and what Claude Code asks beside them."""

from flask import Blueprint, Response, jsonify

from proxy.dialects.messages.error import THREAD_UNSUPPORTED
from proxy.domain.call import Call
from proxy.domain.operations import COUNT_TOKENS, MESSAGES, Operation
from proxy.endpoints.operation import View
from proxy.errors import BadRequestError
from proxy.web.identity import public
from proxy.web.serving import current_parts

blueprint = Blueprint("messages", __name__)


def _route(operation: Operation, view: View) -> None:
    view.operation = operation  # type: ignore[attr-defined]
    for path in operation.paths:
        blueprint.add_url_rule(f"/{path}", view_func=view, methods=list(operation.methods))


def create_message() -> Response:
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(_read(MESSAGES)))


def count_tokens() -> Response:
    """The provider's own count where it has a counter, else an estimate: `x-patchbay-token-count` says which."""
    parts = current_parts()
    count = parts.gateway.count_tokens(_read(COUNT_TOKENS))
    response = jsonify(input_tokens=count.tokens)
    response.headers["x-patchbay-token-count"] = "provider" if count.by_provider else "estimated"
    return response


def _read(operation: Operation) -> Call:
    """Conversations that the server keeps belong to one account of Anthropic's: its SDKs send the whole when refused."""
    call = current_parts().reader.read_dialect(operation)
    if call.native is not None and call.native.fields.get("thread") is not None:
        raise BadRequestError("thread is not supported here: send the whole.", param="thread", code=THREAD_UNSUPPORTED)
    return call


@blueprint.route("/api/hello", methods=["HEAD", "GET"])
@public
def greet() -> Response:
    """Claude Code looks whether anything is here."""
    return jsonify(status="ok")


@blueprint.post("/api/event_logging/batch")
@public
def drop_events() -> Response:
    """Claude Code's telemetry, which is for its maker: taken and not kept."""
    return jsonify({})


_route(MESSAGES, create_message)
_route(COUNT_TOKENS, count_tokens)
