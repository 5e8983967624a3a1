"""Replies into HTTP responses."""

from collections.abc import Callable, Iterable, Sequence

import orjson
from flask import Response

from proxy.domain.answer import Answer, StreamReply
from proxy.domain.attempt import Outcome
from proxy.domain.call import Call
from proxy.domain.operations import CHAT
from proxy.errors import GatewayError
from proxy.fastpath.flask_response import PlainResponse
from proxy.web import streaming
from proxy.web.headers import Mask, call_headers, outcome_headers


def answer_body(call: Call, answer: Answer, seconds: float) -> bytes:
    """The provider's bytes; a chat completion gets `_response_ms`, as the page shows it."""
    if call.operation is not CHAT:
        return answer.body
    opened = answer.body.rstrip()[:-1]
    separator = b"" if opened.rstrip().endswith(b"{") else b","
    return b'%b%b"_response_ms":%.3f}' % (opened, separator, seconds * 1000)


def answer_response(
    call: Call,
    outcome: Outcome,
    answer: Answer,
    seconds: float,
    base_url: str | None,
    ignored: Sequence[str],
    mask: Mask,
) -> Response:
    headers = call_headers(call.id, call.requester.request_id) + outcome_headers(
        outcome, base_url, seconds, (*answer.dropped, *ignored), mask
    )
    return PlainResponse(answer_body(call, answer, seconds), "application/json", headers)


def stream_response(
    call: Call,
    outcome: Outcome,
    reply: StreamReply,
    seconds: float,
    base_url: str | None,
    ignored: Sequence[str],
    mask: Mask,
    error_body: Callable[[GatewayError], bytes],
    on_end: streaming.OnEnd,
    price: streaming.Price,
    keep: bool,
) -> Response:
    body = streaming.EventStream(reply, call.include_usage, error_body, on_end, price, keep)
    headers = call_headers(call.id, call.requester.request_id) + outcome_headers(
        outcome, base_url, seconds, (*reply.dropped, *ignored), mask
    )
    return PlainResponse(body, "text/event-stream; charset=utf-8", headers + streaming.EXTRA_HEADERS)


def batch_response(
    call: Call,
    items: Iterable[Outcome | GatewayError],
    models: Sequence[str],
    seconds: float,
    error_body: Callable[[GatewayError], bytes],
) -> Response:
    """A JSON list in the order of `models`: each item as its model would have answered alone, or its error and model."""
    bodies = [
        _failed_item(item, model, error_body) if isinstance(item, GatewayError) else _item(call, item, seconds)
        for item, model in zip(items, models, strict=True)
    ]
    headers = [
        *call_headers(call.id, call.requester.request_id),
        ("x-litellm-response-duration-ms", f"{seconds * 1000:.3f}"),
    ]
    return PlainResponse(b"[" + b",".join(bodies) + b"]", "application/json", headers)


def _item(call: Call, outcome: Outcome, seconds: float) -> bytes:
    assert isinstance(outcome.reply, Answer)
    return answer_body(call, outcome.reply, seconds)


def _failed_item(error: GatewayError, model: str, error_body: Callable[[GatewayError], bytes]) -> bytes:
    return error_body(error)[:-1] + b',"model":' + orjson.dumps(model) + b"}"
