"""The client's trace goes on through the gateway."""

import pytest

from proxy.domain.trace import outgoing_traceparent, read_context, span_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_trace_goes_on_when_the_client_began_one() -> None:
    context = read_context("call-1", f"00-{TRACE}-{PARENT}-01")
    assert context == (TRACE, PARENT, True)
    assert outgoing_traceparent("call-1", f"00-{TRACE}-{PARENT}-01") == f"00-{TRACE}-{span_id('call-1')}-01"


def test_decision_is_kept_when_the_client_does_not_sample() -> None:
    assert not read_context("call-1", f"00-{TRACE}-{PARENT}-00").sampled
    assert outgoing_traceparent("call-1", f"00-{TRACE}-{PARENT}-00").endswith("-00")


def test_header_is_read_when_its_version_is_newer() -> None:
    assert read_context("call-1", f"01-{TRACE}-{PARENT}-01-more").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}",
    ],
)
def test_trace_is_the_calls_own_when_the_header_is_unsound(header: str | None) -> None:
    context = read_context("call-1", header)
    assert context.parent_id is None and len(context.trace_id) == 32
    assert context == read_context("call-1", None) != read_context("call-2", None)


def test_spans_differ_when_a_call_has_several_attempts() -> None:
    assert len({span_id("call-1"), span_id("call-1", 0), span_id("call-1", 1), span_id("call-2", 0)}) == 4
