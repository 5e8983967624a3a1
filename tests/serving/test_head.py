"""Which requests take the short way, and what is read of them."""

import pytest

from proxy.serving.head import MAX_FIELDS, MAX_HEAD_BYTES, read_head

ORDINARY = b"POST /v1/chat/completions?api-version=1 HTTP/1.1\r\nHost: here\r\nX-Some-Thing:  a b \r\nContent-Length: 2\r\n\r\n{}"


def test_an_ordinary_head_is_read():
    head = read_head(ORDINARY)
    assert head is not None
    assert head[:4] == ("POST", "/v1/chat/completions", "api-version=1", "/v1/chat/completions?api-version=1")
    assert head.fields == {"HTTP_HOST": "here", "HTTP_X_SOME_THING": "a b", "CONTENT_LENGTH": "2"}
    assert (head.length, ORDINARY[head.size :], head.closes) == (2, b"{}", False)


def test_a_path_is_unquoted_as_wsgi_wants_it():
    head = read_head(b"GET /engines/a%2Fb%C3%BC HTTP/1.1\r\nHost: here\r\n\r\n")
    assert head is not None
    assert head.path.encode("latin-1").decode() == "/engines/a/bü"


def test_the_wish_to_close_is_seen():
    head = read_head(b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n")
    assert head is not None
    assert head.closes


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1 HTTP/1.1\r\nHost: here\r\n",
        b"POST /v1 HTTP/1.1\r\nHost: here\r\n\r\n",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length : 2\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent_Length: 2\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\n folded: 1\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nX: a\x00b\r\n\r\n{}",
        b"POST /v1 HTTP/1.1\nContent-Length: 2\n\n{}",
        b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nX: a\rb\r\n\r\n{}",
        b"POST /v1 HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
        b"POST  /v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"GET //host/path HTTP/1.1\r\n\r\n",
        b"GET http://host/path HTTP/1.1\r\n\r\n",
        b"GET /path#part HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_FIELDS + 1)) + b"\r\n",
    ],
)
def test_anything_else_is_left_to_gunicorn(head: bytes):
    assert read_head(head) is None
