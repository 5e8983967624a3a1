"""Calls as OpenTelemetry spans, sent as OTLP over HTTP in its JSON form: one SERVER span a call, one CLIENT span a try.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. Collectors listen for it on port 4318. GenAI attributes are on the
CLIENT spans only. A record has the duration of each try, not its start: tries are laid end to end before the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from proxy.domain.record import CallRecord
from proxy.domain.trace import TraceContext, read_context, span_id
from proxy.errors import Attempt
from proxy.sinks import semconv
from proxy.sinks.contract import Post, SinkContext, SinkSetupError, check_posted
from proxy.sinks.each import each
from proxy.sinks.lines import Descriptor, LineWriter
from proxy.sinks.webhook import parse_headers

_SERVER, _CLIENT = 2, 3
_STATUS_ERROR = 2

Attributes = dict[str, Any]
Deliver = Callable[[bytes], None]


class OpenTelemetry:
    """`legacy` also sends the provider's older name. `content`: prompt and answer, where a record has them."""

    name = "otel"
    tries = 3
    anonymous = False

    def __init__(
        self, deliver: Deliver, resource: Mapping[str, str], *, legacy: bool = True, content: bool = True
    ) -> None:
        self._deliver = deliver
        self._resource = resource
        self._legacy = legacy
        self._content = content

    def write(self, records: Sequence[CallRecord]) -> None:
        written = [orjson.Fragment(span) for spans in each(records, self._spans) for span in spans]
        if written:
            scope = {"scope": {"name": "patchbay"}, "spans": written}
            resource = {"attributes": _encode(dict(self._resource))}
            self._deliver(orjson.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}))

    def _spans(self, record: CallRecord) -> list[bytes]:
        return [orjson.dumps(span) for span in build_spans(record, legacy=self._legacy, content=self._content)]

    def close(self) -> None:
        """Nothing is held."""


def build_spans(record: CallRecord, *, legacy: bool = True, content: bool = True) -> Iterator[dict[str, Any]]:
    """The spans of one call in OTLP's JSON form; none where the client's trace is not sampled."""
    context = read_context(record.id, record.requester.traceparent)
    if not context.sampled:
        return
    yield _server_span(record, context)
    end = record.end_time
    starts = []
    for attempt in reversed(record.attempts):
        starts.append((end - attempt.milliseconds / 1000, end))
        end = starts[-1][0]
    for number, (attempt, (start, stop)) in enumerate(zip(record.attempts, reversed(starts), strict=True)):
        last = number == len(record.attempts) - 1
        attributes = _attempt_attributes(attempt)
        if last:
            attributes |= _answer_attributes(record, legacy=legacy) | (_messages(record) if content else {})
        operation = semconv.operation_name(record.operation)
        model = record.model if last else attempt.group
        yield _span(
            context.trace_id,
            span_id(record.id, number),
            span_id(record.id),
            f"{operation} {model}",
            _CLIENT,
            (max(start, record.start_time), stop),
            {semconv.OPERATION: operation, semconv.REQUEST_MODEL: model, **attributes},
            attempt.error_class if attempt.error_class or not last or not record.error else record.error.error_class,
        )


def _server_span(record: CallRecord, context: TraceContext) -> dict[str, Any]:
    requester = record.requester
    attributes = {
        semconv.HTTP_METHOD: "POST",
        semconv.HTTP_ROUTE: requester.route,
        semconv.HTTP_STATUS: record.status_code,
        semconv.CLIENT_ADDRESS: requester.ip_address,
        semconv.USER_AGENT: requester.user_agent,
        semconv.ERROR_TYPE: record.error.error_class if record.error else None,
        "litellm.call_id": record.id,
        "patchbay.request_id": requester.request_id,
        "patchbay.key_alias": record.key_alias,
        "patchbay.model_group": record.model_group,
        "patchbay.retries": record.retries,
        "patchbay.fallbacks": record.fallbacks,
        "patchbay.overhead": record.overhead,
        "patchbay.time_to_first_token": record.first,
        "patchbay.cost_usd": record.response_cost,
        "patchbay.cache_hit": record.cache_hit,
        "patchbay.tags": list(record.tags) or None,
        "patchbay.metadata": record.metadata_json.decode() if record.metadata_json != b"{}" else None,
    }
    name = f"POST {requester.route}" if requester.route else "POST"
    times = (record.start_time, record.end_time)
    # Only what is the gateway's own fault marks a server's span as failed.
    fault = record.error.error_class if record.error and record.status_code >= 500 else None
    return _span(context.trace_id, span_id(record.id), context.parent_id, name, _SERVER, times, attributes, fault)


def _attempt_attributes(attempt: Attempt) -> Attributes:
    return {
        semconv.HTTP_STATUS: attempt.status,
        semconv.ERROR_TYPE: attempt.error_class,
        "patchbay.model_group": attempt.group,
        "patchbay.deployment_id": attempt.deployment_id,
        "patchbay.reason": attempt.reason,
    }


def _answer_attributes(record: CallRecord, *, legacy: bool) -> Attributes:
    """What is known of the deployment that was tried last."""
    provider = semconv.PROVIDERS.get(record.custom_llm_provider or "", record.custom_llm_provider)
    parameters = {
        attribute: record.model_parameters[name]
        for name, attribute in semconv.PARAMETERS.items()
        if name in record.model_parameters
    }
    usage = record.usage
    tokens = {
        semconv.INPUT_TOKENS: usage.prompt_tokens,
        semconv.OUTPUT_TOKENS: usage.completion_tokens,
        semconv.CACHE_READ_TOKENS: usage.cached_tokens or None,
        semconv.CACHE_WRITE_TOKENS: usage.cache_write_tokens or None,
        semconv.REASONING_TOKENS: usage.reasoning_tokens or None,
    } if usage else {}  # fmt: skip
    return {
        semconv.PROVIDER: provider,
        semconv.SYSTEM: provider if legacy else None,
        semconv.RESPONSE_ID: record.response_id,
        semconv.SERVER_ADDRESS: urlsplit(record.api_base).hostname if record.api_base else None,
        semconv.CONVERSATION: record.metadata.get("session_id"),
        **parameters,
        **tokens,
    }


def _messages(record: CallRecord) -> Attributes:
    texts = {semconv.INPUT_MESSAGES: record.messages_json, semconv.OUTPUT_MESSAGES: record.response_json}
    return {name: text.decode() for name, text in texts.items() if text}


def _span(
    trace_id: str,
    identifier: str,
    parent: str | None,
    name: str,
    kind: int,
    times: tuple[float, float],
    attributes: Attributes,
    fault: str | None,
) -> dict[str, Any]:
    span = {
        "traceId": trace_id,
        "spanId": identifier,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": _nano(times[0]),
        "endTimeUnixNano": _nano(times[1]),
        "attributes": _encode(attributes),
        "status": {"code": _STATUS_ERROR, "message": fault} if fault else {},
    }
    return {**span, "parentSpanId": parent} if parent else span


def _nano(seconds: float) -> str:
    """64-bit numbers are text in OTLP's JSON."""
    return str(round(seconds * 1_000_000) * 1000)


def _encode(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}


def build(context: SinkContext) -> OpenTelemetry:
    """The standard variables OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and LiteLLM's OTEL_EXPORTER,
    OTEL_ENDPOINT, OTEL_HEADERS, OTEL_ENVIRONMENT_NAME; `callback_settings.otel.message_logging: false` keeps prompts out."""
    environ = context.environ
    resource = {
        "service.name": environ.get("OTEL_SERVICE_NAME") or "patchbay",
        "service.version": context.version,
        **_pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")),
    }
    if environ.get("OTEL_ENVIRONMENT_NAME"):
        resource["deployment.environment.name"] = environ["OTEL_ENVIRONMENT_NAME"]
    return OpenTelemetry(
        _deliverer(context.environ, context.post),
        resource,
        legacy=semconv.OPT_IN not in environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(","),
        content=context.options("otel").get("message_logging") is not False,
    )


def _deliverer(environ: Mapping[str, str], post: Post) -> Deliver:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return lambda _: None
    exporter = environ.get("OTEL_EXPORTER") or environ.get("OTEL_TRACES_EXPORTER") or "otlp_http"
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    if exporter == "console":
        writer = LineWriter(Descriptor(1))
        return lambda body: writer.write([body + b"\n"])
    if exporter not in ("otlp", "otlp_http", "http/json") or protocol != "http/json":
        raise SinkSetupError(
            "otel sends OTLP over HTTP with JSON: set OTEL_EXPORTER=otlp_http, OTEL_EXPORTER_OTLP_PROTOCOL=http/json and "
            "the collector's HTTP port (4318)"
        )
    url, headers = _endpoint(environ), {"content-type": "application/json", **_headers(environ)}

    def deliver(body: bytes) -> None:
        check_posted(post(url, body, headers))

    return deliver


def _endpoint(environ: Mapping[str, str]) -> str:
    exact = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if exact:
        return exact
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_ENDPOINT") or "http://localhost:4318"
    base = base.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS")
    return _pairs(next((environ[name] for name in names if environ.get(name)), ""))


def _pairs(text: str) -> dict[str, str]:
    """`name=value,name=value`, the values percent-encoded."""
    return {name: unquote(value) for name, value in parse_headers(text).items()}
