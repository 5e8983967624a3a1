"""The bound on requests that a worker serves at once: calls of a model wait for a place or get a 503, before their body is
read. Health, metrics, lists and pages never wait."""

from flask import Flask, Response

from proxy.errors import ClientClosedRequestError
from proxy.gateway.request_queue import RequestQueue
from proxy.web.client_watch import SocketWatch
from proxy.web.current import Caller, current_caller, current_request

_PLACE = "patchbay.place"


def install(app: Flask, queue: RequestQueue) -> None:
    """After the hooks that refuse a request for its key or its address: they keep no place from others."""

    @app.before_request
    def enter() -> None:
        request = current_request()
        rule = request.url_rule
        if rule is None or getattr(app.view_functions[rule.endpoint], "operation", None) is None:
            return
        environ = request.environ
        place = queue.enter(subject_of(current_caller(), request.remote_addr))
        environ[_PLACE] = place
        client = SocketWatch.of(environ)
        if client is not None and client.gone():
            place.leave()
            raise ClientClosedRequestError("The client left while its request waited.")

    @app.after_request
    def leave_later(response: Response) -> Response:
        """At the end of the answer: a stream keeps its place."""
        place = current_request().environ.get(_PLACE)
        if place is not None:
            response.call_on_close(place.leave)
        return response


def subject_of(caller: Caller, address: str | None) -> str:
    """Requests of one subject wait in one line: a virtual key's, else those of an address."""
    return caller.account.key.id if caller.account is not None else address or ""
