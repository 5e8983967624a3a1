"""Calls through an application with a cache: hits, replays, controls, tenants, single flight."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.settings.load import load
from tests.web.test_observed_calls import ANSWER, CHUNKS, Reply

KEY = "sk-master-of-the-cache-1234"
OTHER = "sk-another-virtual-key-5678"
HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 123456789012345678901234567890}'}}


class Upstream:
    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = ANSWER
        self.chunks: list[dict[str, Any]] = CHUNKS
        self.done = "data: [DONE]\n\n"
        self.gate: threading.Event | None = None

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        body = json.loads(bytes(request.body))
        self.bodies.append(body)
        if self.gate is not None:
            self.gate.wait(10)
        if body.get("stream"):
            events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in self.chunks)
            return Reply(200, f"{events}{self.done}".encode())
        return Reply(200, json.dumps(self.answer).encode())


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def build(folder: Path, upstream: Upstream, **params: Any) -> Flask:
    config = {
        "model_list": [
            {"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "sk-up-12345"}}
        ],
        "general_settings": {"master_key": KEY},
        "keys": [{"key": OTHER}],
        "litellm_settings": {"cache": True, "cache_params": {"type": "local", **params}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return create_app(load(path, {}), transport=upstream)


def ask(app: Flask, key: str = KEY, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
    return app.test_client().post(
        "/v1/chat/completions",
        json={"model": "fast", "messages": HELLO, **fields},
        headers={"authorization": f"Bearer {key}", **(headers or {})},
    )


def without_time(body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(body)
    answer.pop("_response_ms", None)
    return answer


def test_an_equal_request_is_answered_from_the_cache(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    first, second = ask(app), ask(app)
    assert len(upstream.bodies) == 1
    assert without_time(first.data) == without_time(second.data)
    assert (first.headers["x-litellm-cache-hit"], second.headers["x-litellm-cache-hit"]) == ("False", "True")
    assert "x-litellm-cache-key" not in first.headers and second.headers["x-litellm-cache-key"]
    assert float(second.headers["x-litellm-response-cost"]) == 0.0
    assert second.headers["x-litellm-attempted-retries"] == "0"


def test_nothing_is_cached_when_the_cache_is_off(tmp_path: Path, upstream: Upstream) -> None:
    path = tmp_path / "off.yaml"
    models = [{"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "sk-up-12345"}}]
    path.write_text(yaml.safe_dump({"model_list": models, "general_settings": {"master_key": KEY}}))
    app = create_app(load(path, {}), transport=upstream)
    answers = [ask(app), ask(app)]
    assert len(upstream.bodies) == 2 and "x-litellm-cache-hit" not in answers[1].headers
    assert ask(app, cache={"ttl": 5}).status_code == 400


def test_any_other_member_is_another_request(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    for fields in ({}, {"temperature": 0.5}, {"unknown_field": {"deep": [1]}}, {"user": "someone"}):
        ask(app, **fields)
    assert len(upstream.bodies) == 4


@pytest.mark.parametrize("first_streams", [False, True])
def test_one_entry_serves_plain_and_streamed_requests(tmp_path: Path, upstream: Upstream, first_streams: bool) -> None:
    app = build(tmp_path, upstream)
    first = ask(app, stream=first_streams)
    first.get_data()
    second = ask(app, stream=not first_streams)
    assert len(upstream.bodies) == 1
    streamed, plain = (first, second) if first_streams else (second, first)
    text = streamed.get_data(as_text=True)
    assert text.endswith("data: [DONE]\n\n")
    deltas = [json.loads(line[6:])["choices"] for line in text.splitlines() if line.startswith("data: {")]
    joined = "".join(choice["delta"].get("content") or "" for choices in deltas for choice in choices)
    assert joined == without_time(plain.data)["choices"][0]["message"]["content"] != ""


def test_a_streams_chunks_are_replayed_as_they_came(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    texts = [ask(app, stream=True, stream_options={"include_usage": True}).get_data() for _ in range(2)]
    assert texts[0] == texts[1] and len(upstream.bodies) == 1


def test_tool_calls_reasoning_and_long_integers_survive_a_replay(tmp_path: Path, upstream: Upstream) -> None:
    message = {"role": "assistant", "content": None, "reasoning_content": "because", "tool_calls": [TOOL]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    upstream.answer = {**ANSWER, "choices": choices}
    app = build(tmp_path, upstream)
    ask(app)
    text = ask(app, stream=True).get_data(as_text=True)
    delta = json.loads(text.splitlines()[0][6:])["choices"][0]["delta"]
    assert delta["reasoning_content"] == "because"
    assert delta["tool_calls"] == [{"index": 0, **TOOL}]
    assert '"finish_reason":"tool_calls"' in text and len(upstream.bodies) == 1


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"role": "assistant", "content": "cut"}, "finish_reason": "length"},
        {"message": {"role": "assistant", "content": "bad"}, "finish_reason": "content_filter"},
        {"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"},
    ],
)
def test_answers_that_are_not_whole_are_not_kept(tmp_path: Path, upstream: Upstream, choice: dict[str, Any]) -> None:
    upstream.answer = {**ANSWER, "choices": [{"index": 0, **choice}]}
    app = build(tmp_path, upstream)
    ask(app)
    ask(app)
    assert len(upstream.bodies) == 2


def test_a_stream_that_broke_is_not_kept(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    whole = list(upstream.chunks)
    upstream.chunks, upstream.done = whole[:1], ""
    ask(app, stream=True).get_data()
    upstream.chunks, upstream.done = whole, "data: [DONE]\n\n"
    assert ask(app, stream=True).get_data().endswith(b"[DONE]\n\n")
    assert len(upstream.bodies) >= 2


def test_keys_never_see_each_others_answers(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    assert [ask(app, key).status_code for key in (KEY, OTHER, KEY, OTHER)] == [200] * 4
    assert len(upstream.bodies) == 2


def test_a_global_scope_serves_all_keys(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, scope="global")
    for key in (KEY, OTHER):
        ask(app, key)
    assert len(upstream.bodies) == 1


@pytest.mark.parametrize(
    ("control", "calls"),
    [
        ({"no-cache": True}, 2),
        ({"no-store": True}, 1),
        ({"s-maxage": 0}, 2),
        ({"s-maxage": 3600}, 1),
        ({"namespace": "x"}, 2),
        ({"no_cache": False}, 1),
    ],
)
def test_controls_of_a_request_are_honoured(
    tmp_path: Path, upstream: Upstream, control: dict[str, Any], calls: int
) -> None:
    app = build(tmp_path, upstream)
    ask(app)
    assert ask(app, cache=control).status_code == 200
    assert len(upstream.bodies) == calls
    assert not [body for body in upstream.bodies if "cache" in body]


def test_the_header_cache_control_is_honoured(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    ask(app, headers={"cache-control": "no-store"})
    ask(app)
    ask(app, headers={"cache-control": "no-cache"})
    assert len(upstream.bodies) == 3


def test_only_requests_that_ask_for_it_are_cached_when_it_is_off_by_default(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, mode="default_off")
    for _ in range(2):
        ask(app)
    for _ in range(2):
        ask(app, cache={"use-cache": True})
    assert len(upstream.bodies) == 3


@pytest.mark.parametrize(
    ("control", "param"),
    [
        ("yes", "cache"),
        ([], "cache"),
        ({"ttl": "long"}, "cache.ttl"),
        ({"ttl": -1}, "cache.ttl"),
        ({"ttl": True}, "cache.ttl"),
        ({"s-maxage": 1e400}, "cache.s-maxage"),
        ({"no-cache": 1}, "cache.no-cache"),
        ({"namespace": ""}, "cache.namespace"),
        ({"namespace": "x" * 200}, "cache.namespace"),
        ({"unknown": 1}, "cache"),
    ],
)
def test_a_wrong_control_is_a_400_that_names_it(tmp_path: Path, upstream: Upstream, control: Any, param: str) -> None:
    body = json.dumps({"model": "fast", "messages": HELLO, "cache": control}).replace("Infinity", "1e400")
    answer = (
        build(tmp_path, upstream)
        .test_client()
        .post(
            "/chat/completions",
            data=body,
            headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        )
    )
    assert answer.status_code == 400 and not upstream.bodies
    assert answer.get_json()["error"]["param"] in (param, "request_body")


def test_equal_requests_in_the_air_share_one_call(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    upstream.gate = threading.Event()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(app).status_code)) for _ in range(20)]
    for thread in threads:
        thread.start()
    while not upstream.bodies:
        pass
    upstream.gate.set()
    for thread in threads:
        thread.join(20)
    assert statuses == [200] * 20 and len(upstream.bodies) == 1


def test_followers_go_on_by_themselves_when_the_leaders_call_fails(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    upstream.answer = {"error": {"message": "no"}}
    assert ask(app).status_code != 200
    upstream.answer = ANSWER
    assert ask(app).status_code == 200 and ask(app).headers["x-litellm-cache-hit"] == "True"


def test_routes_of_the_cache_are_the_master_keys(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    ask(app)
    key = ask(app).headers["x-litellm-cache-key"]
    client, master = app.test_client(), {"authorization": f"Bearer {KEY}"}
    assert client.get("/cache/ping", headers=master).get_json()["cache_type"] == "local"
    assert client.post("/cache/delete", json={"keys": [key]}, headers=master).get_json() == {"status": "success"}
    ask(app)
    assert client.post("/cache/flushall", headers=master).status_code == 200
    ask(app)
    assert len(upstream.bodies) == 3
    for path in ("/cache/delete", "/cache/flushall"):
        assert client.post(path, json={"keys": [key]}, headers={"authorization": f"Bearer {OTHER}"}).status_code in (
            401,
            403,
        )
    assert client.post("/cache/delete", json={"keys": 1}, headers=master).get_json()["error"]["param"] == "keys"


def test_embeddings_are_cached_too(tmp_path: Path, upstream: Upstream) -> None:
    upstream.answer = {
        "object": "list", "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
    }  # fmt: skip
    app = build(tmp_path, upstream)
    for _ in range(2):
        answer = app.test_client().post(
            "/embeddings", json={"model": "fast", "input": "hi"}, headers={"authorization": f"Bearer {KEY}"}
        )
        assert answer.status_code == 200, answer.get_json()
    assert len(upstream.bodies) == 1
