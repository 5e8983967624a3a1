"""What a provider that means ill sends, and what an ordinary one does."""

import base64
import gzip
import json
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

from tests.providers.recordings import load_recordings, response_body

MEGABYTE = 1024 * 1024


class Recorded(NamedTuple):
    """What a provider of a format really says, as a whole and streamed, and its streams' content type."""

    whole: bytes
    stream: bytes
    stream_type: str


def recorded(provider: str, whole: str, stream: str) -> Recorded:
    """The bytes of two fixtures."""
    bodies = {recording.name: recording.exchanges[0]["response"] for recording in load_recordings()}
    streamed = bodies[f"{provider}/{stream}"]
    kind = next(value for name, value in streamed["headers"].items() if name.lower() == "content-type")
    return Recorded(response_body(bodies[f"{provider}/{whole}"]), response_body(streamed), kind)


def deep(brackets: int = 200_000) -> bytes:
    """A value nested far deeper than any interpreter's stack."""
    return b'{"choices": ' + b"[" * brackets + b"]" * brackets + b"}"


def bomb(megabytes: int = 1000) -> list[bytes]:
    """Zeros, a thousand times smaller on the wire."""
    packed = gzip.compress(b"0" * MEGABYTE, 9)
    return [packed] * megabytes


def endless(piece: bytes, times: int) -> Iterator[bytes]:
    block = piece * (65536 // len(piece))
    for _ in range(times * len(piece) // len(block) + 1):
        yield block


def frame(payload: Any, kind: str) -> bytes:
    """An event of AWS's event stream. https://smithy.io/2.0/aws/amazon-eventstream.html"""
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in names.items()
    )
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    prelude = struct.pack("!II", len(head) + len(body) + 16, len(head))
    whole = prelude + struct.pack("!I", crc32(prelude)) + head + body
    return whole + struct.pack("!I", crc32(whole))


def event(provider: str, payload: Any, kind: str = "message") -> bytes:
    """One event with this payload in the provider's framing."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    if provider == "bedrock":
        return frame(raw, kind)
    if provider == "ollama_chat":
        return raw + b"\n"
    return b"event: " + kind.encode() + b"\ndata: " + raw + b"\n\n"


def interleave(provider: str, stream: bytes, extra: bytes) -> list[bytes]:
    """The stream with `extra` before each of its events."""
    if provider == "bedrock":
        return [part for each in _frames(stream) for part in (extra, each)]
    pattern = rb"[^\n]*\n" if provider == "ollama_chat" else rb".*?(?:\r?\n){2}"
    return [part for each in re.findall(pattern, stream, re.DOTALL) for part in (extra, each)]


def _frames(stream: bytes) -> Iterator[bytes]:
    while stream:
        length = struct.unpack("!I", stream[:4])[0]
        yield stream[:length]
        stream = stream[length:]


def chunked(body: bytes, size: int = 1) -> Iterator[bytes]:
    """The body in HTTP chunks of so many bytes."""
    written = b""
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        written += b"%x\r\n%b\r\n" % (len(piece), piece)
        if len(written) > 65536:
            yield written
            written = b""
    yield written + b"0\r\n\r\n"


def noise(length: int = 4096) -> bytes:
    """Bytes that are no text in any encoding that we read, the same ones every time."""
    return base64.b64decode(b"//79gIGC" * (length // 6))
