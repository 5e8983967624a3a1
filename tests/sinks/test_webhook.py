"""Batches to a receiver on loopback."""

import pytest

from proxy.runtime import Runtime
from proxy.sinks.contract import SinkContext, SinkError, SinkSetupError
from proxy.sinks.webhook import build
from tests.sinks.receivers import post, running_receiver
from tests.sinks.records import PAGE_METADATA, make_record


def test_batch_arrives_whole_when_the_receiver_is_well() -> None:
    with running_receiver() as receiver:
        settings = {"callback_settings": {"webhook": {"url": receiver.url + "/calls", "headers": {"X-Key": "secret"}}}}
        build(SinkContext(post, Runtime(), settings=settings)).write(
            [make_record("a", metadata=PAGE_METADATA), make_record("b")]
        )
    (received,) = receiver.received
    assert received.path == "/calls" and received.headers["x-key"] == "secret"
    assert [item["litellm_call_id"] for item in received.json()] == ["a", "b"]
    assert received.json()[0]["metadata"]["requester_metadata"] == PAGE_METADATA


def test_variables_of_litellm_are_read_when_nothing_is_configured() -> None:
    with running_receiver() as receiver:
        environ = {
            "GENERIC_LOGGER_ENDPOINT": receiver.url,
            "GENERIC_LOGGER_HEADERS": "Authorization=Bearer a=b, X-Two=2",
        }
        build(SinkContext(post, Runtime(), environ=environ)).write([make_record("a")])
    assert receiver.received[0].headers["authorization"] == "Bearer a=b"
    assert receiver.received[0].headers["x-two"] == "2"


def test_batch_counts_as_not_taken_when_the_receiver_refuses() -> None:
    with running_receiver() as receiver:
        receiver.status = 503
        sink = build(SinkContext(post, Runtime(), environ={"GENERIC_LOGGER_ENDPOINT": receiver.url}))
        with pytest.raises(SinkError, match="answered 503"):
            sink.write([make_record("a")])


def test_setting_is_named_when_there_is_no_address() -> None:
    with pytest.raises(SinkSetupError, match="GENERIC_LOGGER_ENDPOINT"):
        build(SinkContext(post, Runtime()))
