"""What arrives at Langfuse: a stand-in for its ingestion API on loopback."""

from base64 import b64decode
from typing import Any

import orjson
import pytest

from proxy.domain.record import CallRecord
from proxy.runtime import Runtime
from proxy.sinks.contract import SinkContext, SinkError, SinkSetupError
from proxy.sinks.langfuse import Langfuse, build, build_events
from tests.sinks.receivers import Receiver, no_post, post, running_receiver
from tests.sinks.records import MESSAGES, PAGE_METADATA, RESPONSE, make_failure, make_record


def make_sink(receiver: Receiver, **settings: object) -> Langfuse:
    receiver.status, receiver.answer = 207, b'{"successes":[],"errors":[]}'
    environ = {
        "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
        "LANGFUSE_SECRET_KEY": "sk-lf-2",
        "LANGFUSE_HOST": receiver.url + "/",
        "LANGFUSE_RELEASE": "v7",
    }
    return build(SinkContext(post, Runtime(), settings=settings, environ=environ, version="1.0"))


def bodies(record: CallRecord, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bodies of the trace and of the generation."""
    trace, generation = build_events(record, options)
    return trace["body"], generation["body"]


def with_metadata(**metadata: object) -> CallRecord:
    return make_record(metadata=metadata, messages_json=MESSAGES, response_json=RESPONSE)


def test_names_and_ids_are_in_their_places_when_the_page_example_arrives() -> None:
    with running_receiver() as receiver:
        make_sink(receiver).write([make_record(metadata=PAGE_METADATA)])
    (received,) = receiver.received
    assert received.path == "/api/public/ingestion"
    assert b64decode(received.headers["authorization"].removeprefix("Basic ")) == b"pk-lf-1:sk-lf-2"
    trace, generation = received.json()["batch"]
    assert (trace["type"], generation["type"]) == ("trace-create", "generation-create")
    assert trace["body"]["id"] == "openai-client-trace-id22"
    assert trace["body"]["userId"] == "openai-client-user-id2"
    assert trace["body"]["release"] == "v7"
    assert generation["body"]["id"] == "openai-client-gen-id22"
    assert generation["body"]["name"] == "ishaan-generation-openai-client"
    assert generation["body"]["traceId"] == "openai-client-trace-id22"


def test_names_are_litellms_when_the_client_gave_none() -> None:
    trace, generation = bodies(make_record(end_user="user-7"))
    assert (trace["id"], trace["name"], trace["userId"]) == ("call-1", "litellm-acompletion", "user-7")
    assert (generation["id"], generation["name"]) == ("call-1", "litellm:team-key")
    assert bodies(make_record(key_alias=None))[1]["name"] == "litellm-acompletion"


def test_every_trace_key_has_its_place_when_a_client_sends_it() -> None:
    trace, _ = bodies(
        with_metadata(
            trace_id="t",
            trace_name="n",
            trace_user_id="u",
            session_id="s",
            tags=["a", "b"],
            trace_metadata={"k": 1},
            trace_version="2",
            trace_release="r",
            trace_colour="red",
        )
    )
    expected = {
        "id": "t",
        "name": "n",
        "userId": "u",
        "sessionId": "s",
        "tags": ["a", "b"],
        "version": "2",
        "release": "r",
        "metadata": {"k": 1, "colour": "red"},
    }
    assert {name: trace[name] for name in expected} == expected


def test_every_generation_key_has_its_place_when_a_client_sends_it() -> None:
    prompt = {"name": "greeting", "version": 3}
    _, generation = bodies(with_metadata(version="9", parent_observation_id="p", prompt=prompt, mine="kept"))
    assert (generation["version"], generation["parentObservationId"]) == ("9", "p")
    assert (generation["promptName"], generation["promptVersion"]) == ("greeting", 3)
    assert generation["metadata"]["mine"] == "kept" and "version" not in generation["metadata"]


def test_trace_is_left_as_it_is_when_it_exists_already() -> None:
    trace, generation = bodies(with_metadata(existing_trace_id="old", trace_name="new name", tags=["x"]))
    assert trace == {"id": "old"} and generation["traceId"] == "old"


def test_named_keys_change_when_the_client_asks_to_update_an_existing_trace() -> None:
    keys = ["trace_name", "output"]
    trace, _ = bodies(with_metadata(existing_trace_id="old", trace_name="new", session_id="s", update_trace_keys=keys))
    assert trace == {"id": "old", "name": "new", "output": {"role": "assistant", "content": "roses"}}


def test_prompt_and_answer_arrive_when_the_record_has_them() -> None:
    trace, generation = bodies(with_metadata())
    for body in (trace, generation):
        assert body["input"] == [{"role": "user", "content": "hello"}]
        assert body["output"] == {"role": "assistant", "content": "roses"}


def test_nothing_of_the_content_arrives_when_the_record_has_none() -> None:
    trace, generation = bodies(make_record())
    assert "input" not in trace and "output" not in generation


@pytest.mark.parametrize(
    ("key", "gone", "kept"), [("mask_input", "input", "output"), ("mask_output", "output", "input")]
)
def test_one_side_is_hidden_when_the_client_masks_it(key: str, gone: str, kept: str) -> None:
    trace, generation = bodies(with_metadata(**{key: True}))
    assert gone not in trace and gone not in generation and kept in generation


def test_usage_and_cost_are_langfuses_when_the_prompt_was_cached() -> None:
    _, generation = bodies(make_record())
    usage = {"input": 10, "output": 34, "total": 46, "cache_read_input_tokens": 2}
    assert generation["usageDetails"] == usage
    assert generation["costDetails"] == {"total": 0.00031}


def test_no_cost_is_sent_when_it_is_unknown() -> None:
    assert "costDetails" not in bodies(make_record(cost=None))[1]


def test_level_is_error_when_the_call_failed() -> None:
    _, generation = bodies(make_failure())
    assert (generation["level"], generation["statusMessage"]) == ("ERROR", "too many requests")


def test_tags_are_joined_when_the_operator_adds_some() -> None:
    record = make_record(metadata={"tags": ["a"]}, tags=("a", "b"))
    trace, _ = bodies(record, default_tags=["user_api_key_alias", "cache_hit"])
    assert trace["tags"] == ["a", "b", "user_api_key_alias:team-key"]


def test_times_are_utc_when_a_stream_began_to_answer() -> None:
    _, generation = bodies(make_record(completion_start_time=1700000000.25))
    assert generation["completionStartTime"] == "2023-11-14T22:13:20.250Z"
    assert generation["endTime"] == "2023-11-14T22:13:21.000Z"


def test_batch_counts_as_lost_when_langfuse_refuses_an_event() -> None:
    with running_receiver() as receiver:
        sink = make_sink(receiver)
        receiver.answer = b'{"successes":[],"errors":[{"id":"x","status":400,"message":"bad"}]}'
        with pytest.raises(SinkError, match="refused 1 of 2"):
            sink.write([make_record()])


def test_requests_stay_under_the_limit_when_the_content_is_large() -> None:
    with running_receiver() as receiver:
        messages = orjson.dumps([{"role": "user", "content": "x" * 1_000_000}])
        make_sink(receiver).write([make_record(str(number), messages_json=messages) for number in range(4)])
    assert len(receiver.received) > 1
    assert max(len(request.body) for request in receiver.received) <= 3_500_000
    assert sum(len(request.json()["batch"]) for request in receiver.received) == 8


def test_variables_are_named_when_they_are_missing() -> None:
    with pytest.raises(SinkSetupError, match="LANGFUSE_SECRET_KEY"):
        build(SinkContext(no_post, Runtime(), environ={"LANGFUSE_PUBLIC_KEY": "pk"}))
