"""EventStreamDecoder against frames built by the specification and by botocore's rules."""

import struct
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.transport.framing.eventstream import EventStreamDecoder


def text_header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


def frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def decode(*blocks: bytes) -> list[Event]:
    decoder = EventStreamDecoder()
    events = [event for block in blocks for event in decoder.feed(block)]
    return events + decoder.finish()


CHUNK = frame(text_header(":event-type", "chunk") + text_header(":content-type", "application/json"), b'{"a":1}')


def test_events_have_type_and_payload_when_they_are_whole() -> None:
    assert decode(CHUNK + CHUNK) == [Event(b'{"a":1}', "chunk")] * 2


def test_an_exception_is_named_when_the_frame_is_one() -> None:
    headers = text_header(":message-type", "exception") + text_header(":exception-type", "throttlingException")
    assert decode(frame(headers, b"{}")) == [Event(b"{}", "throttlingException")]


def test_an_error_has_its_message_as_data_when_the_frame_is_one() -> None:
    headers = text_header(":message-type", "error") + text_header(":error-code", "Internal")
    headers += text_header(":error-message", "went wrong")
    assert decode(frame(headers, b"")) == [Event(b'{"message":"went wrong"}', "Internal")]


def test_headers_of_every_type_are_stepped_over_when_they_come_first() -> None:
    values = [b"\x00", b"\x01", b"\x02z", b"\x03zz", b"\x04zzzz", b"\x05" + b"z" * 8]
    values += [b"\x06\x00\x02zz", b"\x08" + b"z" * 8, b"\x09" + b"z" * 16]
    headers = b"".join(b"\x01h" + value for value in values) + text_header(":event-type", "x")
    assert decode(frame(headers, b"p")) == [Event(b"p", "x")]


@given(
    st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=50)), min_size=1, max_size=5),
    st.lists(st.integers(0, 500), max_size=12),
)
def test_events_are_the_same_when_the_bytes_are_cut_anywhere(parts: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = b"".join(frame(text_header(":event-type", name), payload) for name, payload in parts)
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    blocks = [stream[start:end] for start, end in pairwise(places)]
    assert decode(*blocks) == [Event(payload, name) for name, payload in parts]


@given(st.integers(0, len(CHUNK) - 1), st.integers(1, 255))
def test_a_frame_is_refused_when_a_byte_of_it_is_damaged(position: int, change: int) -> None:
    damaged = bytearray(CHUNK)
    damaged[position] ^= change
    with pytest.raises((InvalidProviderResponseError, TruncatedStreamError)):
        decode(bytes(damaged))


@pytest.mark.parametrize("end", [1, 8, 12, 20, len(CHUNK) - 1])
def test_the_stream_is_truncated_when_it_ends_within_a_frame(end: int) -> None:
    with pytest.raises(TruncatedStreamError):
        decode(CHUNK + CHUNK[:end])


def test_a_frame_is_refused_at_once_when_it_says_it_is_huge() -> None:
    prelude = struct.pack(">II", 2**31, 10)
    with pytest.raises(InvalidProviderResponseError, match="length"):
        EventStreamDecoder().feed(prelude + struct.pack(">I", crc32(prelude)))


@pytest.mark.parametrize("headers", [b"\x05ab", b"\x01a\x63", b"\x01a\x07\x00\x09ab", b"\x01\xff\x00"])
def test_a_frame_is_refused_when_its_headers_are_unreadable(headers: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError, match="headers"):
        decode(frame(headers, b""))
