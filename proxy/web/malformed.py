"""Answers to what is not HTTP: gunicorn would answer in HTML, without the application. Here it is OpenAI's error."""

import contextlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.http import errors

from proxy.errors import BadRequestError, GatewayError, InternalServerError

# gunicorn's own statuses; whatever else it could not parse is a 400.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.LimitRequestLine, 414),
    (errors.ExpectationFailed, 417),
    (errors.LimitRequestHeaders, 431),
    (errors.UnsupportedTransferCoding, 501),
)
_SHOWN = 200


def install(worker: Any) -> None:
    """Let a worker answer what it could not parse in OpenAI's form; the log names the kind only: bytes may be a secret."""

    def handle_error(request: object, client: Any, address: Any, exception: BaseException) -> None:
        error = describe(exception)
        peer = address[0] if isinstance(address, tuple) else "a local socket"
        write: Callable[..., None] = worker.log.error if error.status_code == 500 else worker.log.warning
        write("Refused a request of %s: %s (%d)", peer, type(exception).__name__, error.status_code)
        with contextlib.suppress(OSError):  # It may have gone.
            client.sendall(answer(error))

    worker.handle_error = handle_error


def describe(exception: BaseException) -> GatewayError:
    if not isinstance(exception, errors.ParseException):
        return InternalServerError("Internal server error")
    status = next((status for kind, status in _STATUS if isinstance(exception, kind)), 400)
    words = "".join(letter if letter.isprintable() else "?" for letter in str(exception)[:_SHOWN])
    return BadRequestError(f"This is not a request that the server can read: {words}", status_code=status)


def answer(error: GatewayError) -> bytes:
    """A whole HTTP answer, after which the connection ends."""
    body = orjson.dumps(error.to_openai())
    reason = HTTPStatus(error.status_code).phrase
    head = f"HTTP/1.1 {error.status_code} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
