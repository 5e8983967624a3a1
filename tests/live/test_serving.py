"""What clients may do on a connection, in both worker classes: the bytes decide, not the worker."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from tests.live.servers import WORKER_CLASSES, Server, gateway

BODY = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "hello"}]}).encode()
CONFIG = {
    "model_list": [{"model_name": "demo", "litellm_params": {"model": "mock/demo"}}],
    "general_settings": {"master_key": "sk-master-1234"},
}
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer sk-master-1234\r\n"
    b"Content-Type: application/json\r\n"
)
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(CONFIG, tmp_path_factory.mktemp("serving"), worker_class=request.param) as running:
        yield running


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """(status, body) of one answer whose length is said."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += receive(connection)
    return int(head.split()[1]), body


def receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the connection was closed in the middle of an answer"
    return data


@pytest.mark.parametrize(
    "pieces",
    [
        [WHOLE],
        [WHOLE[:30], WHOLE[30:]],
        [WHOLE[:-20], WHOLE[-20:]],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)],
    ],
    ids=["whole", "head in two pieces", "body in two pieces", "chunked"],
)
def test_requests_follow_each_other_on_a_connection_however_they_come(server: Server, pieces: list[bytes]):
    with connect(server) as connection:
        for _ in range(3):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05 if len(pieces) > 1 else 0)
            status, body = read_answer(connection)
            assert status == 200
            assert json.loads(body)["choices"][0]["message"]["role"] == "assistant"


def test_a_body_is_awaited_when_the_client_expects_to_be_told(server: Server):
    with connect(server) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert receive(connection).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert read_answer(connection)[0] == 200


def test_requests_are_answered_in_order_when_they_are_sent_at_once(server: Server):
    missing = (
        b"GET /nothing-here HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer sk-master-1234\r\nConnection: close\r\n\r\n"
    )
    with connect(server) as connection:
        connection.sendall(WHOLE + missing)
        data = b""
        while piece := connection.recv(65536):
            data += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"404"]


def test_the_next_request_is_never_read_out_of_a_body_that_nobody_read(server: Server):
    """gthread parts with such a connection, gevent reads the rest of the body first."""
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % 300_000
    with connect(server) as connection:
        connection.sendall(WHOLE.split(b"Authorization")[0] + length + WHOLE.ljust(300_000))
        assert read_answer(connection)[0] == 401
        try:
            connection.sendall(WHOLE)
            next_answer = connection.recv(12)
        except ConnectionError:
            next_answer = b""
        assert next_answer in (b"", b"HTTP/1.1 200")


def test_a_large_body_arrives_whole(server: Server):
    body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "x" * 3_000_000}]}).encode()
    with connect(server) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert read_answer(connection)[0] == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\n folded\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_ambiguous_is_refused(server: Server, request_bytes: bytes, status: int):
    with connect(server) as connection:
        connection.sendall(request_bytes)
        assert receive(connection).startswith(b"HTTP/1.1 %d " % status)


def test_the_server_ends_at_once_when_its_connections_are_idle(tmp_path_factory: pytest.TempPathFactory):
    with gateway(CONFIG, tmp_path_factory.mktemp("ending")) as running, connect(running) as connection:
        connection.sendall(WHOLE)
        assert read_answer(connection)[0] == 200
        running.process.send_signal(signal.SIGTERM)
        assert connection.recv(1) == b""
        running.process.wait(timeout=20)
