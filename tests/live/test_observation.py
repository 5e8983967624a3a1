"""What an operator sees of live calls: metrics of four workers, and the page's metadata at Langfuse and at a collector."""

import concurrent.futures
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.http import Stream, chat, open_answers, request, wait_until
from tests.live.servers import WORKER_CLASSES, Server, gateway
from tests.sinks.receivers import running_receiver
from tests.sinks.records import PAGE_METADATA

HELLO = [{"role": "user", "content": "a secret of the user's"}]
KEY = "sk-observe-1234567890"
BEARER = {"authorization": f"Bearer {KEY}"}


def config(upstream: Server, **litellm: object) -> dict[str, object]:
    def entry(name: str, model: str) -> dict[str, object]:
        params = {"model": model, "api_key": "sk-of-the-operator", "api_base": f"{upstream.url}/v1"}
        return {"model_name": name, "litellm_params": params}

    return {
        "model_list": [entry("fast", "openai/gpt-4o-mini"), entry("broken", "openai/fail-500")],
        "router_settings": {"num_retries": 0},
        "litellm_settings": litellm,
    }


def totals(server: Server, name: str, headers: dict[str, str] | None = None, **labels: str) -> float:
    """The sum of a name's samples that have these labels, as a Prometheus server reads them."""
    text = request(server, "GET", "/metrics", headers=headers).body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_sums_are_exact_when_four_workers_are_under_load(upstream: Server, tmp_path: Path) -> None:
    with gateway(config(upstream, callbacks=["prometheus"]), tmp_path, workers=4) as server:
        bodies = [{"model": "fast" if n % 4 else "broken", "messages": HELLO, "stream": n % 3 == 0} for n in range(400)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = [answer.status for answer in pool.map(lambda body: chat(server, body), bodies)]
        succeeded = statuses.count(200)
        assert wait_until(lambda: totals(server, "litellm_proxy_total_requests_metric_total") == 400, 10)
        assert succeeded == 300
        assert totals(server, "litellm_requests_metric_total", requested_model="fast") == succeeded
        assert totals(server, "litellm_proxy_failed_requests_metric_total", requested_model="broken") == 100
        assert totals(server, "litellm_request_total_latency_metric_count") == 400
        assert totals(server, "litellm_overhead_latency_metric_count") == 400
        assert totals(server, "litellm_deployment_success_responses_total") == succeeded
        assert totals(server, "litellm_deployment_cooled_down_total", exception_status="500") >= 1
        assert totals(server, "litellm_deployment_state", litellm_model_name="fail-500") == 2
        assert totals(server, "litellm_in_flight_requests") == 0
        assert totals(server, "patchbay_streams_open") == 0
        assert wait_until(
            lambda: totals(server, "patchbay_sink_records", sink="prometheus", state="written") == 400, 10
        )


def test_stream_is_counted_when_it_is_open(upstream: Server, tmp_path: Path) -> None:
    with gateway(config(upstream, callbacks=["prometheus"]), tmp_path, workers=2) as server:
        slow = {"reply": "one two three", "chunk_delay": 2}
        stream = Stream(server, {"model": "fast", "messages": HELLO, "mock": slow})
        assert stream.status == 200
        assert totals(server, "patchbay_streams_open") == 1
        assert totals(server, "litellm_in_flight_requests") == 1
        stream.close()
        assert wait_until(lambda: totals(server, "patchbay_streams_open") == 0)
    # Other tests count what the provider has open.
    assert wait_until(lambda: open_answers(upstream) == 0, 20)


def test_metrics_are_closed_when_a_key_is_set_and_nothing_else_is_said(upstream: Server, tmp_path: Path) -> None:
    environment = {"LITELLM_MASTER_KEY": KEY}
    with gateway(config(upstream, callbacks=["prometheus"]), tmp_path, environment=environment) as server:
        assert request(server, "GET", "/metrics").status == 401
        assert chat(server, {"model": "fast", "messages": HELLO}, BEARER).status == 200
        assert wait_until(lambda: totals(server, "litellm_requests_metric_total", BEARER, api_key_alias="master") == 1)


def test_page_metadata_arrives_when_langfuse_and_a_collector_listen(upstream: Server, tmp_path: Path) -> None:
    with running_receiver() as langfuse, running_receiver() as collector:
        langfuse.status, langfuse.answer = 207, b'{"successes":[],"errors":[]}'
        environment = {
            "LANGFUSE_PUBLIC_KEY": "pk-lf-1234567890",
            "LANGFUSE_SECRET_KEY": "sk-lf-1234567890",
            "LANGFUSE_HOST": langfuse.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "x-request-id": "req-of-the-client"}
        sinks = config(upstream, success_callback=["langfuse"], callbacks=["otel"])
        with gateway(sinks, tmp_path, environment=environment) as server:
            answer = chat(server, {"model": "fast", "messages": HELLO, "metadata": PAGE_METADATA}, headers)
            assert wait_until(lambda: bool(langfuse.received and collector.received), 10)
    assert answer.headers["x-request-id"] == "req-of-the-client"
    trace, generation = (event["body"] for event in langfuse.received[0].json()["batch"])
    assert (trace["id"], trace["userId"]) == ("openai-client-trace-id22", "openai-client-user-id2")
    assert generation["id"] == "openai-client-gen-id22"
    assert generation["name"] == "ishaan-generation-openai-client"
    assert generation["metadata"]["litellm_call_id"] == answer.headers["x-litellm-call-id"]
    spans = spans_of(collector.received[0].json())
    assert {span["traceId"] for span in spans} == {trace_id}
    assert collector.received[0].path == "/v1/traces"
    assert b"a secret of the user's" not in langfuse.received[0].body + collector.received[0].body


def spans_of(export: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for one in export["resourceSpans"] for scope in one["scopeSpans"] for span in scope["spans"]]


@pytest.mark.parametrize("worker_class", WORKER_CLASSES)
def test_last_records_are_written_when_the_server_is_stopped_at_once(
    upstream: Server, tmp_path: Path, worker_class: str
) -> None:
    with running_receiver() as receiver:
        settings = config(upstream, callbacks=["webhook"]) | {"callback_settings": {"webhook": {"url": receiver.url}}}
        with gateway(settings, tmp_path, worker_class) as server:
            ids = {chat(server, {"model": "fast", "messages": HELLO}).headers["x-litellm-call-id"] for _ in range(20)}
        assert {record["litellm_call_id"] for one in receiver.received for record in one.json()} == ids
