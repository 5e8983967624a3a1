"""The bytes of a request's body: JSON by its type, not too long, and here in time."""

from io import BytesIO
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from proxy.errors import BadRequestError, ClientClosedRequestError, RequestTooLargeError, Timeout
from proxy.web.client_timeouts import ClientTimeouts
from proxy.web.current import serving_app
from proxy.web.decompression import decompress

# Longer numbers are never legitimate, and int() is slow on very long digit strings.
_MANY_DIGITS = 16
_JSON_TYPES = ("application/json", "text/json")


def read_json(request: Request, patience: ClientTimeouts | None) -> bytes:
    """The body, decompressed. Raise BadRequestError for another type, and what the HTTP layer makes a 408, 413 or 499 of."""
    environ = request.environ
    if environ.get("CONTENT_TYPE") not in _JSON_TYPES:
        _check_type(request.mimetype)
    limit, length = serving_app().config["MAX_CONTENT_LENGTH"], _length(request)
    if length is not None and length > limit:
        raise RequestEntityTooLarge
    # A body that came together with its head is already here.
    if patience is None or isinstance(environ["wsgi.input"], BytesIO):
        raw = _read(request, limit, length)
    else:
        raw = _read_in_time(request, limit, length, patience)
    coding = environ.get("HTTP_CONTENT_ENCODING", "identity")
    return raw if coding == "identity" else decompress(raw, coding, limit)


def _check_type(given: str) -> None:
    if given and given not in _JSON_TYPES and not given.endswith("+json"):
        raise BadRequestError(
            f"The content type must be application/json, but it is {given}.", param="content-type", status_code=415
        )


def _length(request: Request) -> int | None:
    """The Content-Length; None for a chunked body. werkzeug's accessor costs as much as the routing of a call."""
    environ = request.environ
    length = environ.get("CONTENT_LENGTH", "")
    is_plain = length.isdecimal() and len(length) < _MANY_DIGITS and "HTTP_TRANSFER_ENCODING" not in environ
    return int(length) if is_plain else request.content_length


def _read(request: Request, limit: int, length: int | None) -> bytes:
    """The body, read in one piece where its length is known: werkzeug's way copies it once more."""
    if length is not None:
        raw: bytes = request.environ["wsgi.input"].read(length)
        if len(raw) < length:
            raise ClientDisconnected
        return raw
    raw = request.get_data(cache=False)
    if len(raw) >= limit:
        raise RequestEntityTooLarge  # A chunked body is cut at the limit without a word.
    return raw


def _read_in_time(request: Request, limit: int, length: int | None, patience: ClientTimeouts) -> bytes:
    deadline = patience.receiving(request.environ.get("gunicorn.socket"))
    deadline.begin()
    try:
        raw = _read(request, limit, length)
    except (OSError, ClientDisconnected):
        if not deadline.expired:
            raise ClientClosedRequestError("The client left before its request was complete.") from None
    finally:
        deadline.end()
    if deadline.expired:
        raise Timeout("The request's body did not arrive in time.", param="request_body")
    return raw


LONGEST_FORM = 4096
_MOST_FIELDS = 32


def read_form(request: Request, timeouts: ClientTimeouts) -> dict[str, str]:
    """The fields of a page's form, of which the last of a name counts. Raise what the HTTP layer makes a 408, 413 or 499 of."""
    length = _length(request)
    if length is not None and length > LONGEST_FORM:
        raise RequestTooLargeError(f"A form has at most {LONGEST_FORM} bytes.", code="request_too_large")
    if length is None and request.environ.get("HTTP_TRANSFER_ENCODING"):
        raise BadRequestError("A form is sent with its length.", param="content-length")
    raw = _read_in_time(request, LONGEST_FORM, length or 0, timeouts)
    try:
        return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise BadRequestError(f"A form has at most {_MOST_FIELDS} fields.") from None
