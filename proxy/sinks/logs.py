"""Logs for people: one line a call in a terminal, JSON where a machine reads, secrets masked in both."""

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import orjson

from proxy.domain.record import CallRecord, Mask
from proxy.sinks.contract import SinkContext
from proxy.sinks.each import each
from proxy.sinks.lines import Descriptor, LineWriter

# Libraries that print whole requests, headers and all, at DEBUG.
_TALKATIVE = ("urllib3", "requests", "botocore", "google", "werkzeug", "opentelemetry", "langfuse")


class CallLines:
    """One line for each call, on standard error: what an operator reads first."""

    name = "logs"
    tries = 1
    anonymous = True

    def __init__(self, writer: LineWriter, format_line: Callable[[CallRecord], bytes]) -> None:
        self._writer = writer
        self._format = format_line

    def write(self, records: Sequence[CallRecord]) -> None:
        self._writer.write([*each(records, self._format)])

    def close(self) -> None:
        self._writer.close()


def build(context: SinkContext) -> CallLines:
    return CallLines(LineWriter(Descriptor(2)), terminal_line if context.terminal else json_line)


def terminal_line(record: CallRecord) -> bytes:
    """`12:00:01 200 chat fast > openai/gpt-4o 812 ms, first 220 ms, 12+34 tokens, $0.000310, id ...`."""
    moment = datetime.fromtimestamp(record.end_time).astimezone().strftime("%H:%M:%S")
    served = f"{record.custom_llm_provider}/{record.model}" if record.custom_llm_provider else record.model
    head = f"{moment} {record.status_code} {record.operation} {record.model_group} > {served}"
    return (_one_line(", ".join([f"{head} {record.response_time * 1000:.0f} ms", *_details(record)])) + "\n").encode()


def _details(record: CallRecord) -> list[str]:
    usage, cost = record.usage, record.response_cost
    tried = " then ".join(f"{attempt.status} {attempt.deployment_id[:12]}" for attempt in record.attempts)
    details = (
        (record.first is not None, f"first {(record.first or 0.0) * 1000:.0f} ms"),
        (usage is not None, f"{usage.prompt_tokens}+{usage.completion_tokens} tokens" if usage else ""),
        (cost is not None, f"${cost:.6f}" if cost is not None else ""),
        (bool(record.cache_hit), "from cache"),
        (len(record.attempts) > 1, f"tried {tried}"),
        (record.key_alias is not None, f"key {record.key_alias}"),
        (record.error is not None, record.error.message[:300] if record.error else ""),
        (True, f"id {record.id}"),
        (record.requester.request_id not in (None, record.id), f"request {record.requester.request_id}"),
    )
    return [text for shown, text in details if shown]


def json_line(record: CallRecord) -> bytes:
    """The same as one JSON object; the names are the record's."""
    usage, error = record.usage, record.error
    second, milliseconds = divmod(int(record.end_time * 1000), 1000)
    fields = {
        "time": f"{_moment(second)}.{milliseconds:03d}+00:00",
        "level": "info",
        "logger": "patchbay.call",
        "message": f"{record.status_code} {record.operation} {record.model_group}",
        "x-litellm-call-id": record.id,
        "x-request-id": record.requester.request_id or record.id,
        "status": record.status_code,
        "call_type": record.call_type,
        "model_group": record.model_group,
        "model": record.model,
        "model_id": record.model_id,
        "custom_llm_provider": record.custom_llm_provider,
        "response_time": round(record.response_time * 1_000_000) / 1_000_000,
        "time_to_first_token": record.first,
        "overhead": record.overhead,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "response_cost": record.response_cost,
        "key_alias": record.key_alias,
        "attempts": [attempt.to_dict() for attempt in record.attempts],
        "error_class": error.error_class if error else None,
        "error": error.message if error else None,
    }
    for name in _OFTEN_UNKNOWN:
        if fields[name] is None:
            del fields[name]
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


# Of the fields above, those that may be None: then the line is without them.
_OFTEN_UNKNOWN = (
    "model_id", "custom_llm_provider", "time_to_first_token", "overhead", "prompt_tokens", "completion_tokens",
    "response_cost", "key_alias", "error_class", "error",
)  # fmt: skip


@lru_cache(maxsize=4)
def _moment(second: int) -> str:
    """A Unix second in UTC; a batch has few different ones."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def _one_line(text: str) -> str:
    """Control characters spelled out: a model's name or an error must not forge a line or move the cursor."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


CallId = Callable[[], str | None]


def setup_logging(
    level: str, mask: Mask, *, terminal: bool, call_id: CallId = lambda: None, stream: TextIO | None = None
) -> logging.Handler:
    """Send the program's own log to `stream` (standard error), each line masked and with the call's id.

    `call_id` returns the id of the call that the current thread serves. Other libraries stay at WARNING: at DEBUG
    they print bodies and credentials.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(TerminalFormatter(mask, call_id) if terminal else JsonFormatter(mask, call_id))
    own = logging.getLogger("patchbay")
    own.handlers = [handler]
    own.propagate = False
    own.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


class TerminalFormatter(logging.Formatter):
    """`12:00:01 WARNING patchbay.sinks: text (id ...)`, then the traceback if there is one."""

    def __init__(self, mask: Mask, call_id: CallId) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._mask = mask
        self._call_id = call_id

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the base class names it
        identifier = self._call_id()
        return _one_line(super().formatMessage(record)) + (f" (id {identifier})" if identifier else "")

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, mask: Mask, call_id: CallId) -> None:
        super().__init__()
        self._mask = mask
        self._call_id = call_id

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._mask(record.getMessage()),
        }
        identifier = self._call_id()
        if identifier:
            fields["x-litellm-call-id"] = identifier
        if record.exc_info:
            fields["traceback"] = self._mask(self.formatException(record.exc_info))
        return orjson.dumps(fields).decode()
