"""AWS's binary event stream (https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream).

A frame is: total length, length of the headers, CRC of these two, headers, payload, CRC of all before it; numbers are
big-endian. The CRC is CRC-32 as in gzip.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

import orjson

from proxy.domain.wire import Event
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError

# 16 MiB of payload and 128 KiB of headers are AWS's own limits.
MAX_FRAME_BYTES = 16 * 1024 * 1024 + 128 * 1024 + 16
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_SHORT = struct.Struct(">H")
# By type of header value: its length in bytes. Types 6 (bytes) and 7 (text) carry theirs.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_TEXT = 7


class EventStreamDecoder:
    """Frames into events: `name` is the event's, exception's or error's type, `data` the payload.

    InvalidProviderResponseError for what is not a frame or arrived damaged, TruncatedStreamError for a last one that
    is not whole. An error frame without payload gets `{"message": ...}` from its header.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._buffer = bytearray()

    def feed(self, block: bytes) -> list[Event]:
        buffer = self._buffer
        buffer += block
        events = []
        start = 0
        while len(buffer) - start >= _PRELUDE.size:
            total, headers_length = self._read_prelude(start)
            if len(buffer) - start < total:
                break
            events.append(_parse_frame(bytes(buffer[start : start + total]), headers_length))
            start += total
        del buffer[:start]
        return events

    def finish(self) -> list[Event]:
        if self._buffer:
            raise TruncatedStreamError("the stream ended in the middle of a frame")
        return []

    def _read_prelude(self, start: int) -> tuple[int, int]:
        total, headers_length, checksum = _PRELUDE.unpack_from(self._buffer, start)
        if crc32(self._buffer[start : start + 8]) != checksum:
            raise InvalidProviderResponseError("the stream holds a frame whose first bytes are damaged")
        if total > self._limit or headers_length > total - _PRELUDE.size - _CRC.size:
            raise InvalidProviderResponseError("the stream holds a frame of an impossible length")
        return total, headers_length


def _parse_frame(frame: bytes, headers_length: int) -> Event:
    if crc32(frame[: -_CRC.size]) != _CRC.unpack(frame[-_CRC.size :])[0]:
        raise InvalidProviderResponseError("the stream holds a damaged frame")
    payload_start = _PRELUDE.size + headers_length
    headers = _parse_headers(frame[_PRELUDE.size : payload_start])
    payload = frame[payload_start : -_CRC.size]
    if not payload and ":error-message" in headers:
        payload = orjson.dumps({"message": headers[":error-message"]})
    name = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or ""
    return Event(payload, name)


def _parse_headers(block: bytes) -> Mapping[str, str]:
    """The headers that are text; the other types are stepped over."""
    headers = {}
    position = 0
    try:
        while position < len(block):
            name_end = position + 1 + block[position]
            name = block[position + 1 : name_end].decode()
            kind = block[name_end]
            position = name_end + 1
            if kind in _FIXED:
                length = _FIXED[kind]
            else:
                (length,) = _SHORT.unpack_from(block, position)
                position += _SHORT.size
            if kind == _TEXT:
                headers[name] = block[position : position + length].decode()
            position += length
    except (IndexError, struct.error, UnicodeDecodeError):
        raise InvalidProviderResponseError("the stream holds a frame with unreadable headers") from None
    if position != len(block):
        raise InvalidProviderResponseError("the stream holds a frame with unreadable headers")
    return headers
