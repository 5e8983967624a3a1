"""A form with files, here in time and on the disk."""

from errno import ENOSPC

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from proxy.errors import BadRequestError, ClientClosedRequestError, LocalResourceError, Timeout
from proxy.web.client_timeouts import ClientTimeouts
from proxy.web.current import serving_app
from proxy.web.multipart import ReceivedForm, read_form


def read_upload(request: Request, timeouts: ClientTimeouts) -> ReceivedForm:
    """Raise BadRequestError, naming the part, and what the HTTP layer makes a 408, 413, 499 or 503 of."""
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise BadRequestError("Compressed forms are not accepted.", param="content-encoding", status_code=415)
    deadline = timeouts.receiving(request.environ.get("gunicorn.socket"))
    deadline.begin()
    try:
        form = read_form(request, serving_app().config["MAX_UPLOAD_LENGTH"])
    except (OSError, ClientDisconnected) as error:
        if isinstance(error, OSError) and error.errno == ENOSPC:
            raise LocalResourceError("The gateway has no room for this upload; try again in a moment.") from None
        if not deadline.expired:
            raise ClientClosedRequestError("The client left before its request was complete.") from None
        form = None
    finally:
        deadline.end()
    if form is None or deadline.expired:
        raise Timeout("The request's body did not arrive in time.", param="request_body")
    return form
