"""Headers of answers, down to the bytes on the wire: whatever a provider or a client brings, each stays one line."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http import wsgi
from hypothesis import given
from hypothesis import strategies as st

from proxy.fastpath.flask_response import FastResponse
from proxy.fastpath.gunicorn_response import Writer
from proxy.web.headers import call_headers, deployment_headers, provider_headers

ANY_NAME = st.text(max_size=20) | st.sampled_from(
    [
        "x\r\nset-cookie: a",
        "x\n",
        "x:",
        "",
        " ",
        "x y",
        "é",
        "x-ratelimit-a\r\nb",
        "content-length",
        "x\0",
        "\r\n\r\n<html>",
    ]
)
ANY_VALUE = st.text(max_size=20) | st.sampled_from(
    ["a\r\nset-cookie: b", "a\n", "\0", "\x0b", "\x7f", "é", "日本", "a\r", " a\t"]
)
WRITERS = pytest.mark.parametrize("kind", [Writer, wsgi.Response], ids=["fast", "plain"])


class Wire:
    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> int:
        self.sent += bytes(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.sent += bytes(data)


def head_of(kind: Any, headers: list[tuple[str, str]]) -> list[bytes]:
    """The lines of the head that goes over the wire."""
    wire = Wire()
    request = SimpleNamespace(method="POST", version=(1, 1), should_close=lambda: False)
    response = kind(request, wire, SimpleNamespace(protocol="http", is_ssl=False, sendfile=True))

    def start(status: str, pairs: Any) -> Any:
        return response.start_response(status, pairs if kind is Writer else list(pairs))

    for piece in FastResponse(b"{}", "application/json", headers)({"REQUEST_METHOD": "POST"}, start):
        response.write(piece)
    response.close()
    head, _, rest = wire.sent.partition(b"\r\n\r\n")
    assert rest == b"{}"
    return head.split(b"\r\n")


def common(kind: Any) -> int:
    return len(head_of(kind, []))


@WRITERS
@given(headers=st.dictionaries(ANY_NAME, ANY_VALUE, max_size=6))
def test_each_header_is_one_line_when_a_provider_sends_anything(kind: Any, headers: dict[str, str]) -> None:
    made = provider_headers(headers, lambda text: text)
    lines = head_of(kind, made)
    assert len(lines) == common(kind) + len(made)
    assert not [line for line in lines if line.lower().startswith((b"set-cookie", b"<html"))]
    assert all(b"\n" not in line and b"\r" not in line for line in lines)


@WRITERS
@given(identifier=ANY_VALUE, group=ANY_VALUE, base=ANY_VALUE, request_id=ANY_VALUE)
def test_each_header_is_one_line_when_ids_are_anything(
    kind: Any, identifier: str, group: str, base: str, request_id: str
) -> None:
    made = [*call_headers("call", request_id), *deployment_headers(identifier, group, base)]
    assert len(head_of(kind, made)) == common(kind) + len(made)


def test_headers_are_passed_on_when_they_are_sound() -> None:
    sound = {"x-request-id": "abc", "x-ratelimit-remaining": "9", "x_under.score~": "é\tb", "x-empty": ""}
    assert provider_headers(sound, lambda text: text) == [
        ("llm_provider-x-request-id", "abc"),
        ("llm_provider-x-ratelimit-remaining", "9"),
        ("llm_provider-x_under.score~", "é\tb"),
        ("llm_provider-x-empty", ""),
        ("x-ratelimit-remaining", "9"),
    ]


def test_headers_are_few_and_short_when_a_provider_sends_many_or_long_ones() -> None:
    many = {f"x-{number}": "y" for number in range(250)}
    assert len(provider_headers(many, lambda text: text)) == 64
    long = {"x-long": "y" * 100_000, "x-short": "z"}
    assert provider_headers(long, lambda text: text) == [("llm_provider-x-short", "z")]
