"""Bytes of a recorded stream into events: just enough for recordings; proxy/transport has the real decoders' tests."""

import json
import struct
from collections.abc import Iterator

from proxy.domain.wire import Event


def events(framing: str, body: bytes) -> Iterator[Event]:
    yield from {"sse": _sse, "ndjson": _ndjson, "aws-eventstream": _eventstream}[framing](body)


def _sse(body: bytes) -> Iterator[Event]:
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        name, data = "", []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            if field == b"event":
                name = value.strip().decode()
            elif field == b"data":
                data.append(value.removeprefix(b" "))
        if data:
            yield Event(b"\n".join(data), name)


def _ndjson(body: bytes) -> Iterator[Event]:
    for line in body.splitlines():
        if line.strip():
            yield Event(line.strip())


def _eventstream(body: bytes) -> Iterator[Event]:
    """The event's name is its `:event-type`, or its `:exception-type`."""
    while body:
        total, head = struct.unpack(">II", body[:8])
        headers = dict(_frame_headers(body[12 : 12 + head]))
        payload = body[12 + head : total - 4]
        json.loads(payload or b"{}")
        yield Event(payload, headers.get(":exception-type") or headers.get(":event-type", ""))
        body = body[total:]


def _frame_headers(raw: bytes) -> Iterator[tuple[str, str]]:
    while raw:
        size = raw[0]
        name = raw[1 : 1 + size].decode()
        (length,) = struct.unpack(">H", raw[2 + size : 4 + size])
        yield name, raw[4 + size : 4 + size + length].decode()
        raw = raw[4 + size + length :]
