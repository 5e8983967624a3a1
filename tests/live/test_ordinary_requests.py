"""Requests on one connection, some read in gunicorn's place and some by gunicorn, in both worker classes."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.live.servers import WORKER_CLASSES, Server, gateway

KEY = "sk-ordinary-12345"
BODY = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}).encode()
LONG = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "word " * 20_000}]}).encode()
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n"
    % KEY.encode()
)


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


# What is sent, piece by piece.
WAYS = {
    "at once": [whole(BODY)],
    "head and body apart": [whole(BODY).removesuffix(BODY), BODY],
    "a head in two pieces": [whole(BODY)[:50], whole(BODY)[50:]],
    "a long body": [whole(LONG)],
    "a long body in pieces": [whole(LONG)[at : at + 30_000] for at in range(0, len(whole(LONG)), 30_000)],
    "in chunks": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)],
    "expecting to be told to go on": [HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY), BODY],
    "over a proxy": [HEAD + b"X-Forwarded-Proto: https\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY],
}


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = {
        "model_list": [{"model_name": "demo", "litellm_params": {"model": "mock/demo"}}],
        "general_settings": {"master_key": KEY},
    }
    with gateway(config, tmp_path_factory.mktemp("ordinary"), worker_class=request.param) as running:
        yield running


def read_answer(connection: socket.socket) -> tuple[int, str | None, bytes]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.getheader("set-cookie"), answer.read()


def test_one_connection_serves_all_kinds(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for name, pieces in [*WAYS.items(), *reversed(WAYS.items())]:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.02)
            status, _, body = read_answer(connection)
            assert status == 200, name
            assert json.loads(body)["choices"][0]["finish_reason"] == "stop", name


def test_requests_that_come_together_are_answered_in_turn(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        models = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n" % KEY.encode()
        connection.sendall(models + b"\r\n" + whole(BODY) + models + b"Connection: close\r\n\r\n")
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [rest.count(b"HTTP/1.1 200 OK"), rest.count(b'"object":"list"'), rest.count(b'"chat.completion"')] == [
        3,
        2,
        1,
    ]


@pytest.mark.parametrize(("scheme", "secure"), [(b"https", True), (b"http", False)])
def test_the_cookie_is_for_https_when_a_proxy_says_so(server: Server, scheme: bytes, secure: bool) -> None:
    form = b"key=%b" % KEY.encode()
    head = b"POST /status/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + b"X-Forwarded-Proto: %b\r\nContent-Length: %d\r\n\r\n%b" % (scheme, len(form), form))
        status, cookie, _ = read_answer(connection)
    assert status == 303
    assert cookie is not None and ("; Secure" in cookie) is secure
