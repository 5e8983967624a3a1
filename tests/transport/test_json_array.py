"""SSEOrArrayDecoder: events, or the members of an array, whichever way the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError
from proxy.transport.framing.json_array import SSEOrArrayDecoder

ARRAY = b'\r\n[{\n  "a": 1\n}\n,\r\n{\n  "b": "]"\n}\n]\n'
EVENTS = b'\n\nevent: x\r\ndata: {"a":1}\r\n\r\ndata: {"b":"]"}\n\n'


def decode(stream: bytes, data: st.DataObject) -> list[Event]:
    decoder, events = SSEOrArrayDecoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        events += decoder.feed(stream[:size])
        stream = stream[size:]
    return events + decoder.finish()


@given(st.data())
def test_members_are_events_when_the_body_is_an_array(data: st.DataObject) -> None:
    assert decode(ARRAY, data) == [Event(b'{"a":1}'), Event(b'{"b":"]"}')]


@given(st.data())
def test_events_are_events_when_the_body_has_some(data: st.DataObject) -> None:
    assert decode(EVENTS, data) == [Event(b'{"a":1}', "x"), Event(b'{"b":"]"}')]


@pytest.mark.parametrize("body", [b"", b" \n", b'[{"a": 1}', b"[1, "])
def test_nothing_comes_when_the_body_is_cut_or_empty(body: bytes) -> None:
    decoder = SSEOrArrayDecoder()
    assert [*decoder.feed(body), *decoder.finish()] == []


def test_array_is_refused_when_it_has_no_end() -> None:
    decoder = SSEOrArrayDecoder(max_event_bytes=10)
    decoder.feed(b"[1, 2, 3, ")
    with pytest.raises(InvalidProviderResponseError):
        decoder.feed(b"4, ")
