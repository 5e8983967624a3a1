"""What Messages cost beside a chat of the same size: calls of Python functions, natively and translated."""

import gc
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from proxy.settings import load
from tests.speed.test_hot_path import FakeResponse

MOST_NATIVE = 1.25
MOST_TRANSLATED = 2.0
KEY = "sk-master-1234"
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 9, "output_tokens": 2},
}  # fmt: skip
COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}  # fmt: skip


class Upstream:
    """Answers in the form in which it is asked, as quickly as can be."""

    def send(self, request: Any, clocks: Any, client: Any = None) -> FakeResponse:
        answer = MESSAGE if request.url.endswith("/messages") else COMPLETION
        return FakeResponse([json.dumps(answer).encode()], "application/json")


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    models = {"claude": "anthropic/claude-sonnet-4-5", "gpt": "openai/gpt-4o-mini"}
    deployments = [
        {"model_name": name, "litellm_params": {"model": model, "api_key": "sk-up-1"}} for name, model in models.items()
    ]
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"model_list": deployments, "general_settings": {"master_key": KEY}}))
    return create_app(load(path, {}), transport=Upstream())


def count_calls(app: Flask, path: str, fields: dict[str, Any], headers: dict[str, str] | None = None) -> int:
    """The least of some calls."""
    body = json.dumps(fields).encode()
    for _ in range(3):
        ask(app, path, body, headers or {})
    gc.collect()
    counts = []
    for _ in range(8):
        count = 0

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event == "call"

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            ask(app, path, body, headers or {})
        finally:
            sys.setprofile(before)
        counts.append(count)
    return min(counts)


def ask(app: Flask, path: str, body: bytes, headers: dict[str, str]) -> None:
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "4000", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:4000", "HTTP_AUTHORIZATION": f"Bearer {KEY}", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.input_terminated": True,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }  # fmt: skip
    answer: Any = app.wsgi_app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    answered = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    assert statuses == ["200 OK"], answered


def conversation(turns: int) -> list[dict[str, Any]]:
    """So many turns, each in one block."""
    roles = ["user" if number % 2 == 0 else "assistant" for number in range(turns)]
    return [{"role": role, "content": [{"type": "text", "text": "word " * 50}]} for role in roles]


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else counts calls already")
def test_native_messages_take_about_the_calls_of_a_chat(app: Flask) -> None:
    fields = {"max_tokens": 9, "messages": conversation(1)}
    chat = count_calls(app, "/v1/chat/completions", {**fields, "model": "gpt"})
    native = count_calls(app, "/v1/messages", {**fields, "model": "claude"}, {"anthropic-version": "2023-06-01"})
    print(f"\nchat {chat}, native {native}")
    assert native <= MOST_NATIVE * chat


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else counts calls already")
def test_translated_messages_take_at_most_twice_the_calls_of_a_chat(app: Flask) -> None:
    fields = {"max_tokens": 9, "messages": conversation(1)}
    chat = count_calls(app, "/v1/chat/completions", {**fields, "model": "gpt"})
    translated = count_calls(app, "/v1/messages", {**fields, "model": "gpt"})
    print(f"\nchat {chat}, translated {translated}")
    assert translated <= MOST_TRANSLATED * chat
