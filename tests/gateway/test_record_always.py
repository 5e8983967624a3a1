"""Every call has its record, whatever a client or a provider put into it."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from proxy.domain.call import Call
from proxy.domain.record import CallRecord
from proxy.gateway.record_builder import build_record
from proxy.sinks import jsonl, logs
from proxy.sinks.langfuse import Langfuse
from proxy.sinks.otel import OpenTelemetry
from proxy.sinks.recent_calls import RecentCalls
from proxy.sinks.webhook import Webhook
from tests.gateway.test_record_builder import CallEnd, make_call, make_outcome, make_record


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


ODD_METADATA = [
    deep(256),
    deep(2000),
    {"a": object()},
    {"a": {1, 2}},
    {"a": "\ud800"},
    {"a": 10**400},
    {"a": float("nan")},
]


@pytest.mark.parametrize("metadata", ODD_METADATA, ids=range(len(ODD_METADATA)))
def test_record_is_built_when_metadata_cannot_be_written(metadata: dict[str, Any]) -> None:
    record = make_record(call=make_call(metadata))
    assert (record.id, record.status, record.model_id) == ("call-1", "success", "d1")
    assert orjson.dumps(record.to_dict())


def test_record_is_built_when_anything_fails() -> None:
    def broken(text: str) -> str:
        raise MemoryError

    record = build_record(make_call(), make_outcome(), CallEnd(1001.0, 1.0), broken)
    assert (record.id, record.model_id, record.retries) == ("call-1", "d1", 0)
    assert len(record.attempts) == 2


class Lines:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, lines: Sequence[bytes]) -> None:
        self.lines += lines

    def close(self) -> None: ...


class Receiver:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, url: str, body: bytes, headers: object) -> Any:
        self.bodies.append(body)
        return type("Posted", (), {"status": 200, "body": b""})()


def written(sink: str, records: Sequence[CallRecord]) -> str:
    lines, receiver = Lines(), Receiver()
    sinks: dict[str, Callable[[], Any]] = {
        "logs": lambda: logs.CallLines(lines, logs.json_line),  # type: ignore[arg-type]
        "terminal": lambda: logs.CallLines(lines, logs.terminal_line),  # type: ignore[arg-type]
        "json": lambda: jsonl.JsonLines(lines),  # type: ignore[arg-type]
        "webhook": lambda: Webhook("http://h", {}, receiver),
        "langfuse": lambda: Langfuse("http://h", {}, receiver, {}),
        "otel": lambda: OpenTelemetry(receiver.bodies.append, {}),
    }
    sinks[sink]().write(records)
    return b"".join([*lines.lines, *receiver.bodies]).decode()


ODD: list[dict[str, Any]] = [
    {"metadata_json": b"not JSON"},
    {"model": "\ud800"},
    {"model_parameters": {"seed": object()}},
    {"tags": (object(),)},
    {"end_user": "\udfff"},
    {"response_json": b"{", "messages_json": b"["},
]


@pytest.mark.parametrize("sink", ["logs", "terminal", "json", "webhook", "langfuse", "otel"])
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_each_record_is_written_when_one_of_them_is_odd(sink: str, odd: dict[str, Any]) -> None:
    records = [make_record()._replace(id=f"call-{number}") for number in range(3)]
    records[1] = records[1]._replace(**odd)
    text = written(sink, records)
    spans = sink == "otel"
    assert all(f"call-{number}" in text for number in range(3)), "spans" if spans else text


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_status_page_shows_the_others_when_one_record_is_odd(odd: dict[str, Any]) -> None:
    board, record = RecentCalls(), make_record()
    board.write([record, record._replace(id="odd", **odd), record])
    assert len(board.read(record.end_time).calls) == 3


def test_prompt_is_in_no_record_when_a_providers_error_quotes_it() -> None:
    from proxy.errors import BadRequestError

    prompt = "Patient Ann Miller was born on 12 May 1971"
    call: Call = make_call(messages=[{"role": "user", "content": prompt}])
    error = BadRequestError(f"openai - bad input: {prompt[8:30]}", provider="openai")
    record = make_record(call=call, outcome=None, error=error)
    assert record.error is not None
    assert "Miller" not in record.error.message
    assert record.error.message.startswith("openai - bad ")
    shown = make_record(call=call, outcome=None, error=error, log_content=True)
    assert shown.error is not None and "Miller" in shown.error.message
