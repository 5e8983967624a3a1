"""NDJSONDecoder: lines, whichever way they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError
from proxy.transport.framing.ndjson import NDJSONDecoder


@given(st.lists(st.sampled_from([b'{"a":1}', b"{}", b"", b" ", b"x\r"])), st.sampled_from([b"", b"\n"]), st.data())
def test_lines_are_the_same_when_the_bytes_are_cut_anywhere(
    lines: list[bytes], end: bytes, data: st.DataObject
) -> None:
    stream = b"\n".join(lines) + end
    decoder, events = NDJSONDecoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        events += decoder.feed(stream[:size])
        stream = stream[size:]
    assert events + decoder.finish() == [Event(line.strip()) for line in lines if line.strip()]


def test_a_line_is_refused_when_it_is_too_long() -> None:
    decoder = NDJSONDecoder(max_event_bytes=100)
    with pytest.raises(InvalidProviderResponseError, match="100"):
        for _ in range(20):
            decoder.feed(b"x" * 10)


def test_a_line_comes_at_once_when_its_end_is_there() -> None:
    decoder = NDJSONDecoder()
    assert decoder.feed(b'{"a":1}\n{"b"') == [Event(b'{"a":1}')]
    assert decoder.feed(b":2}\n") == [Event(b'{"b":2}')]
