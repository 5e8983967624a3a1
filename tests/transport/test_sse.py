"""SSEDecoder against the WHATWG grammar, and against every way of cutting the bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError
from proxy.transport.framing.sse import SSEDecoder


def decode(*blocks: bytes) -> list[Event]:
    decoder = SSEDecoder()
    events = [event for block in blocks for event in decoder.feed(block)]
    return events + decoder.finish()


def by_the_grammar(stream: bytes) -> list[Event]:
    """The standard's algorithm, a line at a time, with the open event at the end given too, and with JSON outside of fields."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if text.lstrip().startswith((b"{", b"[")):
        return [Event(text.strip())]
    events, data, name = [], [], ""
    for line in [*text.split(b"\n"), b""]:
        if not line:
            if data:
                events.append(Event(b"\n".join(data), name))
            data, name = [], ""
        elif line.startswith((b"{", b"[")):
            data.append(line)
        elif not line.startswith(b":"):
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
    return events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event(b"a")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event(b"a"), Event(b"b")]),
        (b"data: a\r\rdata: b\r\r", [Event(b"a"), Event(b"b")]),
        (b"data:a\n\n", [Event(b"a")]),
        (b"data:  a\n\n", [Event(b" a")]),
        (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
        (b"data\n\n", [Event(b"")]),
        (b"data:\n\n", [Event(b"")]),
        (b"event: ping\n\ndata: a\n\n", [Event(b"a")]),
        (b"event: delta\ndata: a\n\n", [Event(b"a", "delta")]),
        (b": a comment\n\ndata: a\n\n", [Event(b"a")]),
        (b"id: 1\nretry: 3\ndata: a\n\n", [Event(b"a")]),
        (b"unknown: 1\ndata: a\n\n", [Event(b"a")]),
        (b"\n\n\ndata: a\n\n\n\n", [Event(b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event(b"a")]),
        (b"\xef\xbb\xbf", []),
        (b"data: [DONE]", [Event(b"[DONE]")]),
        (b"data: [DONE]\n", [Event(b"[DONE]")]),
        (b"", []),
        ("data: grüß\u2028dich\n\n".encode(), [Event("grüß\u2028dich".encode())]),
        (b"data: \xff\xfe\n\n", [Event(b"\xff\xfe")]),
    ],
)
def test_events_are_those_of_the_standard_when_the_stream_is(stream: bytes, events: list[Event]) -> None:
    assert decode(stream) == events
    assert decode(*(stream[index : index + 1] for index in range(len(stream)))) == events


LINES = st.sampled_from(
    [
        b"data: x",
        b"data:",
        b"data",
        b"data:  y",
        b"event: e",
        b"event",
        b": c",
        b":",
        b"id: 1",
        b"\xef\xbb\xbf",
        b"",
        b"",
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=30).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAMS | st.binary(max_size=60), st.lists(st.integers(0, 400), max_size=12))
def test_events_are_the_same_when_the_bytes_are_cut_anywhere(stream: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    blocks = [stream[start:end] for start, end in pairwise(places)]
    assert decode(*blocks) == by_the_grammar(stream)


def test_events_come_at_once_when_their_blank_line_is_there() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\n\ndata: b") == [Event(b"a")]
    assert decoder.feed(b"\n\n") == [Event(b"b")]
    assert decoder.feed(b"data: c\r") == []
    assert decoder.feed(b"\r") == [Event(b"c")]


@pytest.mark.parametrize("block", [b"x" * 64, b"data: " + b"x" * 50 + b"\n"])
def test_an_event_is_refused_when_it_is_too_large(block: bytes) -> None:
    decoder = SSEDecoder(max_event_bytes=1000)
    with pytest.raises(InvalidProviderResponseError, match="1000"):
        for _ in range(100):
            decoder.feed(block)


def test_the_limit_is_for_one_event_when_there_are_many() -> None:
    decoder = SSEDecoder(max_event_bytes=100)
    assert (
        sum(len(decoder.feed(b"data: " + b"x" * 50 + b"\n\nda") + decoder.feed(b"ta: y\n\n")) for _ in range(100))
        == 200
    )
