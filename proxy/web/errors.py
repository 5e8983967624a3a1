"""Every error in the dialect of its path, without internals: no stack trace, address or credential."""

import logging
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Request, Response, g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from proxy.dialects.registry import dialect_of_path
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import Operation
from proxy.domain.requester import Key
from proxy.errors import (
    GatewayError,
    InternalServerError,
    MethodNotAllowedError,
    NotFoundError,
    RequestTooLargeError,
    class_for_status,
)
from proxy.runtime import Runtime
from proxy.web import malformed
from proxy.web.body import requester_of
from proxy.web.current import Caller
from proxy.web.error_body import masked_json
from proxy.web.headers import Mask, call_headers, error_headers
from proxy.web.refusals import Refusals

_log = logging.getLogger("patchbay")
# The innermost of them are in the log.
_FRAMES = 6


# The base URL of a deployment by its id, as it may be shown; None for one that is unknown, such as a client's own.
BaseOf = Callable[[str], str | None]
# Records a call that was refused before the gateway had it.
Refuse = Callable[[Call, GatewayError], None]


def install(app: Flask, runtime: Runtime, mask: Mask, base_of: BaseOf, refuse: Refuse, refusals: Refusals) -> None:
    """Answer everything that is raised, in the dialect of the path. `mask` hides the credentials that are known."""

    def find_caller() -> Caller:
        """A placeholder, where the failure came before the caller was noted."""
        noted: Caller | None = g.get("caller")
        return noted or Caller("-", "-", runtime.monotonic(), Key())

    def record(error: GatewayError, caller: Caller) -> None:
        if error.recorded:
            return
        may_record = refusals.note(error, request.remote_addr, request.path)
        operation = operation_of(app, request)
        if operation is None or not may_record:
            return
        call = Call(
            id=caller.call_id,
            operation=operation,
            model="",
            document=Document.of({}),
            started=caller.started,
            started_at=runtime.now() - (runtime.monotonic() - caller.started),
            key_alias=caller.key.alias,
            requester=requester_of(request, caller),
            account=caller.account,
        )
        refuse(call, error)

    @app.errorhandler(GatewayError)
    def on_gateway_error(error: GatewayError) -> Response:
        caller = find_caller()
        record(error, caller)
        refusals.slow(error, request.remote_addr)
        seconds = runtime.monotonic() - caller.started
        dialect = dialect_of_path(request.path)
        body = masked_json(dialect.write_error(error, caller.request_id), mask)
        response = Response(body, dialect.status_of(error), mimetype="application/json")
        headers = call_headers(caller.call_id, caller.request_id) + error_headers(error, seconds, base_of, mask)
        if dialect.id_header is not None:
            headers.append((dialect.id_header, caller.request_id))
        for name, value in headers:
            response.headers.add(name, value)
        return response

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


def operation_of(app: Flask, request: Request) -> Operation | None:
    """The operation of a request's path; None for other pages, unknown paths and wrong methods."""
    rule = request.url_rule
    return getattr(app.view_functions[rule.endpoint], "operation", None) if rule is not None else None


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
    """What and where: neither its text nor a traceback's lines, for they may hold a prompt or a credential."""
    frames, frame = [], exception.__traceback__
    while frame is not None:
        frames.append(f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}")
        frame = frame.tb_next
    return f"{type(exception).__name__} at {' < '.join(reversed(frames[-_FRAMES:])) or '?'}"
