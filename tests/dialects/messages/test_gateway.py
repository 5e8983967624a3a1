"""Messages through the whole application: records, options, fallbacks that cross between the forms, explanations."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.mock.local import build_local
from proxy.settings.load import load
from tests.dialects.messages.asking import events_of, gather

KEY = "sk-observed-1234567890"
SINK = "http://sink.example/records"
ASK: dict[str, Any] = {"model": "claude", "max_tokens": 50, "messages": [{"role": "user", "content": "a prompt"}]}
MESSAGE = {
    "model": "claude-sonnet-4-5", "id": "msg_7", "type": "message", "role": "assistant",
    "content": [{"type": "text", "text": "roses"}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 100, "service_tier": "standard"},
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {**MESSAGE, "content": [], "usage": {"input_tokens": 1000, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ro"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ses"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 100}},
    {"type": "message_stop"},
]
CHAT = {
    "id": "chatcmpl-7", "object": "chat.completion", "created": 1, "model": "gpt-5.1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "violets"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
}  # fmt: skip
CHUNKS: list[dict[str, Any]] = [
    {"id": "chatcmpl-8", "model": "gpt-5.1", "choices": [{"index": 0, "delta": {"content": "vio"}}]},
    {"id": "chatcmpl-8", "choices": [{"index": 0, "delta": {"content": "lets"}, "finish_reason": "stop"}]},
    {"id": "chatcmpl-8", "choices": [], "usage": CHAT["usage"]},
]


class Reply:
    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.status, self._body = status, body
        self.headers = {"content-type": "application/json", **(headers or {})}

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Upstream:
    """Anthropic, OpenAI, and the receiver of records. `status` is what each of the two answers."""

    def __init__(self) -> None:
        self.status = {"anthropic": 200, "openai": 200}
        self.requests: list[tuple[str, WireRequest]] = []
        self.records: list[dict[str, Any]] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        body = json.loads(bytes(request.body))
        if request.url.startswith("mock://"):
            status, headers, blocks = build_local()(request)
            return Reply(status, b"".join(blocks), headers)
        if request.url == SINK:
            self.records += body
            return Reply(200, b"")
        name = "anthropic" if "anthropic" in request.url else "openai"
        self.requests.append((name, request))
        if self.status[name] != 200:
            kind = {529: "overloaded_error", 429: "rate_limit_error"}.get(self.status[name], "api_error")
            error = {"type": "error", "error": {"type": kind, "message": "no"}}
            return Reply(self.status[name], json.dumps(error).encode(), {"retry-after": "1.4"})
        if not body.get("stream"):
            return Reply(200, json.dumps(MESSAGE if name == "anthropic" else CHAT).encode())
        if name == "openai":
            return Reply(
                200, "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS).encode() + b"data: [DONE]\n\n"
            )
        return Reply(200, "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in EVENTS).encode())

    def body(self, position: int = -1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(bytes(self.requests[position][1].body))
        return found


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def build(folder: Path, upstream: Upstream, router: Mapping[str, Any] | None = None, **litellm: object) -> Flask:
    models = {"claude": "anthropic/claude-sonnet-4-5", "gpt": "openai/gpt-5.1"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": model, "api_key": f"sk-of-ours-{name}"}}
            for name, model in models.items()
        ],
        "general_settings": {"master_key": KEY, "allow_client_mock_response": True},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True, **(router or {})},
        "litellm_settings": {"callbacks": ["webhook"], **litellm},
        "callback_settings": {"webhook": {"url": SINK}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return create_app(load(path, {}), transport=upstream)


def ask(
    app: Flask, headers: Mapping[str, str] | None = None, path: str = "/v1/messages", **fields: object
) -> TestResponse:
    """One call, its record delivered."""
    answer = app.test_client().post(path, json={**ASK, **fields}, headers={"x-api-key": KEY, **(headers or {})})
    answer.get_data()
    answer.close()
    assert app.extensions["patchbay"].observation.queue.flush(20)
    return answer


@pytest.mark.parametrize(("model", "native", "answer_id"), [("claude", True, "msg_7"), ("gpt", False, "chatcmpl-7")])
@pytest.mark.parametrize("stream", [False, True])
def test_records_name_the_dialect_and_the_form(
    tmp_path: Path, upstream: Upstream, model: str, native: bool, answer_id: str, stream: bool
) -> None:
    answer = ask(build(tmp_path, upstream), model=model, stream=stream)
    assert answer.status_code == 200
    (record,) = upstream.records
    assert (record["call_type"], record["dialect"], record["native"]) == ("anthropic_messages", "messages", native)
    assert (record["prompt_tokens"], record["completion_tokens"]) == (1000, 100)
    assert record["response_cost"] > 0
    if not stream:
        assert record["id"] == answer_id or answer_id in json.dumps(record)
    assert "a prompt" not in json.dumps(record)


@pytest.mark.parametrize("model", ["claude", "gpt"])
@pytest.mark.parametrize("stream", [False, True])
def test_prompts_and_answers_are_logged_in_the_form_that_was_used(
    tmp_path: Path, upstream: Upstream, model: str, stream: bool
) -> None:
    ask(build(tmp_path, upstream, turn_off_message_logging=False), model=model, stream=stream)
    (record,) = upstream.records
    assert "a prompt" in json.dumps(record["messages"])
    said = {"claude": "roses", "gpt": "violets"}[model]
    assert said in json.dumps(record["response"])
    if model == "claude":
        assert record["response"]["content"] == [{"type": "text", "text": "roses"}]


def test_a_native_answers_bytes_are_the_clients(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    assert json.loads(ask(app).get_data()) == MESSAGE
    assert events_of([ask(app, stream=True).get_data()]) == EVENTS


def test_tags_and_metadata_of_the_gateway_stay_here(tmp_path: Path, upstream: Upstream) -> None:
    metadata = {"tags": ["a"], "trace_id": "t", "user_id": "customer-7"}
    ask(build(tmp_path, upstream), {"x-litellm-tags": "b"}, metadata=metadata, num_retries=0, litellm_metadata={"x": 1})
    (record,) = upstream.records
    assert record["request_tags"] == ["a", "b"]
    assert record["end_user"] == "customer-7"
    sent = upstream.body()
    assert sent["metadata"] == {"user_id": "customer-7"}
    assert sent.keys() == {"model", "max_tokens", "messages", "metadata"}


def test_extra_body_is_the_providers(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream), extra_body={"speed": "fast"})
    assert upstream.body()["speed"] == "fast"
    assert "extra_body" not in upstream.body()


def test_betas_reach_anthropic_and_nobody_else(tmp_path: Path, upstream: Upstream) -> None:
    app, headers = build(tmp_path, upstream), {"anthropic-beta": "x-2026-01-01", "anthropic-version": "2026-10-21"}
    ask(app, headers)
    ask(app, headers, model="gpt")
    (_, first), (_, second) = upstream.requests
    assert (first.headers["anthropic-beta"], first.headers["anthropic-version"]) == ("x-2026-01-01", "2026-10-21")
    assert not any(name.startswith("anthropic-") for name in second.headers)


@pytest.mark.parametrize(("first", "second", "said"), [("claude", "gpt", "violets"), ("gpt", "claude", "roses")])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback_crosses_between_the_forms(
    tmp_path: Path, upstream: Upstream, first: str, second: str, said: str, stream: bool
) -> None:
    upstream.status[{"claude": "anthropic", "gpt": "openai"}[first]] = 500
    app = build(tmp_path, upstream, {"fallbacks": [{first: [second]}]})
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    turns = [
        ASK["messages"][0],
        {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]},
        *ASK["messages"],
    ]
    answer = ask(app, model=first, stream=stream, messages=turns)
    message = gather([answer.get_data()]) if stream else answer.get_json()
    assert message["content"][0]["text"] == said
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    (record,) = upstream.records
    assert record["native"] is (second == "claude")


def test_a_fallback_objects_members_change_the_native_body(tmp_path: Path, upstream: Upstream) -> None:
    upstream.status["openai"] = 500
    ask(build(tmp_path, upstream), model="gpt", fallbacks=[{"model": "claude", "temperature": 0.25}])
    assert upstream.body()["temperature"] == 0.25
    assert "fallbacks" not in upstream.body()


def test_an_overloaded_model_is_529_with_a_whole_number_of_seconds(tmp_path: Path, upstream: Upstream) -> None:
    upstream.status["anthropic"] = 529
    answer = ask(build(tmp_path, upstream))
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (529, "overloaded_error")
    assert answer.headers["retry-after"] == "2"
    assert answer.get_json()["request_id"] == answer.headers["request-id"]


def test_a_mock_answers_in_the_dialect(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream)
    assert ask(app, mock_response="mocked").get_json()["content"] == [{"type": "text", "text": "mocked"}]
    assert gather([ask(app, mock_response="mocked", stream=True).get_data()])["content"][0]["text"] == "mocked"
    limited = ask(app, mock_response="litellm.RateLimitError")
    assert (limited.status_code, limited.get_json()["error"]["type"]) == (429, "rate_limit_error")
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    called = ask(app, mock_tool_calls=[call]).get_json()
    assert called["content"][-1] == {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
    assert upstream.requests == []


def test_several_models_answer_a_list(tmp_path: Path, upstream: Upstream) -> None:
    answer = ask(build(tmp_path, upstream), model="claude,gpt").get_json()
    assert [message["content"][0]["text"] for message in answer] == ["roses", "violets"]
    upstream.status["openai"] = 500
    answer = ask(build(tmp_path, upstream), model="claude,gpt").get_json()
    assert (answer[1]["type"], answer[1]["model"]) == ("error", "gpt")


def test_a_clients_own_router_serves_messages(tmp_path: Path, upstream: Upstream) -> None:
    params = {"model": "anthropic/claude-x", "api_key": "sk-clients-own"}
    own = {"model_list": [{"model_name": "mine", "litellm_params": params}]}
    answer = ask(build(tmp_path, upstream), model="mine", user_config=own)
    assert answer.status_code == 200
    assert upstream.requests[0][1].headers["x-api-key"] == "sk-clients-own"
    assert upstream.body()["model"] == "claude-x"


@pytest.mark.parametrize(("model", "url"), [("claude", "/v1/messages"), ("gpt", "/v1/chat/completions")])
def test_an_explanation_shows_the_request_in_its_form(tmp_path: Path, upstream: Upstream, model: str, url: str) -> None:
    plan = ask(build(tmp_path, upstream), path="/router/explain?dialect=messages", model=model).get_json()
    assert plan["request"]["url"].endswith(url)
    assert plan["request"]["body"]["messages"][0]["content"] == "a prompt"
    assert upstream.requests == []


def test_the_token_counter_is_asked_and_its_failure_blames_nobody(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, {"disable_cooldowns": False})
    body = {"max_tokens": 5}
    upstream.status["anthropic"] = 500
    answer = ask(app, path="/v1/messages/count_tokens", **body)
    assert (answer.status_code, answer.headers["x-patchbay-token-count"]) == (200, "estimated")
    assert upstream.requests[0][1].url.endswith("/v1/messages/count_tokens")
    upstream.status["anthropic"] = 200
    assert ask(app).status_code == 200
