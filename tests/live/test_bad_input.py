"""Malformed requests against a live gateway: each an OpenAI-shaped 4xx, with nothing of the inside in it."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.servers import WORKER_CLASSES, Server, gateway

CONFIG = {
    "model_list": [{"model_name": "demo", "litellm_params": {"model": "mock/demo"}}],
    "general_settings": {"master_key": "sk-bad-input-key", "max_request_size_mb": 1},
}
MESSAGE = {"role": "user", "content": "hi"}
GOOD: dict[str, Any] = {"model": "demo", "messages": [MESSAGE]}
CHAT = "/v1/chat/completions"
# Traces of the inside: files, classes of ours and of libraries, addresses.
INTERNALS = re.compile(r"Traceback|\.py\b|site-packages|werkzeug|marshmallow|orjson|0x[0-9a-f]{6,}|sk-bad-input-key")


@pytest.fixture(scope="module", params=WORKER_CLASSES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(CONFIG, tmp_path_factory.mktemp("bad"), worker_class=request.param) as running:
        yield running


def chat(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def message(**changes: Any) -> bytes:
    return chat(messages=[{**MESSAGE, **changes}])


# name: (path, body, status, param)
BODIES: dict[str, tuple[str, bytes, int, str | None]] = {
    "empty body": (CHAT, b"", 400, "request_body"),
    "not JSON": (CHAT, b"hello", 400, "request_body"),
    "half a JSON": (CHAT, b'{"model": "demo", "messages": [', 400, "request_body"),
    "trailing comma": (CHAT, b'{"model": "demo",}', 400, "request_body"),
    "single quotes": (CHAT, b"{'model': 'demo'}", 400, "request_body"),
    "a comment": (CHAT, b'{"model": "demo" /* c */}', 400, "request_body"),
    "two documents": (CHAT, chat() + chat(), 400, "request_body"),
    "a list": (CHAT, b"[]", 400, "request_body"),
    "a string": (CHAT, b'"demo"', 400, "request_body"),
    "a number": (CHAT, b"5", 400, "request_body"),
    "null": (CHAT, b"null", 400, "request_body"),
    "empty object": (CHAT, b"{}", 400, "model"),
    "NaN": (
        CHAT,
        b'{"model":"demo","messages":[{"role":"user","content":"a"}],"temperature":NaN}',
        400,
        "request_body",
    ),
    "infinity": (CHAT, b'{"model":"demo","messages":[{"role":"user","content":"a"}],"n":1e999}', 400, "request_body"),
    "invalid UTF-8": (CHAT, b'{"model":"demo\xff","messages":[]}', 400, "request_body"),
    "UTF-16": (CHAT, json.dumps(GOOD).encode("utf-16"), 400, "request_body"),
    "lone surrogate": (CHAT, b'{"model":"\\ud800","messages":[]}', 400, "messages"),
    "raw NUL": (CHAT, b'{"model":"de\x00mo","messages":[]}', 400, "request_body"),
    "NUL in the model": (CHAT, chat(model="de\x00mo"), 400, "model"),
    "deep nesting": (CHAT, b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "request_body"),
    "deep list": (CHAT, b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "request_body"),
    "repeated model": (
        CHAT,
        b'{"model":"demo","model":"other","messages":[{"role":"user","content":"a"}]}',
        400,
        "model",
    ),
    "repeated messages": (
        CHAT,
        b'{"model":"demo","messages":[],"messages":[{"role":"user","content":"a"}]}',
        400,
        "messages",
    ),
    "repeated by escape": (CHAT, b'{"model":"demo","\\u006dodel":"x","messages":[]}', 400, "model"),
    "no messages": (CHAT, without("messages"), 400, "messages"),
    "no model": (CHAT, without("model"), 400, "model"),
    "model a number": (CHAT, chat(model=5), 400, "model"),
    "model a list": (CHAT, chat(model=["demo"]), 400, "model"),
    "model empty": (CHAT, chat(model=""), 400, "model"),
    "model blank": (CHAT, chat(model="  "), 400, "model"),
    "model unknown": (CHAT, chat(model="nope"), 400, "model"),
    "model null": (CHAT, chat(model=None), 400, "model"),
    "messages null": (CHAT, chat(messages=None), 400, "messages"),
    "messages a string": (CHAT, chat(messages="hi"), 400, "messages"),
    "messages an object": (CHAT, chat(messages=MESSAGE), 400, "messages"),
    "messages empty": (CHAT, chat(messages=[]), 400, "messages"),
    "a message null": (CHAT, chat(messages=[None]), 400, "messages[0]"),
    "a message a string": (CHAT, chat(messages=["hi"]), 400, "messages[0]"),
    "second message a number": (CHAT, chat(messages=[MESSAGE, 5]), 400, "messages[1]"),
    "a message without a role": (CHAT, chat(messages=[{"content": "hi"}]), 400, "messages[0].role"),
    "role a number": (CHAT, message(role=5), 400, "messages[0].role"),
    "role empty": (CHAT, message(role=""), 400, "messages[0].role"),
    "content a number": (CHAT, message(content=5), 400, "messages[0].content"),
    "content an object": (CHAT, message(content={"text": "hi"}), 400, "messages[0].content"),
    "content true": (CHAT, message(content=True), 400, "messages[0].content"),
    "user content null": (CHAT, message(content=None), 400, "messages[0].content"),
    "a part a string": (CHAT, message(content=["hi"]), 400, "messages[0].content[0]"),
    "a part without a type": (CHAT, message(content=[{"text": "hi"}]), 400, "messages[0].content[0].type"),
    "tool calls an object": (CHAT, message(role="assistant", tool_calls={}), 400, "messages[0].tool_calls"),
    "a tool call a string": (CHAT, message(role="assistant", tool_calls=["x"]), 400, "messages[0].tool_calls[0]"),
    "temperature a string": (CHAT, chat(temperature="hot"), 400, "temperature"),
    "temperature true": (CHAT, chat(temperature=True), 400, "temperature"),
    "temperature a list": (CHAT, chat(temperature=[1]), 400, "temperature"),
    "n zero": (CHAT, chat(n=0), 400, "n"),
    "n huge": (CHAT, chat(n=10**18), 400, "n"),
    "n beyond 64 bits": (CHAT, chat(n=10**30), 400, "n"),
    "n a fraction": (CHAT, chat(n=1.5), 400, "n"),
    "max_tokens negative": (CHAT, chat(max_tokens=-2), 400, "max_tokens"),
    "max_tokens huge": (CHAT, chat(max_tokens=10**12), 400, "max_tokens"),
    "max_tokens a string": (CHAT, chat(max_tokens="10"), 400, "max_tokens"),
    "stream a string": (CHAT, chat(stream="true"), 400, "stream"),
    "stream a number": (CHAT, chat(stream=1), 400, "stream"),
    "stream_options a list": (CHAT, chat(stream=True, stream_options=[]), 400, "stream_options"),
    "stop a number": (CHAT, chat(stop=5), 400, "stop"),
    "stop with a number": (CHAT, chat(stop=["a", 5]), 400, "stop"),
    "stop empty": (CHAT, chat(stop=[]), 400, "stop"),
    "tools an object": (CHAT, chat(tools={}), 400, "tools"),
    "a tool a string": (CHAT, chat(tools=["x"]), 400, "tools[0]"),
    "a tool without a name": (CHAT, chat(tools=[{"type": "function", "function": {}}]), 400, "tools[0].function.name"),
    "tool_choice a number": (CHAT, chat(tool_choice=5), 400, "tool_choice"),
    "response_format a string": (CHAT, chat(response_format="json"), 400, "response_format"),
    "logit_bias a list": (CHAT, chat(logit_bias=[]), 400, "logit_bias"),
    "seed a fraction": (CHAT, chat(seed=1.5), 400, "seed"),
    "metadata a string": (CHAT, chat(metadata="x"), 400, "metadata"),
    "tags a string": (CHAT, chat(tags="x"), 400, "tags"),
    "tags with a number": (CHAT, chat(tags=[5]), 400, "tags[0]"),
    "num_retries negative": (CHAT, chat(num_retries=-1), 400, "num_retries"),
    "timeout zero": (CHAT, chat(timeout=0), 400, "timeout"),
    "timeout a string": (CHAT, chat(timeout="5"), 400, "timeout"),
    "fallbacks a number": (CHAT, chat(fallbacks=5), 400, "fallbacks"),
    "user_config a string": (CHAT, chat(user_config="x"), 400, "user_config"),
    "user_config empty": (CHAT, chat(user_config={}), 400, "user_config.model_list"),
    "user_config wrong inside": (
        CHAT,
        chat(user_config={"model_list": [{"model_name": "demo", "litellm_params": {"model": "openai/a", "rpm": -1}}]}),
        400,
        "user_config.model_list[0].litellm_params.rpm",
    ),
    "model_list": (CHAT, chat(model_list=[]), 400, "model_list"),
    "api_key a number": (CHAT, chat(api_key=5), 400, "api_key"),
    "extra_headers a list": (CHAT, chat(extra_headers=[]), 400, "extra_headers"),
    "a header with a line break": (CHAT, chat(extra_headers={"x": "a\r\nb: c"}), 400, "extra_headers"),
    "a header that frames the body": (CHAT, chat(extra_headers={"Content-Length": "3"}), 400, "extra_headers"),
    "drop_params a string": (CHAT, chat(drop_params="yes"), 400, "drop_params"),
    "embeddings without input": ("/v1/embeddings", b'{"model":"demo"}', 400, "input"),
    "embeddings of nothing": ("/v1/embeddings", b'{"model":"demo","input":[]}', 400, "input"),
    "embeddings of null": ("/v1/embeddings", b'{"model":"demo","input":null}', 400, "input"),
    "embeddings of a mixture": ("/v1/embeddings", b'{"model":"demo","input":["a",5]}', 400, "input"),
    "embeddings of an object": ("/v1/embeddings", b'{"model":"demo","input":{}}', 400, "input"),
    "dimensions zero": ("/v1/embeddings", b'{"model":"demo","input":"a","dimensions":0}', 400, "dimensions"),
    "moderations without input": ("/v1/moderations", b'{"model":"demo"}', 400, "input"),
    "moderations of a number": ("/v1/moderations", b'{"model":"demo","input":5}', 400, "input"),
    "completions without a prompt": ("/v1/completions", b'{"model":"demo"}', 400, "prompt"),
    "completions of an object": ("/v1/completions", b'{"model":"demo","prompt":{}}', 400, "prompt"),
    "too large": (CHAT, chat(messages=[{"role": "user", "content": "x" * 1_100_000}]), 413, None),
    "unknown path": ("/v1/nothing", chat(), 404, None),
    "a path with tricks": ("/v1/../../etc/passwd", chat(), 404, None),
}


@pytest.mark.parametrize("name", BODIES)
def test_malformed_body_is_a_clear_4xx(server: Server, name: str) -> None:
    path, body, status, param = BODIES[name]
    answer_status, answer = post(server, path, body)
    assert answer_status == status, answer
    assert_openai_error(answer, param)


def test_good_body_passes(server: Server) -> None:
    status, answer = post(server, CHAT, chat())
    assert status == 200 and answer["choices"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("image/png", 415),
    ],
)
def test_wrong_content_type_is_refused(server: Server, content_type: str, status: int) -> None:
    answer_status, answer = post(server, CHAT, chat(), {"content-type": content_type})
    assert answer_status == status
    assert_openai_error(answer, "content-type")


@pytest.mark.parametrize(
    ("coding", "status", "param"), [("compress", 415, "content-encoding"), ("gzip", 400, "request_body")]
)
def test_a_coding_that_is_unknown_or_untrue_is_refused(server: Server, coding: str, status: int, param: str) -> None:
    found, answer = post(server, CHAT, chat(), {"content-encoding": coding})
    assert found == status
    assert_openai_error(answer, param)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method_is_405(server: Server, method: str) -> None:
    status, answer = exchange(server, request_bytes(method, CHAT, chat()))
    assert status == 405
    assert_openai_error(answer, None)


@pytest.mark.parametrize(
    "key", ["", "Bearer", "Bearer sk-wrong", "Basic sk-bad", "Bearer sk-bad-input-keyy", "Bearer \xff"]
)
def test_wrong_key_is_401(server: Server, key: str) -> None:
    status, answer = post(server, CHAT, chat(), {"authorization": key})
    assert status == 401
    assert_openai_error(answer, None)


def test_chunked_body_is_read(server: Server) -> None:
    body = chat()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:10], body[10:])) + b"0\r\n\r\n"
    status, answer = exchange(server, head("POST", CHAT, {"transfer-encoding": "chunked"}) + chunks)
    assert status == 200 and answer["choices"]


def test_chunked_body_beyond_the_limit_is_413(server: Server) -> None:
    part = b"x" * 65536
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for _ in range(20)) + b"0\r\n\r\n"
    status, answer = exchange(server, head("POST", CHAT, {"transfer-encoding": "chunked"}) + chunks)
    assert status == 413
    assert_openai_error(answer, None)


@pytest.mark.parametrize("name", ["x-litellm-timeout", "x-litellm-num-retries", "x-litellm-stream-timeout"])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e400"])
def test_wrong_number_in_a_header_names_the_header(server: Server, name: str, value: str) -> None:
    status, answer = post(server, CHAT, chat(), {name: value})
    assert status == 400
    assert_openai_error(answer, name)


def assert_openai_error(answer: dict[str, Any], param: str | None) -> None:
    error = answer["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str) and error["message"]
    assert isinstance(error["type"], str)
    assert isinstance(error["code"], str)
    assert error["param"] == param
    assert not INTERNALS.search(json.dumps(answer)), answer


def post(server: Server, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    return exchange(server, request_bytes("POST", path, body, headers))


def request_bytes(method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    return head(method, path, {"content-length": str(len(body)), **(headers or {})}) + body


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = {
        "host": "localhost",
        "authorization": "Bearer sk-bad-input-key",
        "content-type": "application/json",
        **headers,
    }
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "")
    return f"{method} {path} HTTP/1.1\r\n{fields}connection: close\r\n\r\n".encode("latin-1")


def exchange(server: Server, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are, and read to the end: a client library would not let some of them out."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
        # The server may answer before it has read all; what it said can still be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        received = b""
        while True:
            try:
                block = connection.recv(65536)
            except ConnectionResetError:
                break
            if not block:
                break
            received += block
    start, _, body = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in start.lower():
        body = unchunk(body)
    return int(start.split(b" ")[1]), json.loads(body)


def unchunk(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            break
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


def test_there_are_enough_cases() -> None:
    assert len(BODIES) >= 60
