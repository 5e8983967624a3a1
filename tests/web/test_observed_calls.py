"""What a call leaves behind: its record at a webhook, and what its answer tells of ids and cost."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from proxy.domain.wire import ClientWatch, Clocks, WireRequest, WireResponse
from proxy.settings.load import load

KEY = "sk-observed-1234567890"
SINK = "http://sink.example/records"
HELLO = [{"role": "user", "content": "a prompt of the client's"}]
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
ANSWER = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5.4-2026-03-05",
    "service_tier": "flex",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "roses"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNK = {"id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5.4-2026-03-05"}
CHUNKS = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "ro"}}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "ses"}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": USAGE},
]


class Reply:
    def __init__(self, status: int, body: bytes) -> None:
        self.status, self._body = status, body
        self.headers = {"content-type": "application/json", "x-ratelimit-remaining-tokens": "4321"}

    def read(self) -> bytes:
        return self._body

    def blocks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...


class Upstream:
    """The provider, and the receiver of records; it keeps what both were sent."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[WireRequest] = []
        self.records: list[dict[str, Any]] = []

    def send(self, request: WireRequest, clocks: Clocks, client: ClientWatch | None = None) -> WireResponse:
        if request.url == SINK:
            self.records += json.loads(request.body)
            return Reply(200, b"")
        self.requests.append(request)
        if self.status != 200:
            return Reply(self.status, b'{"error": {"message": "no"}}')
        if json.loads(request.body).get("stream"):
            events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS)
            return Reply(200, f"{events}data: [DONE]\n\n".encode())
        return Reply(200, json.dumps(ANSWER).encode())


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def build(folder: Path, upstream: Upstream, **litellm: object) -> Flask:
    config = {
        "model_list": [
            {"model_name": "fast", "litellm_params": {"model": "openai/gpt-5.4", "api_key": "sk-of-ours-12345"}}
        ],
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"callbacks": ["webhook"], **litellm},
        "callback_settings": {"webhook": {"url": SINK}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return create_app(load(path, {}), transport=upstream)


def ask(app: Flask, headers: Mapping[str, str] | None = None, **fields: object) -> TestResponse:
    """One call, its record delivered."""
    answer = app.test_client().post(
        "/v1/chat/completions",
        json={"model": "fast", "messages": HELLO, **fields},
        headers={"authorization": f"Bearer {KEY}", **(headers or {})},
    )
    answer.get_data()
    answer.close()
    assert app.extensions["patchbay"].observation.queue.flush(20)
    return answer


def test_content_stays_out_when_the_operator_says_nothing(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream))
    (record,) = upstream.records
    assert (record["messages"], record["response"]) == (None, None)
    assert "a prompt of the client's" not in json.dumps(record)


def test_content_is_in_the_record_when_the_operator_says_so(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream, turn_off_message_logging=False))
    (record,) = upstream.records
    assert record["messages"] == HELLO
    assert record["response"]["choices"][0]["message"]["content"] == "roses"


def test_stream_is_put_together_when_answers_are_logged(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream, turn_off_message_logging=False), stream=True)
    (record,) = upstream.records
    assert record["response"]["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "roses"}, "finish_reason": "stop"}
    ]


def test_content_stays_out_when_the_client_wants_it_redacted(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, turn_off_message_logging=False)
    ask(app, {"x-litellm-enable-message-redaction": "true"})
    (record,) = upstream.records
    assert (record["messages"], record["response"]) == (None, None)


def test_nothing_arrives_when_the_client_wants_no_log(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream, turn_off_message_logging=False), **{"no-log": True})
    assert upstream.records == []


def test_key_is_told_when_it_was_the_master_key(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream))
    metadata = upstream.records[0]["metadata"]
    assert metadata["user_api_key_alias"] == "master"
    assert len(metadata["user_api_key_hash"]) == 64
    assert KEY not in json.dumps(upstream.records)


def test_key_is_not_told_when_it_is_redacted(tmp_path: Path, upstream: Upstream) -> None:
    ask(build(tmp_path, upstream, redact_user_api_key_info=True))
    metadata = upstream.records[0]["metadata"]
    assert (metadata["user_api_key_alias"], metadata["user_api_key_hash"]) == (None, None)


@pytest.mark.parametrize("stream", [False, True])
def test_answer_is_named_as_the_provider_names_it_when_it_is_recorded(
    tmp_path: Path, upstream: Upstream, stream: bool
) -> None:
    answer = ask(build(tmp_path, upstream), stream=stream)
    (record,) = upstream.records
    assert record["id"] == ("chatcmpl-8" if stream else "chatcmpl-7")
    assert record["litellm_call_id"] == answer.headers["x-litellm-call-id"]


def test_last_deployment_is_told_when_the_call_failed(tmp_path: Path, upstream: Upstream) -> None:
    upstream.status = 500
    answer = ask(build(tmp_path, upstream))
    (record,) = upstream.records
    assert (record["status"], record["status_code"], answer.status_code) == ("failure", 500, 500)
    assert (record["custom_llm_provider"], record["model"]) == ("openai", "gpt-5.4")
    assert record["model_id"] == record["attempts"][0]["deployment_id"]


def test_tier_is_priced_when_the_answer_names_it(tmp_path: Path, upstream: Upstream) -> None:
    answer = ask(build(tmp_path, upstream))
    flex = 1000 * 1.25e-6 + 100 * 7.5e-6
    assert upstream.records[0]["response_cost"] == pytest.approx(flex)
    assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(flex)
    assert float(answer.headers["x-litellm-response-cost-input"]) == pytest.approx(1000 * 1.25e-6)
    assert float(answer.headers["x-litellm-response-cost-output"]) == pytest.approx(100 * 7.5e-6)
    assert "x-litellm-response-cost-cache-read" not in answer.headers


def usage_chunk(answer: TestResponse) -> dict[str, Any]:
    chunks = [json.loads(line[6:]) for line in answer.get_data(as_text=True).split("\n") if line.startswith("data: {")]
    usage: dict[str, Any] = chunks[-1]["usage"]
    return usage


def test_cost_is_in_the_last_chunk_when_the_operator_wants_it(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, include_cost_in_streaming_usage=True)
    usage = usage_chunk(ask(app, stream=True, stream_options={"include_usage": True}))
    assert usage["cost"] == pytest.approx(1000 * 2.5e-6 + 100 * 15e-6)
    assert usage["prompt_tokens"] == 1000


def test_chunk_is_as_it_came_when_nobody_asks_for_its_cost(tmp_path: Path, upstream: Upstream) -> None:
    answer = ask(build(tmp_path, upstream), stream=True, stream_options={"include_usage": True})
    assert usage_chunk(answer) == USAGE


@pytest.mark.parametrize(("given", "same"), [("req-1", True), ("with space", False), ("x" * 200, False)])
def test_request_id_comes_back_when_it_is_sound(tmp_path: Path, upstream: Upstream, given: str, same: bool) -> None:
    answer = ask(build(tmp_path, upstream), {"x-request-id": given})
    told = answer.headers["x-request-id"]
    assert told == (given if same else answer.headers["x-litellm-call-id"])
    assert upstream.records[0]["request_id"] == told


def test_request_id_comes_back_when_the_call_fails(tmp_path: Path, upstream: Upstream) -> None:
    upstream.status = 500
    assert ask(build(tmp_path, upstream), {"x-request-id": "req-2"}).headers["x-request-id"] == "req-2"


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("forward", [True, False])
def test_trace_goes_on_to_the_provider_when_the_operator_says_so(
    tmp_path: Path, upstream: Upstream, forward: bool
) -> None:
    ask(build(tmp_path, upstream, forward_traceparent_to_llm_provider=forward), {"traceparent": TRACEPARENT})
    sent = upstream.requests[0].headers.get("traceparent", "")
    assert (sent.split("-")[1:2] == [TRACE]) is forward
    assert sent != TRACEPARENT


def test_metrics_are_named_when_they_are_off(tmp_path: Path, upstream: Upstream) -> None:
    client = build(tmp_path, upstream).test_client()
    answer = client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 404
    assert "callbacks: [prometheus]" in answer.get_json()["error"]["message"]


def test_metrics_need_no_key_when_the_operator_opens_them(tmp_path: Path, upstream: Upstream) -> None:
    opened = {"callbacks": ["prometheus"], "require_auth_for_metrics_endpoint": False}
    app = build(tmp_path, upstream, **opened)
    ask(app)
    text = app.test_client().get("/metrics").get_data(as_text=True)
    assert "litellm_requests_metric_total{" in text
    assert hashlib.sha256(KEY.encode()).hexdigest() not in text
    assert app.test_client().get("/v1/models").status_code == 401


def test_rest_is_told_when_the_provider_says_what_is_left(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, callbacks=["prometheus"])
    ask(app)
    metrics = app.test_client().get("/metrics", headers={"authorization": f"Bearer {KEY}"}).get_data(as_text=True)
    (line,) = [line for line in metrics.splitlines() if line.startswith("litellm_remaining_tokens_metric{")]
    assert 'litellm_model_name="gpt-5.4"' in line
    assert line.endswith(" 4321.0")


def test_no_label_tells_of_the_caller_when_nobody_asked_for_it(tmp_path: Path, upstream: Upstream) -> None:
    app = build(tmp_path, upstream, callbacks=["prometheus"])
    ask(app, {"user-agent": "agent-of-somebody"}, user="somebody")
    metrics = app.test_client().get("/metrics", headers={"authorization": f"Bearer {KEY}"}).get_data(as_text=True)
    assert "somebody" not in metrics


def test_line_of_the_log_names_the_call_when_it_is_written_during_one(
    tmp_path: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    app = build(tmp_path, upstream)
    app.add_url_rule("/note", view_func=lambda: logging.getLogger("patchbay").warning("here") or "")
    app.test_client().get("/note", headers={"authorization": f"Bearer {KEY}", "x-litellm-call-id": "call-9"})
    (line,) = [line for line in capsys.readouterr().err.splitlines() if '"here"' in line]
    assert json.loads(line)["x-litellm-call-id"] == "call-9"
