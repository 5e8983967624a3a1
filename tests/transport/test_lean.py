"""The lean adapter, through Transport, against sockets that behave well and badly. Also run under gevent."""

import gc
import gzip
import os
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from proxy.domain.wire import Clocks, Pieces, WireRequest
from proxy.errors import (
    APIConnectionError,
    BadRequestError,
    ClientClosedRequestError,
    GatewayError,
    InvalidProviderResponseError,
    Timeout,
    TruncatedStreamError,
)
from proxy.runtime import Runtime
from proxy.transport.http1.parser import ResponseParser
from proxy.transport.transport import Transport
from tests.transport.upstream import CERTIFICATES, OK, Upstream, always, answering, serving

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport(Runtime(), max_response_bytes=1_000_000, verify=str(CERTIFICATES / "ca.pem"))
    yield made
    made.close()


def ask(upstream: Upstream, body: bytes = b"{}", **headers: str) -> WireRequest:
    return WireRequest(upstream.url, body, headers)


class Client:
    """A ClientWatch over one end of a pair of sockets; the test holds the other."""

    def __init__(self) -> None:
        self.end, self._ours = socket.socketpair()
        # gevent's sockets wait in spite of MSG_DONTWAIT, unless they are told so.
        self._ours.setblocking(False)

    def gone(self) -> bool:
        try:
            return self._ours.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False

    def fileno(self) -> int | None:
        return self._ours.fileno()


# Requests


def test_the_request_is_what_the_provider_wrote_when_it_is_sent(transport: Transport) -> None:
    with serving(always(OK)) as upstream:
        transport.send(ask(upstream, b'{"a":1}', Authorization="Bearer k")).read()
    head, _, body = upstream.heard[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /v1/chat HTTP/1.1"
    assert sorted(head.split(b"\r\n")[1:]) == [
        b"accept-encoding: identity",
        b"authorization: Bearer k",
        b"content-length: 7",
        f"host: 127.0.0.1:{upstream.port}".encode(),
        b"user-agent: patchbay",
    ]
    assert body == b'{"a":1}'


def test_each_request_has_its_own_headers_and_length_when_the_url_is_the_same(transport: Transport) -> None:
    with serving(always(OK)) as upstream:
        for key, body in (("a", b"12"), ("b", b"12345"), ("a", b"")):
            request = WireRequest(upstream.url, body, {"authorization": key})
            assert transport.send(request).read() == b"ok"
    told = [
        [line for line in heard.split(b"\r\n") if line.startswith((b"auth", b"content-l"))] for heard in upstream.heard
    ]
    assert told == [
        [b"authorization: a", b"content-length: 2"],
        [b"authorization: b", b"content-length: 5"],
        [b"authorization: a", b"content-length: 0"],
    ]


def test_a_large_body_arrives_whole_when_the_socket_is_full(transport: Transport) -> None:
    body = os.urandom(5_000_000)
    with serving(always(OK)) as upstream:
        assert transport.send(ask(upstream, body)).read() == b"ok"
    assert upstream.heard[0].endswith(body)


@pytest.mark.parametrize("tls", [False, True])
def test_a_body_in_pieces_arrives_as_one_when_it_is_sent(transport: Transport, tls: bool) -> None:
    long = os.urandom(3_000_000)
    body = Pieces([b'{"model":', b'"m"', memoryview(long)[:2_000_000], b",", memoryview(long)[2_000_000:], b"", b"}"])
    with serving(always(OK), tls=tls) as upstream:
        request = WireRequest(upstream.url.replace("127.0.0.1", "localhost"), body, {})
        assert transport.send(request).read() == b"ok"
    head, _, arrived = upstream.heard[0].partition(b"\r\n\r\n")
    assert f"content-length: {len(arrived)}".encode() in head
    assert arrived == b'{"model":"m"' + long[:2_000_000] + b"," + long[2_000_000:] + b"}"


def test_a_body_in_pieces_is_sent_again_whole_when_a_kept_connection_died(transport: Transport) -> None:
    body = Pieces([b"[", b"1," * 200_000, b"1]"])
    with serving(answering(OK)) as upstream:
        for _ in range(2):
            assert transport.send(WireRequest(upstream.url, body, {})).read() == b"ok"
    assert all(heard.endswith(bytes(body)) for heard in upstream.heard)
    assert upstream.connections == 2


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Expect", "TE", "Upgrade"])
def test_a_header_that_frames_the_message_is_ours_when_a_client_sends_it(transport: Transport, name: str) -> None:
    with serving(always(OK)) as upstream:
        transport.send(WireRequest(upstream.url, b"{}", {name: "99"})).read()
    assert b": 99" not in upstream.heard[0]


@pytest.mark.parametrize(
    "headers", [{"x": "a\r\nb: c"}, {"x": "a\n"}, {"x": "a\0"}, {"x y": "a"}, {"x:": "a"}, {"": "a"}, {"x": "\u20ac"}]
)
def test_a_header_is_refused_without_its_value_when_http_cannot_carry_it(
    transport: Transport, headers: dict[str, str]
) -> None:
    with pytest.raises(BadRequestError) as caught:
        transport.send(WireRequest("http://127.0.0.1:9/", b"{}", headers))
    assert all(value not in caught.value.message for value in headers.values() if len(value) > 1)


def test_userinfo_becomes_basic_credentials_when_there_are_no_others(transport: Transport) -> None:
    with serving(always(OK)) as upstream:
        url = upstream.url.replace("//", "//us%40er:pass@")
        transport.send(WireRequest(url, b"{}", {})).read()
    assert b"authorization: Basic dXNAZXI6cGFzcw==" in upstream.heard[0]


def test_the_answer_is_read_when_the_provider_stops_reading_the_request(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge")

    with serving(script) as upstream:
        reply = transport.send(ask(upstream, b"x" * 20_000_000), Clocks(total=10))
        assert (reply.status, reply.read()) == (413, b"large")


# Answers


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (HEAD + b"content-length: 0\r\n\r\n", b""),
        (CHUNKED + b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\ntrailer: x\r\n\r\n", b"abcde"),
        (HEAD + b"\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", b"x"),
        (HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"small" * 99), b"small" * 99),
        (HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"one") + gzip.compress(b"two"), b"onetwo"),
        (HEAD + b"content-encoding: deflate\r\n\r\n" + zlib.compress(b"small"), b"small"),
        (HEAD + b"content-encoding: deflate\r\n\r\n" + zlib.compress(b"bare", wbits=-15), b"bare"),
        (HEAD + b"content-encoding: identity\r\ncontent-length: 1\r\n\r\nx", b"x"),
    ],
)
@pytest.mark.parametrize("cut", [1, 100_000])
def test_the_body_is_read_when_it_is_framed_as(transport: Transport, answer: bytes, body: bytes, cut: int) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(answer), cut):
            peer.sendall(answer[start : start + cut])

    with serving(script) as upstream:
        reply = transport.send(ask(upstream), Clocks(total=10))
        assert (reply.status, reply.read()) == (200, body)


def test_header_names_are_lower_case_and_joined_when_they_repeat(transport: Transport) -> None:
    answer = HEAD + b"X-A: 1\r\nx-a: 2\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(answer)) as upstream:
        headers = transport.send(ask(upstream), Clocks(total=10)).headers
    assert headers == {"x-a": "1, 2", "empty": "", "content-length": "0"}


@pytest.mark.parametrize("status", [204, 304])
def test_there_is_no_body_to_wait_for_when_the_status_has_none(transport: Transport, status: int) -> None:
    with serving(always(b"HTTP/1.1 %d X\r\n\r\n" % status)) as upstream:
        assert transport.send(ask(upstream), Clocks(total=10)).read() == b""


def test_there_is_no_body_to_wait_for_when_only_the_head_was_asked(transport: Transport) -> None:
    with serving(always(HEAD + b"content-length: 5\r\n\r\n")) as upstream:
        request = WireRequest(upstream.url, b"", {}, method="HEAD")
        assert transport.send(request, Clocks(total=10)).read() == b""


def test_a_redirect_is_an_answer_when_a_provider_sends_one(transport: Transport) -> None:
    with serving(
        always(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n")
    ) as upstream:
        reply = transport.send(ask(upstream))
    assert (reply.status, upstream.connections) == (302, 1)


def test_blocks_come_as_they_arrive_when_more_is_to_follow(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(CHUNKED + b"2\r\nab\r\n")
        upstream.let_go.wait()
        peer.sendall(b"1\r\nc\r\n0\r\n\r\n")

    with serving(script) as upstream:
        blocks = transport.send(ask(upstream), Clocks(total=10)).blocks()
        assert next(blocks) == b"ab"
        upstream.let_go.set()
        assert list(blocks) == [b"c"]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"<html></html>",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"x: " + b"y" * 200_000,
        HEAD + b"x: y\r\n" * 300 + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        HEAD + b"content-encoding: br\r\n\r\nx",
        HEAD + b"content-encoding: gzip\r\n\r\nnot gzip",
        HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000)[:-4],
        HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"\0" * 50_000_000),
        HEAD + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        CHUNKED + b"zz\r\n",
        HEAD + b"content-length: 5\r\n\r\nab",
        CHUNKED + b"5\r\nab",
    ],
)
def test_an_answer_is_refused_when_it_is_not_one(transport: Transport, answer: bytes) -> None:
    with serving(answering(answer)) as upstream, pytest.raises(InvalidProviderResponseError) as caught:
        transport.send(ask(upstream), Clocks(total=10)).read()
    assert "Error" not in caught.value.message


@pytest.mark.parametrize("answer", [HEAD + b"content-length: 5\r\n\r\nab", CHUNKED + b"2\r\nab\r\n"])
def test_a_stream_is_truncated_when_it_breaks(transport: Transport, answer: bytes) -> None:
    with serving(answering(answer)) as upstream:
        blocks = transport.send(ask(upstream), Clocks(total=10)).blocks()
        assert next(blocks) == b"ab"
        with pytest.raises(TruncatedStreamError):
            next(blocks)


# Connections


def test_a_connection_is_used_again_when_its_answer_was_read(transport: Transport) -> None:
    with serving(always(OK)) as upstream:
        for _ in range(5):
            transport.send(ask(upstream)).read()
    assert (upstream.connections, len(upstream.heard)) == (1, 5)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        OK + b"junk",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
def test_a_connection_is_dropped_when_its_answer_leaves_doubt(transport: Transport, answer: bytes) -> None:
    with serving(always(answer)) as upstream:
        assert [transport.send(ask(upstream)).read() for _ in range(3)] == [b"ok"] * 3
    assert upstream.connections == 3


def test_a_connection_is_replaced_when_it_was_closed_while_idle(transport: Transport) -> None:
    with serving(answering(OK)) as upstream:
        assert [transport.send(ask(upstream), Clocks(total=10)).read() for _ in range(5)] == [b"ok"] * 5
    assert (upstream.connections, len(upstream.heard)) == (5, 5)


def test_the_request_is_sent_again_once_when_a_kept_connection_dies_under_it(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        if upstream.connections == 1:
            answering(OK, b"")(upstream, peer)
        else:
            always(OK)(upstream, peer)

    with serving(script) as upstream:
        assert [transport.send(ask(upstream), Clocks(total=10)).read() for _ in range(2)] == [b"ok"] * 2
    assert (upstream.connections, len(upstream.heard)) == (2, 3)


@pytest.mark.parametrize(("answers", "heard"), [((b"",), 1), ((OK, b"HTTP/1.1 2"), 2)])
def test_the_request_is_not_sent_again_when_it_may_have_been_served(
    transport: Transport, answers: tuple[bytes, ...], heard: int
) -> None:
    with serving(answering(*answers)) as upstream:
        for _ in answers[:-1]:
            transport.send(ask(upstream)).read()
        with pytest.raises(APIConnectionError, match="closed without an answer"):
            transport.send(ask(upstream), Clocks(total=10))
    assert len(upstream.heard) == heard


def test_the_connection_ends_when_a_stream_is_closed_early(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(CHUNKED + b"2\r\nab\r\n")
        upstream.await_close(peer)

    with serving(script) as upstream:
        reply = transport.send(ask(upstream), Clocks(total=10))
        assert next(reply.blocks()) == b"ab"
        reply.close()
        reply.close()
        assert upstream.closed_by_client.wait(10)


def test_the_reader_is_woken_when_another_thread_closes_the_stream(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(CHUNKED + b"2\r\nab\r\n")
        upstream.await_close(peer)

    with serving(script) as upstream:
        reply = transport.send(ask(upstream), Clocks(total=10))
        blocks = reply.blocks()
        next(blocks)
        threading.Timer(0.1, reply.close).start()
        with pytest.raises(TruncatedStreamError):
            next(blocks)
        assert upstream.closed_by_client.wait(10)


def test_threads_get_their_own_answers_when_they_share_a_transport(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        while heard := upstream.hear(peer):
            peer.sendall(HEAD + b"content-length: 4\r\n\r\n" + heard[-4:])

    wrong = []

    def work(number: int) -> None:
        for index in range(20):
            body = b"%02d%02d" % (number, index)
            if transport.send(ask(upstream, body), Clocks(total=20)).read() != body:
                wrong.append(body)

    with serving(script) as upstream:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert (len(upstream.heard), upstream.connections <= 8) == (160, True)


def test_no_descriptor_is_left_when_requests_fail_in_every_way(transport: Transport) -> None:
    answers = [
        b"",
        b"junk",
        HEAD + b"content-length: 5\r\n\r\nab",
        HEAD + b"content-encoding: br\r\n\r\n",
        HEAD + b"x: ",
    ]

    def attempt(url: str) -> None:
        with pytest.raises(GatewayError):
            transport.send(WireRequest(url, b"{}", {}), Clocks(connect=0.05, first=0.05, idle=0.05)).read()

    def attempt_all() -> int:
        for answer in answers:
            with serving(answering(answer, OK)) as upstream:
                attempt(upstream.url)
                attempt(upstream.url.replace("http:", "https:"))
        attempt("http://127.0.0.1:1/")
        return len(list(Path("/proc/self/fd").iterdir()))

    attempt_all()
    before = attempt_all()
    for _ in range(3):
        attempt_all()
    assert attempt_all() <= before + len(answers)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x?key=secret", "http://u:secret@127.0.0.1:1/x"])
def test_the_message_names_only_the_host_when_nobody_listens(transport: Transport, url: str) -> None:
    with pytest.raises(APIConnectionError) as caught:
        transport.send(WireRequest(url, b"{}", {}))
    assert caught.value.message == "could not connect to 127.0.0.1:1: the connection was refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///x",
        "ftp://a/",
        "http://a:99999/",
        "http://[::1/",
        "x",
        "",
        "//a/b",
        "http://a/" + "b" * 17_000,
    ],
)
def test_the_url_is_refused_when_it_is_not_one(transport: Transport, url: str) -> None:
    with pytest.raises(APIConnectionError):
        transport.send(WireRequest(url, b"{}", {}))


# TLS


def test_answers_come_over_tls_when_the_authority_is_known(transport: Transport) -> None:
    with serving(always(OK), tls=True) as upstream:
        assert [transport.send(ask(upstream), Clocks(total=10)).read() for _ in range(3)] == [b"ok"] * 3
    assert upstream.connections == 1


def test_a_requests_own_authorities_count_when_it_names_them(transport: Transport) -> None:
    with serving(always(OK), tls=True) as upstream:
        plain = Transport(Runtime())
        trusting = ask(upstream)._replace(verify=str(CERTIFICATES / "ca.pem"))
        assert (
            plain.send(trusting, Clocks(total=10)).read()
            == plain.send(ask(upstream)._replace(verify=False), Clocks(total=10)).read()
        )
        with pytest.raises(APIConnectionError):
            plain.send(ask(upstream), Clocks(total=10))
        plain.close()


def test_a_tls_session_is_used_again_when_a_new_connection_is_made(transport: Transport) -> None:
    reused: list[bool | None] = []

    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        reused.append(peer.session_reused)  # type: ignore[attr-defined]
        peer.sendall(HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok")

    with serving(script, tls=True) as upstream:
        for _ in range(2):
            transport.send(ask(upstream), Clocks(total=10)).read()
    assert reused == [False, True]


def test_a_large_body_arrives_whole_when_it_goes_over_tls(transport: Transport) -> None:
    body = os.urandom(3_000_000)
    with serving(always(HEAD + b"content-length: 900000\r\n\r\n" + b"x" * 900_000), tls=True) as upstream:
        assert len(transport.send(ask(upstream, body), Clocks(total=20)).read()) == 900_000
    assert upstream.heard[0].endswith(body)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_tls_is_refused_when_the_certificate_is_not_for_the_host(host: str, transport: Transport) -> None:
    chooser = Transport(Runtime()) if host == "127.0.0.1" else transport
    upstream = Upstream(lambda peer: None, tls=True, host=host)
    with pytest.raises(APIConnectionError, match="certificate is not valid"):
        chooser.send(ask(upstream), Clocks(total=10))
    upstream.close()


def test_tls_fails_when_the_other_side_speaks_plain(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(script) as upstream, pytest.raises(APIConnectionError, match="TLS failed"):
        transport.send(WireRequest(upstream.url.replace("http:", "https:"), b"{}", {}), Clocks(total=10))


# Clocks


def dribble(before: bytes, drop: bytes) -> Callable[[Upstream, socket.socket], None]:
    """`before` at once, and `drop` every 20 ms for as long as the client listens."""

    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(before)
        while not upstream.let_go.wait(0.02):
            peer.sendall(drop)

    return script


@pytest.mark.parametrize(
    ("before", "drop", "clocks", "words"),
    [
        (b"", b"", Clocks(first=0.2), "begin its answer within 0.2 s"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y", Clocks(first=0.2), "begin its answer within 0.2 s"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y", Clocks(total=0.2), "finish its answer within 0.2 s"),
        (CHUNKED, b"", Clocks(first=0.2), "begin its answer within 0.2 s"),
        (CHUNKED + b"1\r\na\r\n", b"", Clocks(idle=0.2), "silent for 0.2 s"),
        (CHUNKED + b"1\r\na\r\n", b"1\r\na\r\n", Clocks(idle=5, total=0.3), "finish its answer within 0.3 s"),
        (CHUNKED + b"1\r\na\r\n", b"0", Clocks(idle=0.2), "silent for 0.2 s"),
    ],
)
def test_the_try_ends_at_its_clock_when_the_provider_dribbles(
    transport: Transport, before: bytes, drop: bytes, clocks: Clocks, words: str
) -> None:
    with serving(dribble(before, drop)) as upstream, pytest.raises(Timeout, match=words):
        list(transport.send(ask(upstream), clocks).blocks())


def test_the_try_ends_at_its_clock_when_the_provider_does_not_read(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.let_go.wait()

    with serving(script) as upstream, pytest.raises(Timeout):
        transport.send(ask(upstream, b"x" * 20_000_000), Clocks(total=0.3))


def test_the_try_ends_at_its_clock_when_tls_does_not_begin(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.let_go.wait()

    with serving(script) as upstream, pytest.raises(Timeout, match="did not accept a connection"):
        transport.send(WireRequest(upstream.url.replace("http:", "https:"), b"{}", {}), Clocks(connect=0.2))


def test_the_stream_ends_at_its_clock_when_the_provider_never_pauses(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(CHUNKED)
        while not upstream.let_go.is_set():
            peer.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with serving(script) as upstream, pytest.raises(Timeout, match="finish its answer"):
        for _ in transport.send(ask(upstream), Clocks(total=0.3)).blocks():
            pass


def test_silence_is_told_when_a_tick_is_asked_for(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(CHUNKED + b"2\r\nab\r\n")
        upstream.let_go.wait()
        peer.sendall(b"2\r\ncd\r\n0\r\n\r\n")

    with serving(script) as upstream:
        blocks = transport.send(ask(upstream), Clocks(total=10, tick=0.05)).blocks()
        assert [next(blocks), next(blocks), next(blocks)] == [b"ab", b"", b""]
        upstream.let_go.set()
        assert b"".join(blocks) == b"cd"


# The client


@pytest.mark.parametrize("before", [b"", CHUNKED])
def test_the_provider_is_let_go_when_the_client_leaves(transport: Transport, before: bytes) -> None:
    client = Client()

    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.sendall(before)
        threading.Timer(0.1, client.end.close).start()
        upstream.await_close(peer)

    with serving(script) as upstream:
        with pytest.raises(ClientClosedRequestError):
            transport.send(ask(upstream), Clocks(total=10), client).read()
        assert upstream.closed_by_client.wait(10)


def test_the_provider_is_let_go_when_the_client_leaves_and_no_socket_tells(transport: Transport) -> None:
    class Abandoned:
        asked = 0

        def gone(self) -> bool:
            self.asked += 1
            return self.asked > 2

        def fileno(self) -> int | None:
            return None

    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        upstream.await_close(peer)

    with serving(script) as upstream:
        with pytest.raises(ClientClosedRequestError):
            transport.send(ask(upstream), Clocks(total=10), Abandoned())
        assert upstream.closed_by_client.wait(10)


def test_nothing_is_sent_when_the_client_has_left_already(transport: Transport) -> None:
    client = Client()
    client.end.close()
    with serving(always(OK)) as upstream, pytest.raises(ClientClosedRequestError):
        transport.send(ask(upstream), Clocks(total=10), client)
    assert upstream.heard == []


def test_the_answer_is_awaited_when_the_client_only_sends_more(transport: Transport) -> None:
    client = Client()
    client.end.send(b"GET / HTTP/1.1\r\n")

    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        upstream.let_go.wait(0.2)
        peer.sendall(OK)

    with serving(script) as upstream:
        assert transport.send(ask(upstream), Clocks(total=10), client).read() == b"ok"


def test_every_error_is_ours_when_the_provider_resets(transport: Transport) -> None:
    def script(upstream: Upstream, peer: socket.socket) -> None:
        upstream.hear(peer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(script) as upstream, pytest.raises(GatewayError, match="was reset"):
        transport.send(ask(upstream), Clocks(total=10))


# What is remembered


def texts_in(root: object) -> set[str]:
    """All texts that can be reached from an object, without going through modules, classes and functions."""
    seen: set[int] = set()
    found: set[str] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, ModuleType | type | FunctionType):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            found.add(one if isinstance(one, str) else one.decode("latin-1"))
        waiting.extend(gc.get_referents(one))
    return found


@pytest.mark.parametrize("cacheable", [True, False])
def test_a_clients_key_is_forgotten_when_its_request_is_over(transport: Transport, cacheable: bool) -> None:
    with serving(always(OK)) as upstream:
        request = WireRequest(upstream.url, b"{}", {"authorization": "Bearer sk-of-a-client"}, cacheable=cacheable)
        assert transport.send(request).read() == b"ok"

    remembered = any("sk-of-a-client" in text for text in texts_in(transport))
    assert remembered is cacheable


def test_nothing_is_left_for_the_collector_of_garbage_when_an_answer_was_read(transport: Transport) -> None:
    with serving(always(OK)) as upstream:
        gc.collect()
        gc.disable()
        try:
            assert transport.send(ask(upstream)).read() == b"ok"
            assert not [one for one in gc.get_objects() if isinstance(one, ResponseParser)]
        finally:
            gc.enable()
