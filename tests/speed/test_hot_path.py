"""A slide on the hot path is seen without a clock: calls of Python functions are counted, and modules that are imported.

The ceilings are what was counted and about a twentieth more. Who lowers a count lowers its ceiling; who has to raise one
says in the commit what the calls are for.
"""

import gc
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from proxy.settings import load

ROOT = Path(__file__).resolve().parents[2]
CALLS_OF_A_CHAT = 247
# More than with the master key: a virtual key, and its team's and its own two budgets and three limits.
CALLS_OF_A_KEY = 42
CALLS_OF_LIMITS_AND_BUDGETS = 75
CALLS_OF_A_MESSAGE = 1.15
# What a long text is spared takes some calls, however long it is.
CALLS_OF_A_LONG_TEXT = 30
CALLS_OF_A_CHUNK = 28
# Of others: our own files are many small ones, and cost little each.
FOREIGN_MODULES = 490
# Extras, and what only some configurations need.
NEVER_IMPORTED = {
    "botocore",
    "google.auth",
    "redis",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "opentelemetry",
    "langfuse",
    "pytest",
    "numpy",
    "gevent",
    "asyncio",
}

_KEY = "sk-master-1234"
_ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}  # fmt: skip


class FakeResponse:
    """A provider's answer, whole or as one block for each chunk."""

    status = 200

    def __init__(self, blocks: list[bytes], content_type: str) -> None:
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._blocks = blocks

    def read(self) -> bytes:
        return b"".join(self._blocks)

    def blocks(self) -> Iterator[bytes]:
        return iter(self._blocks)

    def close(self) -> None:
        """Nothing is open."""


class FakeTransport:
    def __init__(self, chunks: int = 0) -> None:
        self._chunks = chunks

    def send(self, request: Any, clocks: Any, client: Any = None) -> FakeResponse:
        if not self._chunks:
            return FakeResponse([json.dumps(_ANSWER).encode()], "application/json")
        blocks = [chunk({"content": f"word {number}"}) for number in range(self._chunks)]
        return FakeResponse([*blocks, chunk({}, "stop") + b"data: [DONE]\n\n"], "text/event-stream")


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    fields = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini", "choices": [choice]}
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def deployment(name: str, *tags: str) -> dict[str, Any]:
    params = {"model": "openai/gpt-4o-mini", "api_key": "sk-up-1", "rpm": 10**6, "tags": list(tags)}
    return {"model_name": name, "litellm_params": params}


def make_app(
    folder: Path, transport: FakeTransport, others: Sequence[dict[str, Any]] = (), *, by_tag: bool = False
) -> Flask:
    path = folder / f"{len(others)}.yaml"
    own = deployment("fast", "own")
    # The others of the same model weigh nothing: it is always this one that is chosen, and known.
    own["litellm_params"]["weight"] = 1
    config = {
        "model_list": [own, *others],
        "general_settings": {"master_key": _KEY},
        "router_settings": {"enable_tag_filtering": by_tag},
    }
    path.write_text(json.dumps(config))
    return create_app(load(path, {}), transport=transport)


def count_calls(app: Flask, **more: Any) -> int:
    """Calls of Python functions, in this thread, for one chat: the least of some, for who finds a sink asleep wakes it."""
    fields = {"model": "fast", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.7, "max_tokens": 9}
    body = json.dumps({**fields, **more}).encode()
    for _ in range(3):
        ask(app, body)
    gc.collect()
    return min(count_once(app, body) for _ in range(8))


def count_once(app: Flask, body: bytes) -> int:
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        ask(app, body)
    finally:
        sys.setprofile(before)
    return count


def ask(app: Flask, body: bytes, source: Any = None) -> None:
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/chat/completions", "QUERY_STRING": "", "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "4000", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:4000", "HTTP_AUTHORIZATION": f"Bearer {_KEY}", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": source or io.BytesIO(body), "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.input_terminated": True,
    }  # fmt: skip
    answer: Any = app.wsgi_app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    assert statuses == ["200 OK"], body


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else counts calls already")
def test_a_chat_takes_no_more_calls_than_it_did(tmp_path: Path):
    assert count_calls(make_app(tmp_path, FakeTransport())) <= CALLS_OF_A_CHAT


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else counts calls already")
@pytest.mark.parametrize(
    ("key", "ceiling"),
    [
        ({}, CALLS_OF_A_KEY),
        (
            {"team_id": "t", "max_budget": 10**6, "rpm_limit": 10**9, "tpm_limit": 10**12},
            CALLS_OF_A_KEY + CALLS_OF_LIMITS_AND_BUDGETS,
        ),
    ],
)
def test_a_virtual_key_costs_few_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: dict[str, Any], ceiling: int
) -> None:
    app = make_app(tmp_path, FakeTransport())
    master = count_calls(app)
    priced = deployment("fast")
    priced["litellm_params"] |= {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    config = {
        "model_list": [priced],
        "general_settings": {"master_key": _KEY},
        "keys": [{"key": "sk-counted-0000000000", **key}],
        "teams": [{"team_id": "t", "max_budget": 10**6, "rpm_limit": 10**9}],
    }
    path = tmp_path / "keys.yaml"
    path.write_text(json.dumps(config))
    limited = create_app(load(path, {}), transport=FakeTransport(), shared_path=tmp_path / "shared.state")
    monkeypatch.setattr("tests.speed.test_hot_path._KEY", "sk-counted-0000000000")
    assert count_calls(limited) - master <= ceiling


@pytest.mark.parametrize(
    ("others", "more"),
    [
        pytest.param([deployment(f"other-{number}") for number in range(300)], {}, id="of other models"),
        pytest.param([deployment("fast") for _ in range(300)], {}, id="of the same model"),
        pytest.param([deployment("fast", f"tag-{number}") for number in range(300)], {"tags": ["own"]}, id="with tags"),
    ],
)
def test_a_chat_takes_as_many_calls_when_there_are_many_deployments(
    others: list[dict[str, Any]], more: dict[str, Any], tmp_path: Path
):
    # A choice between two is made as one between many.
    few = count_calls(make_app(tmp_path, FakeTransport(), others[:1], by_tag=bool(more)), **more)
    many = count_calls(make_app(tmp_path, FakeTransport(), others, by_tag=bool(more)), **more)
    assert abs(many - few) <= few * 0.02


def test_a_message_takes_no_more_calls_than_it_did(tmp_path: Path):
    app = make_app(tmp_path, FakeTransport())
    messages = [{"role": "assistant" if number % 2 else "user", "content": "word " * 200} for number in range(399)]
    short, long = count_calls(app, messages=messages[:1]), count_calls(app, messages=messages)
    assert (long - short) / 398 <= CALLS_OF_A_MESSAGE


def test_a_long_text_takes_hardly_more_calls_than_a_short_one(tmp_path: Path):
    app = make_app(tmp_path, FakeTransport())
    short, long = (count_calls(app, messages=[{"role": "user", "content": "word " * words}]) for words in (200, 80_000))
    assert long - short <= CALLS_OF_A_LONG_TEXT


def test_a_chunk_takes_no_more_calls_than_it_did(tmp_path: Path):
    short = count_calls(make_app(tmp_path, FakeTransport(chunks=10)), stream=True)
    long = count_calls(make_app(tmp_path, FakeTransport(chunks=110)), stream=True)
    assert (long - short) / 100 <= CALLS_OF_A_CHUNK


def test_the_application_imports_no_more_than_it_did():
    code = "import sys, app; app.create_app(environ={}); print(' '.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    modules = set(found.split())
    assert not modules & NEVER_IMPORTED
    foreign = [name for name in modules if name.split(".")[0] not in {"app", "proxy", "schemas"}]
    assert len(foreign) <= FOREIGN_MODULES
