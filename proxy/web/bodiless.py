"""A request without a body as a Call: what a client does with an answer that a provider keeps."""

from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import Operation
from proxy.web.body import requester_of
from proxy.web.client_watch import SocketWatch
from proxy.web.current import current_caller, current_request
from proxy.web.parts import Parts


def read_bodiless(parts: Parts, operation: Operation, model: str, native: Document, *, stream: bool = False) -> Call:
    """`native` is what the provider is asked for, in the operation's dialect."""
    parts.streams.check_open()
    request, caller = current_request(), current_caller()
    return Call(
        id=caller.call_id,
        operation=operation,
        model=model,
        document=native,
        stream=stream,
        include_usage=True,
        started=parts.runtime.monotonic(),
        started_at=parts.runtime.now(),
        key_alias=caller.key.alias,
        requester=requester_of(request, caller),
        client=SocketWatch.of(request.environ),
        received=caller.started,
        dialect=operation.dialect,
        native=native,
        asked=operation,
        account=caller.account,
    )
