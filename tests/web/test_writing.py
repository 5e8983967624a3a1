"""What goes over the wire for an answer, and in how many pieces."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import message, wsgi
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.http.unreader import IterUnreader

from proxy.fastpath.flask_response import TrustedHeaderList
from proxy.fastpath.gunicorn_response import Writer, install


class Wire:
    """A socket that notes what each call took; `send` takes at most `room` bytes."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.sent: list[bytes] = []
        self._room = room

    def send(self, data: bytes) -> int:
        self.sent.append(data[: self._room])
        return len(self.sent[-1])

    def sendall(self, data: bytes | memoryview) -> None:
        self.sent.append(bytes(data))


def writer(wire: Wire, method: str = "POST", version: tuple[int, int] = (1, 1), closing: bool = False) -> Any:
    request = SimpleNamespace(method=method, version=version, should_close=lambda: closing)
    return Writer(request, wire, SimpleNamespace(protocol="http", is_ssl=False, sendfile=True))


def test_head_and_body_leave_together() -> None:
    wire = Wire()
    response = writer(wire)

    response.start_response("200 OK", TrustedHeaderList([("Content-Type", "text/plain"), ("Content-Length", "5")], 5))
    response.write(b"hello")
    response.close()

    assert len(wire.sent) == 1
    head, _, body = wire.sent[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {line.partition(":")[0] for line in lines[1:]} == {
        "Server", "Date", "Connection", "Content-Type", "Content-Length",
    }  # fmt: skip
    assert "Connection: keep-alive" in lines
    assert body == b"hello"


def test_the_rest_is_sent_when_the_socket_takes_a_part() -> None:
    wire = Wire(room=100)
    response = writer(wire)

    response.start_response(
        "200 OK", TrustedHeaderList([("Content-Type", "text/plain"), ("Content-Length", "500")], 500)
    )
    response.write(bytes(range(250)) * 2)

    assert len(wire.sent[0]) == 100
    assert b"".join(wire.sent).partition(b"\r\n\r\n")[2] == bytes(range(250)) * 2


def test_a_stream_is_chunked_and_its_first_piece_comes_with_the_head() -> None:
    wire = Wire()
    response = writer(wire)

    response.start_response("200 OK", TrustedHeaderList([("Content-Type", "text/event-stream")], None))
    response.write(b"first")
    response.write(b"second!")
    response.close()

    assert wire.sent[0].endswith(b"Transfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n5\r\nfirst\r\n")
    assert wire.sent[1:] == [b"7\r\nsecond!\r\n", b"0\r\n\r\n"]


def test_an_empty_first_piece_sends_the_head() -> None:
    wire = Wire()
    response = writer(wire)

    response.start_response("200 OK", [("Content-Type", "text/event-stream")])
    response.write(b"")

    assert len(wire.sent) == 1
    assert wire.sent[0].endswith(b"\r\n\r\n")


def test_old_clients_get_a_body_that_ends_with_the_connection() -> None:
    wire = Wire()
    response = writer(wire, version=(1, 0))

    response.start_response("200 OK", TrustedHeaderList([], None))
    response.write(b"first")
    response.close()

    assert b"Connection: close" in wire.sent[0]
    assert wire.sent[0].endswith(b"\r\n\r\nfirst")
    assert wire.sent[1:] == []


def test_no_body_is_sent_where_none_may_be() -> None:
    wire = Wire()
    response = writer(wire, method="HEAD")

    response.start_response("200 OK", [("Content-Length", "5")])
    response.write(b"hello")
    response.close()

    assert b"".join(wire.sent).endswith(b"Content-Length: 5\r\n\r\n")


def test_headers_of_unknown_origin_are_checked() -> None:
    with pytest.raises(InvalidResponseHeader):
        writer(Wire()).start_response("200 OK", [("x-split", "one\r\ntwo: 2")])


def test_a_large_body_is_not_copied_behind_its_head() -> None:
    wire, body = Wire(), bytes(200_000)
    response = writer(wire)

    response.start_response("200 OK", TrustedHeaderList([], len(body)))
    response.write(body)

    assert len(wire.sent) == 2
    assert wire.sent[1] is body


def test_gunicorn_answers_with_it_when_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi, "create", wsgi.create)
    worker = SimpleNamespace(cfg=Config())
    worker.cfg.set("keepalive", 75)
    request = message.Request(worker.cfg, IterUnreader(iter([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])), ("::1", 1), 1)

    install(worker)

    response, _ = wsgi.create(request, "the socket", ("::1", 1), ("::1", 2), worker.cfg)
    assert type(response) is Writer
    other, _ = wsgi.create(request, "the socket", ("::1", 1), ("::1", 2), worker.cfg, response_class=wsgi.Response)
    assert type(other) is wsgi.Response, "another protocol's own answers stay as they are"
    assert vars(worker.cfg)["keepalive"] == 75
    assert not worker.cfg.is_ssl
