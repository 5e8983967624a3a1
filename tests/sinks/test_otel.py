"""Spans as a collector sees them, on a stand-in for its OTLP endpoint."""

from typing import Any

import pytest

from proxy.domain.record import CallRecord, Requester
from proxy.domain.trace import outgoing_traceparent, read_context
from proxy.runtime import Runtime
from proxy.sinks.contract import SinkContext, SinkError, SinkSetupError
from proxy.sinks.otel import build, build_spans
from tests.sinks.receivers import no_post, post, running_receiver
from tests.sinks.records import ANSWERED, MESSAGES, PAGE_METADATA, REFUSED, RESPONSE, make_failure, make_record

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    """The attributes as plain values."""
    return {item["key"]: next(iter(item["value"].values())) for item in span["attributes"]}


def spans_of(record: CallRecord, *, legacy: bool = True) -> list[dict[str, Any]]:
    return list(build_spans(record, legacy=legacy))


def with_traceparent(flags: str = "01") -> Requester:
    return Requester(route="/chat/completions", traceparent=f"00-{TRACE}-{PARENT}-{flags}")


def test_batch_arrives_in_otlps_form_when_a_collector_listens() -> None:
    with running_receiver() as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b",
            "OTEL_SERVICE_NAME": "gate",
            "OTEL_RESOURCE_ATTRIBUTES": "team=core",
        }
        build(SinkContext(post, Runtime(), environ=environ, version="1.0")).write(
            [make_record("a", metadata=PAGE_METADATA), make_failure("b")]
        )
    (received,) = receiver.received
    assert received.path == "/v1/traces" and received.headers["api-key"] == "a b"
    (resource,) = received.json()["resourceSpans"]
    assert attributes(resource["resource"]) == {"service.name": "gate", "service.version": "1.0", "team": "core"}
    spans = resource["scopeSpans"][0]["spans"]
    assert [(span["kind"], span["name"]) for span in spans] == [
        (2, "POST /chat/completions"),
        (3, "chat gpt-4o"),
        (2, "POST /chat/completions"),
        (3, "chat gpt-4o"),
    ]
    assert "openai-client-trace-id22" in attributes(spans[0])["patchbay.metadata"]


def test_clients_trace_goes_on_when_it_sent_one() -> None:
    server, client = spans_of(make_record(requester=with_traceparent()))
    assert server["traceId"] == client["traceId"] == TRACE
    assert server["parentSpanId"] == PARENT
    assert client["parentSpanId"] == server["spanId"]
    assert outgoing_traceparent("call-1", f"00-{TRACE}-{PARENT}-01").split("-")[2] == server["spanId"]


def test_trace_is_the_calls_own_when_the_client_sent_none() -> None:
    server, _ = spans_of(make_record())
    assert server["traceId"] == read_context("call-1", None).trace_id and "parentSpanId" not in server


def test_nothing_is_exported_when_the_client_does_not_sample() -> None:
    assert spans_of(make_record(requester=with_traceparent("00"))) == []


def test_conventions_are_kept_when_a_call_succeeded() -> None:
    record = make_record(
        custom_llm_provider="vertex_ai",
        model_parameters={"temperature": 0.5, "max_completion_tokens": 9, "stop": ["x", "y"]},
        response_id="chatcmpl-1",
    )
    server, client = spans_of(record)
    found = attributes(client)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.system": "gcp.vertex_ai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": "9",
        "gen_ai.usage.input_tokens": "12",
        "gen_ai.usage.output_tokens": "34",
        "gen_ai.usage.cache_read.input_tokens": "2",
        "gen_ai.usage.reasoning.output_tokens": "4",
        "server.address": "api.openai.com",
    }
    assert {name: found[name] for name in expected} == expected
    assert not [name for name in attributes(server) if name.startswith("gen_ai.")]


def test_older_name_is_left_out_when_the_operator_opted_in() -> None:
    assert "gen_ai.system" not in attributes(spans_of(make_record(), legacy=False)[1])


def test_every_try_is_a_span_when_there_was_a_fallback() -> None:
    server, first, second = spans_of(make_record(attempts=(REFUSED, ANSWERED)))
    assert first["parentSpanId"] == second["parentSpanId"] == server["spanId"] != first["spanId"] != second["spanId"]
    assert first["name"] == "chat slow" and first["status"] == {"code": 2, "message": "RateLimitError"}
    assert attributes(first)["error.type"] == "RateLimitError" and "gen_ai.usage.input_tokens" not in attributes(first)
    assert second["status"] == {}
    assert int(first["endTimeUnixNano"]) == int(second["startTimeUnixNano"])
    assert int(second["endTimeUnixNano"]) - int(second["startTimeUnixNano"]) == 700_000_000


@pytest.mark.parametrize(("status", "failed"), [(429, False), (502, True)])
def test_servers_span_failed_when_the_fault_is_ours(status: int, failed: bool) -> None:
    record = make_failure()
    changed = make_record(status="failure", status_code=status, error=record.error, attempts=(REFUSED,))
    assert bool(spans_of(changed)[0]["status"]) is failed


def test_content_is_sent_when_the_record_has_it_and_the_operator_does_not_object() -> None:
    record = make_record(messages_json=MESSAGES, response_json=RESPONSE)
    assert "roses" in str(list(build_spans(record)))
    assert "roses" not in str(list(build_spans(record, content=False)))


def test_batch_counts_as_not_taken_when_the_collector_refuses() -> None:
    with running_receiver() as receiver:
        receiver.status = 400
        sink = build(SinkContext(post, Runtime(), environ={"OTEL_ENDPOINT": receiver.url}))
        with pytest.raises(SinkError, match="answered 400"):
            sink.write([make_record()])


@pytest.mark.parametrize(
    "environ", [{"OTEL_EXPORTER": "otlp_grpc"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_EXPORTER": "zipkin"}]
)
def test_protocol_is_named_when_it_is_not_ours(environ: dict[str, str]) -> None:
    with pytest.raises(SinkSetupError, match="http/json"):
        build(SinkContext(no_post, Runtime(), environ=environ))


def test_nothing_is_sent_when_the_sdk_is_disabled() -> None:
    build(SinkContext(no_post, Runtime(), environ={"OTEL_SDK_DISABLED": "true"})).write([make_record()])


def test_spans_are_printed_when_the_exporter_is_the_console(capfd: pytest.CaptureFixture[str]) -> None:
    build(SinkContext(no_post, Runtime(), environ={"OTEL_EXPORTER": "console"})).write([make_record()])
    assert "gen_ai.request.model" in capfd.readouterr().out
