"""Compressed bodies: what clients send is read, and no small body costs much memory or time."""

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient

from app import create_app
from proxy.settings import load

MIB = 2**20
BODY = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "hello " * 50}]}).encode()


def zstd(body: bytes, **options: int) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(body)


def zstd_stream(body: bytes) -> bytes:
    """As a client compresses whose body has no length yet."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(body) + compressor.flush()


def zstd_long_window(body: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(body) + compressor.flush()


def bare_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


def twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


GOOD: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "in capitals": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "zstd": ("zstd", zstd),
    "a zstd stream": ("zstd", zstd_stream),
    "br": ("br", brotli.compress),
    "two members of gzip": ("gzip", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
    "two frames of zstd": ("zstd", lambda body: zstd(body[:20]) + zstd(body[20:])),
    "identity": ("identity", bytes),
}

# By name: the coding, the bytes, the status.
BOMB = b" " * (30 * MIB)
ATTACKS: dict[str, tuple[str, bytes, int]] = {
    "a bomb of gzip": ("gzip", gzip.compress(BOMB), 400),
    "a bomb of deflate": ("deflate", zlib.compress(BOMB), 400),
    "a bomb of bare deflate": ("deflate", bare_deflate(BOMB), 400),
    "a bomb of zstd": ("zstd", zstd(BOMB), 400),
    "a bomb of zstd without a length": ("zstd", zstd_stream(BOMB), 400),
    "a bomb of brotli": ("br", brotli.compress(BOMB), 400),
    "a bomb behind a good body": ("gzip", gzip.compress(BODY) + gzip.compress(BOMB), 400),
    "many small bombs of gzip": ("gzip", gzip.compress(b" " * MIB) * 30, 400),
    "many small bombs of zstd": ("zstd", zstd(b" " * MIB) * 30, 400),
    "a bomb in a bomb": ("gzip", twice(BOMB), 400),
    "two codings": ("gzip, gzip", twice(BODY), 415),
    "a huge window of zstd": ("zstd", zstd_long_window(BODY * 400_000), 400),
    "an unknown coding": ("compress", BODY, 415),
    "a coding with a long name": ("x" * 5000, BODY, 415),
    "no gzip": ("gzip", BODY, 400),
    "no zstd": ("zstd", BODY, 400),
    "no brotli": ("br", BODY, 400),
    "gzip that is called zstd": ("zstd", gzip.compress(BODY), 400),
    "half a gzip": ("gzip", gzip.compress(BODY)[:-9], 400),
    "half a zstd": ("zstd", zstd(BODY)[: len(zstd(BODY)) // 2], 400),
    "half a brotli": ("br", brotli.compress(BODY)[:-4], 400),
    "gzip with a wrong checksum": ("gzip", gzip.compress(BODY)[:-8] + b"\0" * 8, 400),
    "rubbish behind gzip": ("gzip", gzip.compress(BODY) + b"rubbish", 400),
    "empty members without end": ("gzip", gzip.compress(b"") * 100_000, 400),
    "empty frames without end": ("zstd", zstd(b"") * 200_000, 400),
    "nothing": ("gzip", b"", 400),
    "a skippable frame alone": ("zstd", b"\x50\x2a\x4d\x18\xff\xff\xff\x7f", 400),
    "a dictionary that is not there": ("zstd", b"\x28\xb5\x2f\xfd\x01\x40\x07\x00\x00", 400),
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(load(None, {})).test_client()


def post(client: FlaskClient, coding: str, body: bytes) -> tuple[int, dict[str, object]]:
    headers = {"content-type": "application/json", "content-encoding": coding}
    answer = client.post("/v1/chat/completions", data=body, headers=headers)
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize(("coding", "compress"), GOOD.values(), ids=GOOD.keys())
def test_a_compressed_body_is_read(client: FlaskClient, coding: str, compress: Callable[[bytes], bytes]) -> None:
    status, answer = post(client, coding, compress(BODY))
    assert status == 200, answer


@pytest.mark.parametrize(("coding", "body", "expected"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused_cheaply(client: FlaskClient, coding: str, body: bytes, expected: int) -> None:
    tracemalloc.start()
    began = time.process_time()
    status, answer = post(client, coding, body)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert status == expected, answer
    error = answer["error"]
    assert isinstance(error, dict) and error["param"] in ("content-encoding", "request_body")
    # One MiB is free, then a hundred bytes for each that was sent; the pieces are joined once.
    assert peak < 3 * MIB + 3 * 100 * len(body) and peak < 40 * MIB
    assert seconds < 2


def test_the_limit_counts_plain_bytes(client: FlaskClient) -> None:
    words = b"".join(b"%d " % (number * 7919) for number in range(6_000_000))
    body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": words.decode()}]}).encode()
    assert len(body) > 32 * MIB
    status, answer = post(client, "zstd", zstd(body))
    assert status == 413, answer


def test_a_large_conversation_compresses_well_and_is_read(client: FlaskClient) -> None:
    turns = [{"role": "user", "content": f"the quick brown fox {number} jumps"} for number in range(20_000)]
    body = json.dumps({"model": "demo", "messages": turns}).encode()
    assert post(client, "gzip", gzip.compress(body))[0] == 200
