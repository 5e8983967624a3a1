"""Lines that people and machines read, without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from proxy.sinks.logs import json_line, setup_logging, terminal_line
from tests.sinks.records import ANSWERED, MESSAGES, REFUSED, RESPONSE, make_failure, make_record


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Put the program's logger back as it was."""
    own = logging.getLogger("patchbay")
    handlers, propagate, level = own.handlers, own.propagate, own.level
    yield
    own.handlers, own.propagate = handlers, propagate
    own.setLevel(level)


def mask(text: str) -> str:
    return text.replace("sk-secret-key", "***")


def test_line_tells_the_call_when_a_person_reads() -> None:
    line = terminal_line(make_record(first=0.22)).decode()
    for part in ("200 chat fast > openai/gpt-4o", "1000 ms", "first 220 ms", "12+34 tokens", "$0.000310", "id call-1"):
        assert part in line


def test_line_names_every_try_when_there_were_several() -> None:
    assert b"tried 429 d0 then 200 d1" in terminal_line(make_record(attempts=(REFUSED, ANSWERED)))


def test_line_stays_one_when_a_model_name_holds_control_characters() -> None:
    line = terminal_line(make_record(model_group="fast\n200 chat forged\x1b[2J"))
    assert line.endswith(b"\n") and line[:-1].decode().isprintable()


def test_no_price_is_shown_when_the_cost_is_unknown() -> None:
    assert b"$" not in terminal_line(make_record(cost=None))


def test_line_is_json_with_both_ids_when_a_machine_reads() -> None:
    fields = json.loads(json_line(make_failure()))
    assert (fields["x-litellm-call-id"], fields["x-request-id"]) == ("call-1", "request-1")
    assert (fields["status"], fields["error_class"]) == (429, "RateLimitError")


@pytest.mark.parametrize("format_line", [terminal_line, json_line])
def test_content_is_not_in_the_line_when_the_record_has_it(format_line: object) -> None:
    assert b"roses" not in format_line(make_record(messages_json=MESSAGES, response_json=RESPONSE))  # type: ignore[operator]


@pytest.mark.parametrize("terminal", [True, False])
def test_secrets_are_masked_when_the_program_logs_them(terminal: bool) -> None:
    stream = io.StringIO()
    setup_logging("info", mask, terminal=terminal, call_id=lambda: "call-9", stream=stream)
    log = logging.getLogger("patchbay.test")
    error = ValueError("wrong key sk-secret-key")
    log.error("could not use %s", "sk-secret-key", exc_info=error)
    log.debug("not shown")
    text = stream.getvalue()
    assert "sk-secret-key" not in text and text.count("***") == 2
    assert "call-9" in text and "not shown" not in text


def test_each_line_is_an_object_when_a_machine_reads_the_program_log() -> None:
    stream = io.StringIO()
    setup_logging("debug", mask, terminal=False, stream=stream)
    logging.getLogger("patchbay.test").debug("one\ntwo")
    assert json.loads(stream.getvalue())["message"] == "one\ntwo"


@pytest.mark.parametrize("library", ["urllib3.connectionpool", "botocore.auth"])
def test_libraries_stay_silent_when_the_level_is_debug(library: str) -> None:
    setup_logging("debug", mask, terminal=True, stream=io.StringIO())
    assert not logging.getLogger(library).isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("time", [0.0, 1_700_000_000.0, 1_700_000_001.878, 1_799_999_999.9994, 1_800_000_000.001])
def test_time_is_iso_when_a_machine_reads(time: float) -> None:
    told = json.loads(json_line(make_record(end_time=time)))["time"]
    assert told == datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def test_nothing_unknown_is_named_when_a_machine_reads() -> None:
    unknown = dict.fromkeys(("model_id", "custom_llm_provider", "overhead", "usage", "cost", "key_alias"))
    for record in (make_record(**unknown), make_failure(**dict.fromkeys(("model_id", "overhead", "key_alias")))):
        assert None not in json.loads(json_line(record)).values()
