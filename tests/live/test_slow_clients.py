"""Clients that take, or send, a byte now and then: they are cut in time, and nobody else waits for them."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.live.http import chat, open_answers, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway

MESSAGES = [{"role": "user", "content": "hello"}]
PLAIN = {"model": "up", "messages": MESSAGES}
# Far more than the kernel's buffers hold.
FLOOD = {**PLAIN, "stream": True, "mock": {"reply": "x" * 30_000_000, "chunks": 500}}


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(
    request: pytest.FixtureRequest, upstream: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    params = {"model": "openai/up", "api_base": f"{upstream.url}/v1", "api_key": "sk-operator"}
    config = {
        "model_list": [{"model_name": "up", "litellm_params": params}],
        "general_settings": {"receive_timeout": 1, "send_timeout": 1, "max_request_size_mb": 100},
    }
    with gateway(config, tmp_path_factory.mktemp("slow"), worker_class=request.param) as running:
        yield running


def connect(server: Server, length: int) -> socket.socket:
    """A connection that has announced a body of so many bytes, with a small window for what comes back."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(15)
    client.connect(("127.0.0.1", server.port))
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {length}\r\n\r\n"
    client.sendall(head.encode())
    return client


def test_stream_is_given_up_when_its_client_does_not_read(server: Server, upstream: Server) -> None:
    body = json.dumps(FLOOD).encode()
    with connect(server, len(body)) as client:
        client.sendall(body)
        assert client.recv(16).startswith(b"HTTP/1.1 200")
        assert open_answers(upstream) == 1
        for _ in range(3):
            client.recv(1)
            assert chat(server, PLAIN).status == 200
            time.sleep(0.2)
        assert wait_until(lambda: open_answers(upstream) == 0, 6), "the upstream is still read for nobody"
    assert wait_until(lambda: '"status":499' in server.output(), 3)


def test_request_is_refused_when_its_body_dribbles(server: Server) -> None:
    with connect(server, 1000) as client:
        for _ in range(4):
            client.sendall(b" ")
            assert chat(server, PLAIN).status == 200
            time.sleep(0.2)
        # The connection is closed behind the answer, so all of it can be read.
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["error"]["param"] == "request_body"
