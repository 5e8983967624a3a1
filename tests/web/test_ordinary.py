"""Ordinary requests are read as gunicorn reads them, and the others are left to it."""

from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import message, parser, wsgi
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import IterUnreader
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.fastpath.gunicorn_request import Bounds, OrdinaryRequest, install, read_head, read_request

BOUNDS = Bounds(8190, 8190, 100, frozenset(Config().secure_scheme_headers))
PEER, STRANGER = ("127.0.0.1", 50000), ("203.0.113.7", 50000)
SERVER = ("127.0.0.1", 4000)
# What gunicorn adds for applications that give hints before their answer, and its parts of a body.
LEFT_OUT = {"wsgi.early_hints", "wsgi.input", "wsgi.errors"}


def by_gunicorn(blocks: list[bytes], peer: Any = PEER) -> Any:
    return message.Request(Config(), IterUnreader(iter(blocks)), peer, 1)


def ours(blocks: list[bytes], peer: Any = PEER) -> Any:
    return read_request(BOUNDS, Config(), IterUnreader(iter(blocks)), peer, 1)


def facts(request: Any) -> dict[str, Any]:
    """All that gunicorn and an application may ask of a request."""
    names = ("method", "uri", "path", "query", "fragment", "version", "headers", "scheme", "must_close", "req_number",
             "peer_addr", "remote_addr", "proxy_protocol_info", "_expected_100_continue")  # fmt: skip
    found = {name: getattr(request, name) for name in names}
    return {**found, "closes": request.should_close(), "body": request.body.read(), "trailers": list(request.trailers),
            "rest": request.unreader.take_buffered()}  # fmt: skip


def install_for(patch: pytest.MonkeyPatch) -> Config:
    """Until `patch` is undone."""
    patch.setattr(parser.RequestParser, "mesg_class", message.Request)
    patch.setattr(wsgi, "create", wsgi.create)
    settings = Config()
    install(settings, mounted=False)
    return settings


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Config:
    return install_for(monkeypatch)


targets = st.sampled_from(
    ["/v1/chat/completions", "/", "/a%20b?x=1&y=%2F", "/a?", "/a?b?c", "/[x]:1;p", "//evil/x", "/a#b", "/a?b#c", "*",
     "http://h/x", "/a b", "", "/\u00e9", "/\\", "/a:b@c"]
)  # fmt: skip
first_lines = st.builds(
    lambda method, target, version: f"{method} {target} {version}",
    st.sampled_from(["POST", "GET", "HEAD", "CONNECT", "get", "PURGE", ""]),
    targets,
    st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1"]),
)
names = st.sampled_from(
    ["Host", "host", "X-One", "Content-Length", "Content-Type", "Connection", "Transfer-Encoding", "Expect", "Cookie",
     "X-Forwarded-Proto", "X-Forwarded-Ssl", "Script-Name", "a_b", "", " c", "d ", "\u00e9"]
)  # fmt: skip
values = st.sampled_from(
    ["5", "0", "05", "-1", "5 ", "5, 5", "\u00b2", "close", "Keep-Alive", "chunked", "https", "on", "a\t b "]
) | st.text(st.characters(max_codepoint=255), max_size=8)
lines = st.builds(
    lambda name, colon, value: name + colon + value, names, st.sampled_from([":", ": ", ":\t", ""]), values
)
ends = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r\n "])
heads = st.builds(
    lambda first, found, end: (end.join([first, *found]) + "\r\n\r\n").encode("latin-1"),
    first_lines, st.lists(lines, max_size=4), ends,
)  # fmt: skip
blocks = st.builds(
    lambda head, body, cut: [part for part in ((head + body)[:cut], (head + body)[cut:]) if part],
    heads, st.sampled_from([b"", b"hello", b"hello, world", b"GET / HTTP/1.1\r\n\r\n"]), st.integers(1, 200),
)  # fmt: skip


peers = st.sampled_from([PEER, STRANGER, "", ("::1", 1, 0, 0)])


@given(blocks, peers)
@example([b"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-One:  b c \t\r\n\r\nhelloGET"], PEER)
@example([b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe", b"lloGET"], PEER)
@example([b"GET /a HTTP/1.1\r\nX-Forwarded-Proto: https\r\n\r\n"], PEER)
@example([b"GET /a HTTP/1.1\r\nX-Forwarded-Proto: https\r\n\r\n"], STRANGER)
@example([b"GET /a HTTP/1.1\r\nX-Forwarded-Ssl: off\r\n\r\n"], "")
@example([b"GET /a HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n"], PEER)
def test_a_request_is_what_gunicorn_makes_of_it(given_blocks: list[bytes], peer: Any) -> None:
    def outcome(read: Any) -> Any:
        try:
            return facts(read(given_blocks, peer))
        except (ParseException, StopIteration) as error:
            return type(error), str(error)

    assert outcome(ours) == outcome(by_gunicorn)


@given(blocks)
def test_its_environ_is_gunicorns(given_blocks: list[bytes]) -> None:
    try:
        found = ours(given_blocks)
    except (ParseException, StopIteration):
        return
    if isinstance(found, OrdinaryRequest):
        environ, expected = created(found), created(by_gunicorn(given_blocks))
        assert environ["wsgi.input"] is found.body
        assert {name: value for name, value in environ.items() if name not in LEFT_OUT} == {
            name: value for name, value in expected.items() if name not in LEFT_OUT
        }


def created(request: Any) -> dict[str, Any]:
    """The environ that a worker gives to the application."""
    with pytest.MonkeyPatch.context() as patch:
        settings = install_for(patch)
        environ: dict[str, Any] = wsgi.create(request, "the socket", PEER, SERVER, settings)[1]
    return environ


def test_an_ordinary_head() -> None:
    head = read_head(
        "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: localhost:4000\r\nAuthorization: Bearer sk-1 \r\n"
        "X-Stainless-Lang:python\r\nX-Empty:\r\nContent-Length: 7\r\nContent-Type: application/json\r\n",
        BOUNDS,
    )

    assert head is not None
    assert (head.method, head.path, head.query, head.length, head.closing) == (
        "POST", "/v1/chat/completions", "x=1", 7, False
    )  # fmt: skip
    assert head.headers[1:4] == [("AUTHORIZATION", "Bearer sk-1"), ("X-STAINLESS-LANG", "python"), ("X-EMPTY", "")]
    assert head.environ == {
        "HTTP_HOST": "localhost:4000",
        "HTTP_AUTHORIZATION": "Bearer sk-1",
        "HTTP_X_STAINLESS_LANG": "python",
        "HTTP_X_EMPTY": "",
        "CONTENT_LENGTH": "7",
        "CONTENT_TYPE": "application/json",
    }


@pytest.mark.parametrize(
    "lines",
    [
        "POST / HTTP/1.1\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n",
        "POST //a HTTP/1.1\r\nHost: a\r\n",
        "POST /a#b HTTP/1.1\r\nHost: a\r\n",
        "POST http://a/ HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "POST / HTTP/1.1\r\nX-One: a\r\n folded\r\n",
        "POST / HTTP/1.1\r\nX_One: a\r\n",
        "POST / HTTP/1.1\r\nX-One : a\r\n",
        "POST / HTTP/1.1\r\n: a\r\n",
        "POST / HTTP/1.1\r\nX-One: a\nX-Two: b\r\n",
        "POST / HTTP/1.1\r\nX-One: a\0b\r\n",
        "POST / HTTP/1.1\r\nX-One: a\rb\r\n",
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        "POST / HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n",
        "POST / HTTP/1.1\r\nContent-Length: \u00b2\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n",
        "POST / HTTP/1.1\r\nno colon\r\n",
        "POST / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n",
        f"POST /{'a' * 40} HTTP/1.1\r\nHost: a\r\n",
        f"POST / HTTP/1.1\r\nHost: {'a' * 60}\r\n",
    ],
)
def test_the_rest_is_left_to_gunicorn(lines: str) -> None:
    assert read_head(lines, BOUNDS._replace(line=40, field=60, fields=4)) is None


def test_a_line_of_just_the_limit_is_ordinary() -> None:
    lines = f"GET /{'a' * 26} HTTP/1.1\r\nHost: a\r\n"

    assert read_head(lines, BOUNDS._replace(line=40)) is not None
    assert read_head(lines, BOUNDS._replace(line=39)) is None


@pytest.mark.parametrize("sizes", [[10], [4, 6], [10, 10], [20], [None], [0, 10], [3, 7, 1]])
@pytest.mark.parametrize(
    "coming", [[b"lo, ", b"you!GET"], [b"lo, you!"], [b"lo, ", b"you"], [b"lo"], [], [bytes(8000), bytes(300)]]
)
def test_a_body_that_is_still_on_its_way_is_read_as_gunicorn_reads_it(
    coming: list[bytes], sizes: list[int | None]
) -> None:
    blocks = [b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhel", *coming]

    def outcome(request: Any) -> Any:
        return [request.body.read(size) for size in sizes], request.unreader.take_buffered()

    assert outcome(ours(blocks)) == outcome(by_gunicorn(blocks))


def test_a_connection_whose_body_could_not_be_read_brings_no_more(installed: Config) -> None:
    def coming() -> Iterator[bytes]:
        yield b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhel"
        raise ConnectionResetError

    requests = parser.RequestParser(installed, coming(), PEER)
    with pytest.raises(ConnectionResetError):
        next(requests).body.read(10)
    with pytest.raises(StopIteration):
        next(requests)


def test_one_connection_brings_requests_of_both_kinds(installed: Config) -> None:
    requests = parser.RequestParser(
        installed,
        iter([b"POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
              b"3\r\nabc\r\n0\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
              b"cdeGET /4 HTTP/1.1\r\nConnection: close\r\n\r\nGET /5"]),
        PEER,
    )  # fmt: skip

    # The application may leave a body unread.
    assert [(type(request) is OrdinaryRequest, request.path) for request in requests] == [
        (True, "/1"), (False, "/2"), (True, "/3"), (True, "/4"),
    ]  # fmt: skip


def test_gunicorn_refuses_what_it_refused_when_it_is_installed(installed: Config) -> None:
    with pytest.raises(message.InvalidHeader):
        next(parser.RequestParser(installed, iter([b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]), PEER))


@pytest.mark.parametrize(
    ("settings", "mounted"),
    [({"proxy_protocol": "v1"}, False), ({}, True), ({"limit_request_line": 0}, False)],
)
def test_settings_that_change_what_a_request_is_leave_all_to_gunicorn(
    settings: dict[str, Any], mounted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser.RequestParser, "mesg_class", message.Request)
    install(SimpleNamespace(**{"proxy_protocol": "off", "limit_request_line": 8190, **settings}), mounted)

    assert parser.RequestParser.mesg_class is message.Request


def test_a_client_without_an_address_is_described_by_gunicorn(installed: Config) -> None:
    request = ours([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])

    environ = wsgi.create(request, "the socket", "", "/run/patchbay.sock", installed)[1]

    assert isinstance(request, OrdinaryRequest)
    assert isinstance(request.body, BytesIO)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["HTTP_HOST"]) == ("a", "80", "a")
