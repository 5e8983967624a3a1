"""What the gateway served, as HTTP responses in the client's dialect."""

from collections.abc import Callable
from functools import partial

import orjson
from flask import Response

from proxy.dialects.contract import Dialect
from proxy.dialects.registry import DIALECTS
from proxy.domain.answer import BYTES, JSON_TYPE, Answer, StreamReply
from proxy.domain.call import Call
from proxy.errors import GatewayError
from proxy.fastpath.door import door
from proxy.gateway.served import AnyServed, Served, ServedBatch, ServedFastest, ServedStreams
from proxy.web.byte_stream import NO_SNIFFING, ByteStream, safe_type
from proxy.web.error_body import ErrorBody, masked_json
from proxy.web.headers import Mask, call_headers, outcome_headers
from proxy.web.interleaving import Interleaved, until_opened
from proxy.web.streaming import EXTRA_HEADERS, EventStream

_FASTEST = ("x-litellm-fastest_response_batch_completion", "True")


class Presenter:
    """One per application. `mask` hides the credentials that are known."""

    def __init__(self, mask: Mask, monotonic: Callable[[], float]) -> None:
        self._mask = mask
        self._monotonic = monotonic

    def respond(self, served: AnyServed) -> Response:
        if isinstance(served, Served):
            return self._one(served)
        if isinstance(served, ServedFastest):
            # The ids in the headers are those of the request, not of one of its members.
            response = self._one(served.served._replace(call=served.call))
            response.headers.add(*_FASTEST)
            return response
        return self._list(served) if isinstance(served, ServedBatch) else self._interleaved(served)

    def _one(self, served: Served) -> Response:
        call, outcome = served.call, served.outcome
        reply, dialect = outcome.reply, DIALECTS[call.dialect]
        seconds = self._monotonic() - call.received
        dropped = (*reply.dropped, *call.ignored)
        headers = call_headers(call.id, call.requester.request_id) + outcome_headers(
            outcome, served.base_url, seconds, dropped, self._mask
        )
        if dialect.id_header is not None:
            headers.append((dialect.id_header, call.requester.request_id or call.id))
        if call.quota is not None:
            headers += call.quota.headers()
        if isinstance(reply, Answer):
            if reply.content_type != JSON_TYPE:
                return door.response(reply.body, safe_type(reply.content_type), headers + NO_SNIFFING)
            return door.response(dialect.write_answer(call, reply, seconds), "application/json", headers)
        assert served.ending is not None
        if reply.form == BYTES:
            content_type = safe_type(reply.headers.get("content-type", ""))
            return door.response(ByteStream(reply, served.ending), content_type, headers + NO_SNIFFING)
        writer = dialect.open_writer(call, reply.form, served.ending.price)
        body = EventStream(reply, writer, served.ending, self._error_body(dialect, call))
        return door.response(body, dialect.stream_type, headers + EXTRA_HEADERS)

    def _list(self, batch: ServedBatch) -> Response:
        """A JSON list in the order of the models: each item as its model alone would have answered, or its error and model."""
        call, dialect = batch.call, DIALECTS[batch.call.dialect]
        seconds = self._monotonic() - call.received
        error_body = self._error_body(dialect, call)
        bodies = [
            _failed_item(item, model, error_body)
            if isinstance(item, GatewayError)
            else _whole_item(item, dialect, seconds)
            for item, model in zip(batch.items, batch.models, strict=True)
        ]
        headers = [
            *call_headers(call.id, call.requester.request_id),
            ("x-litellm-response-duration-ms", f"{seconds * 1000:.3f}"),
        ]
        return door.response(b"[" + b",".join(bodies) + b"]", "application/json", headers)

    def _interleaved(self, streams: ServedStreams) -> Response:
        """One event stream of all. Raise the first error when not one of them opens: the status line is not sent yet."""
        early, opened = until_opened(streams.pieces)
        if not opened:
            errors = {piece.position: piece.error for piece in early if piece.error is not None}
            raise errors[min(errors)]
        dialect = DIALECTS[streams.call.dialect]
        body = Interleaved(streams, early, self._error_body(dialect, streams.call))
        headers = call_headers(streams.call.id, streams.call.requester.request_id) + EXTRA_HEADERS
        return door.response(body, dialect.stream_type, headers)

    def _error_body(self, dialect: Dialect, call: Call) -> ErrorBody:
        return partial(_write_error, dialect, self._mask, call.requester.request_id or call.id)


def _write_error(dialect: Dialect, mask: Mask, request_id: str, error: GatewayError) -> bytes:
    return masked_json(dialect.write_error(error, request_id), mask)


def _whole_item(served: Served, dialect: Dialect, seconds: float) -> bytes:
    assert not isinstance(served.outcome.reply, StreamReply)
    return dialect.write_answer(served.call, served.outcome.reply, seconds)


def _failed_item(error: GatewayError, model: str, error_body: ErrorBody) -> bytes:
    return error_body(error)[:-1] + b',"model":' + orjson.dumps(model) + b"}"
