"""Bytes that are no HTTP request: each is answered in OpenAI's form, with a 4xx, in both worker classes."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.live.servers import WORKER_CLASSES, Server, gateway

POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n"

# name: (bytes, status)
BROKEN: dict[str, tuple[bytes, int]] = {
    "words": (b"hello world\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a version that is none": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "a method that is none": (b"ge!t /v1/models HTTP/1.1\r\n\r\n", 400),
    "line feeds alone": (b"GET /v1/models HTTP/1.1\nHost: a\n\n", 400),
    "a space in a header's name": (GET + b"X y: 1\r\n\r\n", 400),
    "NUL in a header": (GET + b"X: a\0b\r\n\r\n", 400),
    "a folded header": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\n", 400),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a chunk size that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400),
    "a chunk without its end": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX", 400),
    "an expectation that nobody knows": (POST + b"Expect: cake\r\nContent-Length: 2\r\n\r\n{}", 417),
    "a path of 9,000 letters": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
    "a key of 20,000 letters": (GET + b"Authorization: Bearer " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "120 headers": (GET + b"".join(b"X-%d: 1\r\n" % number for number in range(120)) + b"\r\n", 431),
}


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(None, tmp_path_factory.mktemp("malformed"), worker_class=request.param) as running:
        yield running


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_that_are_no_request_are_answered_with_openais_error(server: Server, name: str) -> None:
    raw, status = BROKEN[name]
    first, headers, body = exchange(server, raw)
    assert first.split(b" ")[1] == str(status).encode()
    assert b"content-type: application/json" in headers.lower()
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error" and error["message"].isprintable()


def test_log_names_the_kind_but_no_bytes_when_a_request_is_malformed(server: Server) -> None:
    exchange(server, b"GET /sk-in-a-broken-line\r\n\r\n")
    assert "InvalidRequestLine" in server.output()
    assert "sk-in-a-broken-line" not in server.output()


def exchange(server: Server, raw: bytes) -> tuple[bytes, bytes, bytes]:
    """(status line, headers, body) of the only answer; reads until the server closes, or has said all that it announced."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        connection.sendall(raw)
        reader = connection.makefile("rb")
        first = reader.readline()
        headers = b"".join(iter(reader.readline, b"\r\n"))
        length = next(
            int(line.split(b":")[1]) for line in headers.splitlines() if line.lower().startswith(b"content-l")
        )
        return first, headers, reader.read(length)
