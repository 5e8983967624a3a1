"""Plain headers are read as gunicorn reads them; the others are left to it."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import message
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.web.plain_heads import install, plain_headers

SPECIAL = {"EXPECT", *Config().secure_scheme_headers}


def by_gunicorn(data: bytes) -> Any:
    """What gunicorn makes of the lines, and of the request besides."""
    request = message.Message.__new__(message.Message)
    request.cfg, request.peer_addr, request.version = Config(), ("127.0.0.1", 1), (1, 1)
    request.scheme, request._expected_100_continue = "http", False
    request.limit_request_fields, request.limit_request_field_size = 100, 8190
    headers = message.Message.parse_headers(request, data)
    return headers, request.scheme, request._expected_100_continue


names = st.sampled_from(
    ["Host", "host", "X-One", "Content-Length", "Transfer-Encoding", "Expect",
     "X-Forwarded-Proto", "a_b", "", " c", "d ", "\u00e9"]
)  # fmt: skip
values = st.text(st.characters(max_codepoint=255), max_size=12) | st.sampled_from(
    ["https", "100-continue", " a\t", "5"]
)
lines = st.builds(lambda name, colon, value: name + colon + value, names, st.sampled_from([":", ": ", ""]), values)
heads = st.builds(lambda found, end: end.join(found).encode("latin-1"), st.lists(lines, min_size=1, max_size=5),
                  st.sampled_from(["\r\n", "\n", "\r\n "]))  # fmt: skip


@given(heads)
@example(b"Host: a\r\nContent-Length: 5\r\nX-One:  b c \t")
@example(b"Host: a\r\nhost: b")
@example(b"X-One: a\r\n folded")
def test_what_is_plain_is_what_gunicorn_makes_of_it(data: bytes) -> None:
    found = plain_headers(data, SPECIAL, 100)
    if found is not None:
        assert by_gunicorn(data) == (found, "http", False)


def test_an_ordinary_head_is_plain() -> None:
    data = b"Host: localhost:4000\r\nAuthorization: Bearer sk-1 \r\nX-Stainless-Lang:python\r\nX-Empty:"

    assert plain_headers(data, SPECIAL, 4) == [
        ("HOST", "localhost:4000"),
        ("AUTHORIZATION", "Bearer sk-1"),
        ("X-STAINLESS-LANG", "python"),
        ("X-EMPTY", ""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"Host: a\r\nHost: b",
        b"X-One: a\r\n folded",
        b"X_One: a",
        b"X-One : a",
        b": a",
        b"X-One: a\nX-Two: b",
        b"X-One: a\0b",
        b"X-One: a\rb",
        b"Expect: 100-continue",
        b"X-Forwarded-Proto: https",
        b"no colon",
        b"",
        b"A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5",
    ],
)
def test_the_rest_is_left_to_gunicorn(data: bytes) -> None:
    assert plain_headers(data, SPECIAL, 4) is None


def test_gunicorn_refuses_what_it_refused_when_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message.Message, "parse_headers", message.Message.parse_headers)
    install(SimpleNamespace(secure_scheme_headers=Config().secure_scheme_headers))

    assert by_gunicorn(b"Host: a")[0] == [("HOST", "a")]
    assert by_gunicorn(b"X-Forwarded-Proto: https") == ([("X-FORWARDED-PROTO", "https")], "https", False)
    with pytest.raises(message.InvalidHeader):
        by_gunicorn(b"Host: a\r\nHost: b")
