"""Every error as OpenAI's: `{"error": {"message", "type", "param", "code"}}`, with nothing of the inside in it."""

import logging
from collections.abc import Callable

import orjson
from flask import Flask, Response, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from proxy.domain.requester import Key
from proxy.errors import (
    GatewayError,
    InternalServerError,
    MethodNotAllowedError,
    NotFoundError,
    RequestTooLargeError,
    class_for_status,
)
from proxy.web import malformed
from proxy.web.current import Caller
from proxy.web.headers import Headers, Mask, call_headers, error_headers

_log = logging.getLogger("patchbay")


# The base URL of a deployment by its id, as it may be shown; None for one that is unknown, such as a client's own.
BaseOf = Callable[[str], str | None]


def install(app: Flask, monotonic: Callable[[], float], mask: Mask, base_of: BaseOf) -> None:
    """Answer all that is raised. `mask` hides the credentials that are known."""

    def find_caller() -> Caller:
        """Nobody, where the failure came before anything was noted."""
        noted: Caller | None = g.get("caller")
        return noted or Caller("-", "-", monotonic(), Key())

    @app.errorhandler(GatewayError)
    def on_gateway_error(error: GatewayError) -> Response:
        caller = find_caller()
        seconds = monotonic() - caller.started
        return error_response(error, caller.call_id, caller.request_id, seconds, mask, base_of)

    @app.errorhandler(HTTPException)
    def on_http_exception(exception: HTTPException) -> Response:
        return on_gateway_error(_translate(exception))

    @app.errorhandler(ParseException)
    def on_broken_body(exception: ParseException) -> Response:
        return on_gateway_error(malformed.describe(exception))

    @app.errorhandler(Exception)
    def on_exception(exception: Exception) -> Response:
        call_id = find_caller().call_id
        _log.error("call %s failed inside: %s", call_id, mask(_describe(exception)))
        return on_gateway_error(InternalServerError(f"Internal server error (request {call_id})"))


def error_body(error: GatewayError, mask: Mask) -> bytes:
    """The JSON of an error, masked as a whole: a provider's message may repeat the key."""
    return mask(orjson.dumps(error.to_openai()).decode()).encode()


def error_response(
    error: GatewayError, call_id: str, request_id: str, seconds: float, mask: Mask, base_of: BaseOf
) -> Response:
    response = Response(error_body(error, mask), error.status_code, mimetype="application/json")
    headers: Headers = call_headers(call_id, request_id) + error_headers(error, seconds, base_of, mask)
    for name, value in headers:
        response.headers.add(name, value)
    return response


def _translate(exception: HTTPException) -> GatewayError:
    if isinstance(exception, NotFound):
        return NotFoundError(
            f"There is nothing at {request.method} {request.path}.", error_type="invalid_request_error"
        )
    if isinstance(exception, MethodNotAllowed):
        allowed = ", ".join(sorted(set(exception.valid_methods or ()) - {"OPTIONS", "HEAD"}))
        return MethodNotAllowedError(f"{request.method} is not allowed at {request.path}; use {allowed}.")
    if isinstance(exception, RequestEntityTooLarge):
        limit = (request.max_content_length or 0) / 2**20
        return RequestTooLargeError(
            f"The request's body is larger than the {limit:g} MB that are allowed here.", code="request_too_large"
        )
    status = exception.code or 500
    if status < 500:
        return class_for_status(status)(exception.description or exception.name, status_code=status)
    return InternalServerError("Internal server error")


def _describe(exception: BaseException) -> str:
    """Where and what, without values: a traceback's lines of code may hold anything."""
    frame = exception.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame is not None else "?"
    return f"{type(exception).__name__} at {where}: {exception}"
