"""Upstreams that send without end or without measure, at every level of an answer. Also run under gevent.

Each ends in an error that blames the provider, before much was read, and the next call is answered.
"""

import gzip
import itertools
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

from proxy.domain.wire import Clocks, Decoder, WireRequest
from proxy.errors import GatewayError, InvalidProviderResponseError, Timeout, TruncatedStreamError
from proxy.runtime import Runtime
from proxy.transport.framing.framing import DECODERS
from proxy.transport.transport import Transport
from tests.transport.upstream import OK, Upstream, answering, serving

MEGABYTE = 1024 * 1024
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
# The most that an upstream gets rid of before it is left, and the most seconds.
MOST_BYTES = 80 * MEGABYTE
MOST_SECONDS = 10.0


class Kind(NamedTuple):
    """`head`, then `piece` again and again; read whole, or as a stream in `framing`."""

    head: bytes
    piece: bytes
    framing: str | None = None
    error: type[GatewayError] = InvalidProviderResponseError
    clocks: Clocks = Clocks()


def frame(length: int) -> bytes:
    prelude = struct.pack(">II", length, 0)
    return prelude + struct.pack(">I", zlib.crc32(prelude))


EMPTY_LINES = gzip.compress(b"data:\n" * (4 * MEGABYTE), 9)
SHORT = Clocks(total=0.5)
KINDS = {
    "trailers without end": Kind(CHUNKED + b"2\r\n{}\r\n0\r\n", b"x-more: y\r\n" * 1000, "sse"),
    "a trailer without end": Kind(CHUNKED + b"2\r\n{}\r\n0\r\nx-more: ", b"y" * 8192, "sse"),
    "a chunk extension without end": Kind(CHUNKED + b"2;", b"y" * 8192, "sse"),
    "an extension on every chunk": Kind(CHUNKED, b"1;" + b"y" * 4000 + b"\r\n:\r\n", "sse"),
    "a chunk size without end": Kind(CHUNKED, b"0" * 8192, "sse"),
    "100 Continue without end": Kind(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "headers without end": Kind(b"HTTP/1.1 200 OK\r\n", b"x-more: y\r\n" * 100),
    "a header without end": Kind(b"HTTP/1.1 200 OK\r\nx-more: ", b"y" * 8192),
    "300 headers": Kind(b"HTTP/1.1 200 OK\r\n" + b"x-more: y\r\n" * 300 + b"\r\n", b""),
    "a status line without end": Kind(b"HTTP/1.1 200 ", b"O" * 8192),
    "no HTTP": Kind(b"", b"\x00" * 8192),
    "an impossible length": Kind(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n", b"x" * 100),
    "two lengths": Kind(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 7\r\n\r\n", b"x" * 100),
    "a body without end": Kind(OPEN, b"x" * 8192),
    "a bomb": Kind(GZIP + gzip.compress(b"0" * (256 * MEGABYTE), 9), b""),
    "a bomb in a stream": Kind(GZIP + gzip.compress(b": 0\n" * (64 * MEGABYTE), 9), b"", "sse"),
    "empty data lines in a bomb": Kind(GZIP, EMPTY_LINES, "sse"),
    "members of gzip without end": Kind(GZIP, gzip.compress(b"") * 400, "sse"),
    "empty data lines without end": Kind(OPEN, b"data:\n" * 1000, "sse"),
    "a data line without end": Kind(OPEN + b"data: ", b"y" * 8192, "sse"),
    "a JSON text without end": Kind(OPEN + b"{", b"y" * 8192, "sse"),
    "a line without end": Kind(OPEN, b"y" * 8192, "ndjson"),
    "an array without end": Kind(OPEN + b"[", b"1," * 4096, "sse-or-array"),
    "a frame of gigabytes": Kind(OPEN + frame(2**31), b"y" * 8192, "aws-eventstream"),
    "comments without end": Kind(OPEN, b":\n" * 4096, "sse", Timeout, SHORT),
    "a stream without end": Kind(OPEN, b"data: x\n\n" * 1000, "sse", Timeout, SHORT),
    "an error without end": Kind(b"HTTP/1.1 429 Too Many Requests\r\n\r\n", b"x" * 8192),
}  # fmt: skip


class Flood:
    """The script of one connection; `sent` are the bytes that it got rid of."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.sent = 0

    def pieces(self) -> Iterator[bytes]:
        yield self._kind.head
        if self._kind.piece:
            yield from itertools.repeat(self._kind.piece)

    def __call__(self, peer: socket.socket, upstream: Upstream) -> None:
        upstream.hear(peer)
        try:
            for piece in self.pieces():
                peer.sendall(piece)
                self.sent += len(piece)
                if self.sent > 10 * MOST_BYTES:
                    break
        except OSError:
            return
        peer.close()


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(Runtime(), max_response_bytes=4 * MEGABYTE)
    yield made
    made.close()


def read(transport: Transport, url: str, kind: Kind) -> int:
    """Read all of an answer as a provider's caller does; returns its status."""
    reply = transport.send(WireRequest(url, b"{}", {}), kind.clocks)
    if kind.framing is None:
        reply.read()
        return reply.status
    decoder: Decoder = DECODERS[kind.framing]()
    for block in reply.blocks():
        decoder.feed(block)
    decoder.finish()
    return reply.status


@pytest.mark.parametrize("name", [name for name in KINDS if name != "an error without end"])
def test_answer_is_given_up_when_it_has_no_end_or_no_measure(transport: Transport, name: str) -> None:
    kind = KINDS[name]
    flood = Flood(kind)
    begun = time.monotonic()
    with serving_with(flood) as upstream, pytest.raises((kind.error, TruncatedStreamError)) as failed:
        read(transport, upstream.url, kind)
    assert type(failed.value) is kind.error, failed.value.message
    assert time.monotonic() - begun < MOST_SECONDS
    assert flood.sent < MOST_BYTES
    with serving(answering(OK)) as upstream:
        assert read(transport, upstream.url, Kind(b"", b"")) == 200


def test_status_of_an_error_is_kept_when_its_body_has_no_end(transport: Transport) -> None:
    kind = KINDS["an error without end"]
    flood = Flood(kind)
    with serving_with(flood) as upstream:
        assert read(transport, upstream.url, kind) == 429
    assert flood.sent < MOST_BYTES


SOUND: dict[str, Iterable[bytes]] = {
    "chunks of one byte": [CHUNKED, b"1\r\nx\r\n" * 200_000, b"0\r\n\r\n"],
    "extensions that are short": [CHUNKED, b"5;sig=abcdef\r\nhello\r\n" * 10_000, b"0\r\n\r\n"],
    "some trailers": [CHUNKED, b"2\r\n{}\r\n0\r\n", b"x-checksum: abc\r\n" * 20, b"\r\n"],
    "a hundred headers": [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", b"x-more: y\r\n" * 100, b"\r\n{}"],
    "a body that packs well": [GZIP, gzip.compress(b'{"embedding":[0.0,0.0,0.0]}' * 100_000, 9)],
    "two members of gzip": [GZIP, gzip.compress(b"{") + gzip.compress(b"}")],
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_answer_is_read_when_it_is_only_unusual(transport: Transport, name: str) -> None:
    with serving(answering(b"".join(SOUND[name]))) as upstream:
        assert transport.send(WireRequest(upstream.url, b"{}", {}), Clocks()).read()


def serving_with(flood: Flood) -> "Serving":
    return Serving(flood)


class Serving:
    """An upstream whose script needs it."""

    def __init__(self, flood: Flood) -> None:
        script: Callable[[socket.socket], None] = lambda peer: flood(peer, self._upstream)  # noqa: E731
        self._upstream = Upstream(script)

    def __enter__(self) -> Upstream:
        return self._upstream

    def __exit__(self, *error: object) -> None:
        self._upstream.close()
