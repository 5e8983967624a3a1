"""POST models/{model}:generateContent and its kin: Google's Gemini API, for every model."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import (
    BATCH_EMBED_CONTENTS,
    COUNT_CONTENT,
    EMBED_CONTENT,
    GENERATE_CONTENT,
    STREAM_CONTENT,
    STREAM_CONTENT_ARRAY,
    Operation,
)
from proxy.errors import BadRequestError
from proxy.web.serving import current_parts

blueprint = Blueprint("gemini", __name__)

# Google's versions; the other prefixes are those of all endpoints.
_VERSIONS = ("", "/v1beta", "/v1alpha")


def _route(operation: Operation, view: Callable[[str], Response]) -> None:
    view.operation = operation  # type: ignore[attr-defined]
    for path in operation.paths:
        for version in _VERSIONS:
            rule = f"{version}/{path.replace('{model}', '<path:model>')}"
            blueprint.add_url_rule(rule, view_func=view, methods=list(operation.methods))


def generate_content(model: str) -> Response:
    return _serve(GENERATE_CONTENT, model, stream=False)


def stream_content(model: str) -> Response:
    """Events where `alt=sse` is in the query, else one JSON array."""
    is_sse = request.args.get("alt", "").lower() == "sse"
    return _serve(STREAM_CONTENT if is_sse else STREAM_CONTENT_ARRAY, model, stream=True)


def embed_content(model: str) -> Response:
    return _serve(EMBED_CONTENT, model, stream=False)


def batch_embed_contents(model: str) -> Response:
    return _serve(BATCH_EMBED_CONTENTS, model, stream=False)


def count_tokens(model: str) -> Response:
    """The provider's own count where it has a counter, else an estimate: `x-patchbay-token-count` says which."""
    parts = current_parts()
    call = parts.reader.read_dialect(COUNT_CONTENT, model)
    _check_counted(call)
    count = parts.gateway.count_tokens(call)
    is_googles = count.answer is not None and count.answer.form == COUNT_CONTENT.dialect
    body = count.answer.body if count.answer is not None and is_googles else dumps({"totalTokens": count.tokens})
    response = Response(body, mimetype="application/json")
    response.headers["x-patchbay-token-count"] = "provider" if count.by_provider else "estimated"
    return response


def _serve(operation: Operation, model: str, *, stream: bool) -> Response:
    parts = current_parts()
    return parts.presenter.respond(parts.gateway.serve(parts.reader.read_dialect(operation, model, stream)))


def _check_counted(call: Call) -> None:
    fields = call.observed_fields
    if not any(fields.get(name) for name in ("contents", "generateContentRequest", "generate_content_request")):
        raise BadRequestError("Missing required parameter: 'contents'.", param="contents")


_route(GENERATE_CONTENT, generate_content)
_route(STREAM_CONTENT, stream_content)
_route(COUNT_CONTENT, count_tokens)
_route(EMBED_CONTENT, embed_content)
_route(BATCH_EMBED_CONTENTS, batch_embed_contents)
