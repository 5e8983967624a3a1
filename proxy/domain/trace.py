"""W3C trace context: the trace that a client began, continued; span ids that follow from the call's id.

https://www.w3.org/TR/trace-context/#traceparent-header. Since ids follow from the call's id, what is passed on to a
provider during the call and what is exported after it agree without anything being kept.
"""

import hashlib
import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceContext(NamedTuple):
    """The trace that a call belongs to. `parent_id` is the client's span; None where the trace is our own."""

    trace_id: str
    parent_id: str | None = None
    sampled: bool = True


def read_context(call_id: str, traceparent: str | None) -> TraceContext:
    """The client's trace if its header is sound, else a trace of the call's own."""
    found = _TRACEPARENT.fullmatch((traceparent or "").strip())
    if found:
        version, trace_id, parent_id, flags, more = found.groups()
        sound = version != "ff" and int(trace_id, 16) and int(parent_id, 16) and not (version == "00" and more)
        if sound:
            return TraceContext(trace_id, parent_id, bool(int(flags, 16) & 1))
    return TraceContext(hashlib.sha256(f"trace {call_id}".encode()).hexdigest()[:32])


def span_id(call_id: str, attempt: int | None = None) -> str:
    """The id of the call's own span, or of its n-th attempt's."""
    return hashlib.sha256(f"span {attempt} {call_id}".encode()).hexdigest()[:16]


def outgoing_traceparent(call_id: str, traceparent: str | None) -> str:
    """The header to pass on to a provider: its parent is the call's own span."""
    context = read_context(call_id, traceparent)
    return f"00-{context.trace_id}-{span_id(call_id)}-{'01' if context.sampled else '00'}"
