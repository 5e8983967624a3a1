"""What holds of every provider and row, whatever its format."""

import copy
import json
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.operations import CHAT, EMBEDDINGS, IMAGES, OPERATIONS, RERANK
from proxy.domain.sample_files import SILENCE
from proxy.domain.wire import Event
from proxy.errors import BY_STATUS, GatewayError, TruncatedStreamError
from proxy.providers.compatible.rows import ROWS
from proxy.providers.contract import Provider, refuse_stream
from proxy.providers.registry import PROVIDERS, TRANSLATED
from proxy.transport.framing.framing import DECODERS
from tests.providers.recordings import (
    Recording,
    build_call,
    build_deployment,
    load_recordings,
    response_body,
    stream_chunks,
)

CONVERSATION: Mapping[str, Any] = {
    "model": "group",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be very brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "I should look.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}],
    "tool_choice": "auto",
    "max_tokens": 100,
    "temperature": 0.5,
    "stop": ["END"],
}
BODIES: Mapping[str, Mapping[str, Any]] = {
    **{row.name: {"model": "group", **row.probe} for row in OPERATIONS.values() if row.probe is not None},
    CHAT.name: CONVERSATION,
}
# What their rows leave to the configuration.
CONNECTIONS: Mapping[str, Mapping[str, Any]] = {
    "cloudflare": {"account_id": "account"},
    "databricks": {"api_base": "https://workspace.example/serving-endpoints"},
    "snowflake": {"account_id": "account"},
    "bedrock_mantle": {"aws_region_name": "us-east-1"},
    "watsonx": {"api_base": "https://us-south.ml.cloud.ibm.com", "watsonx_project_id": "project"},
}
MODELS = {"bedrock": "amazon.nova-micro-v1:0", "gemini": "gemini-2.5-flash", "vertex_ai": "gemini-2.5-flash"}
OPERATION_MODELS: Mapping[str, Mapping[str, str]] = {
    EMBEDDINGS.name: {"bedrock": "amazon.titan-embed-text-v2:0", "vertex_ai": "text-embedding-004"},
    IMAGES.name: {"bedrock": "amazon.nova-canvas-v1:0"},
    RERANK.name: {"bedrock": "amazon.rerank-v1:0", "vertex_ai": "semantic-ranker-default-004"},
}

every_provider = pytest.mark.parametrize("name", sorted(PROVIDERS))
# The streams of all rows are read by the same code, so one of them stands for all.
own_streams = pytest.mark.parametrize("name", [*sorted(TRANSLATED), "deepinfra", "nvidia_nim", "together_ai", "voyage"])


def build(name: str, operation: str = CHAT.name) -> Any:
    """A deployment of the provider that can be asked."""
    models = OPERATION_MODELS.get(operation, MODELS)
    deployment = build_deployment(name, models.get(name, "some-model"))
    row = ROWS.get(name)
    homeless = (row is not None and row.base_url is None) or (name, operation) == ("huggingface", RERANK.name)
    base = {"api_base": "https://provider.example/v1"} if homeless else {}
    deployment.connection.update({**base, **CONNECTIONS.get(name, {})})  # type: ignore[attr-defined]
    return deployment


def requests_of(provider: Provider) -> Iterator[tuple[Call, Any, Provider]]:
    """A request of each operation, and the provider as it is asked for it."""
    for operation in provider.operations:
        can_stream = operation.streams and provider.form_for(operation).open_stream is not refuse_stream
        for stream in {False, can_stream}:
            body = {**BODIES[operation.name], **({"stream": True} if stream else {})}
            call, deployment = build_call(operation.name, body), build(provider.name, operation.name)
            yield call, deployment, provider.form_for(operation)


@every_provider
def test_input_is_unchanged_and_output_the_same_when_a_request_is_built_twice(name: str) -> None:
    for call, deployment, provider in requests_of(PROVIDERS[name]):
        fields, connection = copy.deepcopy(call.fields), copy.deepcopy(deployment.connection)
        first, second = provider.build_request(call, deployment), provider.build_request(call, deployment)
        assert (first.url, first.headers, bytes(first.body)) == (second.url, second.headers, bytes(second.body))
        assert (call.fields, deployment.connection) == (fields, connection)


@every_provider
def test_request_is_json_over_https_when_it_is_built(name: str) -> None:
    for call, deployment, provider in requests_of(PROVIDERS[name]):
        request = provider.build_request(call, deployment)
        assert request.url.startswith(("https://", "http://127.0.0.1", "http://localhost", "mock://"))
        if call.upload is None or request.headers["content-type"] == "application/json":
            assert isinstance(json.loads(bytes(request.body)), dict)
        else:
            assert bytes(request.body).startswith(b"--patchbay-probe\r\n") or bytes(request.body) == SILENCE.data
        assert all(isinstance(value, str) for value in request.headers.values())


@every_provider
def test_key_is_sent_in_a_header_when_the_provider_takes_keys(name: str) -> None:
    for call, deployment, provider in requests_of(PROVIDERS[name]):
        request = provider.build_request(call, deployment)
        assert "test-key" not in request.url
        sent = any("test-key" in value for value in request.headers.values())
        assert sent or provider.auth in ("aws", "google", "ibm")


@every_provider
@pytest.mark.parametrize("status", [*sorted(BY_STATUS), 418, 498, 520, 529])
def test_error_has_its_class_when_the_provider_answers_with_a_status(name: str, status: int) -> None:
    for body in (b'{"error": {"message": "no", "type": "t", "code": "c"}}', b"<html>no</html>", b"", b"[]", b"null"):
        error = PROVIDERS[name].parse_error(status, body, {"retry-after": "3"}, build(name))
        assert isinstance(error, GatewayError)
        assert error.provider == name
        assert 400 <= error.status_code < 600
        assert "<html>" not in error.message
        if status in (401, 403, 404, 429):
            assert isinstance(error, BY_STATUS[status])
        if status == 429:
            assert error.retry_after == 3
        assert {"message", "type", "param", "code"} <= error.to_openai()["error"].keys()


@every_provider
def test_guard_goes_along_when_a_client_named_the_destination(name: str) -> None:
    for call, deployment, provider in requests_of(PROVIDERS[name]):
        overrides = {**deployment.connection, "api_base": "https://elsewhere.example", "api_key": "client-key"}
        request = provider.build_request(call, deployment.with_overrides(overrides))
        assert request.guarded
        assert "elsewhere.example" in request.url


STREAMS = [
    recording
    for recording in load_recordings()
    if recording.exchanges[0]["response"]["stream"] and "error" not in recording.exchanges[0]["expect"]["response"]
]
SHORT_STREAMS = [recording for recording in STREAMS if len(response_body(recording.exchanges[0]["response"])) < 20_000]
every_stream = pytest.mark.parametrize("recording", STREAMS, ids=lambda recording: recording.name)


def replay_in(recording: Recording, blocks: list[bytes]) -> list[Chunk]:
    provider, deployment = PROVIDERS[recording.provider], build_deployment(recording.provider, recording.model)
    call = build_call(recording.operation, recording.exchanges[0]["client"])
    return stream_chunks(blocks, provider, call, deployment)


def body_of(recording: Recording) -> bytes:
    return response_body(recording.exchanges[0]["response"])


@every_stream
def test_chunks_are_the_same_when_a_stream_arrives_byte_by_byte(recording: Recording) -> None:
    body = body_of(recording)
    assert replay_in(recording, [bytes([byte]) for byte in body]) == replay_in(recording, [body])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_chunks_are_the_same_when_a_stream_is_cut_anywhere(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(SHORT_STREAMS))
    body = body_of(recording)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    blocks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert replay_in(recording, blocks) == replay_in(recording, [body])


@every_stream
def test_stream_has_a_finish_reason_when_it_is_whole(recording: Recording) -> None:
    chunks = replay_in(recording, [body_of(recording)])
    assert sum(chunk.finished for chunk in chunks) >= 1
    for chunk in chunks:
        fields = json.loads(chunk.data)
        assert fields["object"] == "chat.completion.chunk"
        assert isinstance(fields["choices"], list)
        assert chunk.without_choices == (not fields["choices"])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_stream_ends_with_a_finish_or_an_error_when_it_breaks_anywhere(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(SHORT_STREAMS))
    body = body_of(recording)
    try:
        chunks = replay_in(recording, [body[: data.draw(st.integers(0, len(body)))]])
    except GatewayError:
        return
    assert any(chunk.finished for chunk in chunks)


@own_streams
def test_truncation_is_an_error_when_a_stream_is_empty(name: str) -> None:
    provider = PROVIDERS[name]
    call, deployment = build_call(CHAT.name, {**CONVERSATION, "stream": True}), build(name)
    with pytest.raises(TruncatedStreamError):
        stream_chunks([], provider, call, deployment)


FIRST_STREAMS = list({recording.provider: recording for recording in reversed(SHORT_STREAMS)}.values())


@pytest.mark.parametrize("recording", FIRST_STREAMS, ids=lambda recording: recording.name)
def test_memory_grows_by_the_text_at_most_when_a_stream_has_very_many_chunks(recording: Recording) -> None:
    """One event again and again: formats that need the whole text at the end may keep it, and nothing beside it."""
    provider, deployment = PROVIDERS[recording.provider], build_deployment(recording.provider, recording.model)
    framing = DECODERS[provider.framing]()
    events = framing.feed(body_of(recording))
    decoder = provider.open_stream(build_call(recording.operation, recording.exchanges[0]["client"]), deployment)
    chunks = [(decoder.feed(event), event) for event in events[:-2]]
    [*_, repeated] = [event for fed, event in chunks if any(chunk.content for chunk in fed)]
    decoder = provider.open_stream(build_call(recording.operation, recording.exchanges[0]["client"]), deployment)
    for event in events[: events.index(repeated)]:
        decoder.feed(event)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5000):
            decoder.feed(repeated)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 5000 * len(repeated.data), f"{grown} bytes were kept of 5000 events of {len(repeated.data)}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
# Words that formats look for, so that nonsense gets past the first look.
WORDS = [
    *("choices", "delta", "message", "content", "finish_reason", "usage", "error", "type", "index", "tool_calls"),
    *("function", "arguments", "candidates", "parts", "content_block", "contentBlockIndex", "event", "data", "id"),
    *("model", "role", "text", "thinking", "output", "stopReason", "done", "embeddings", "object", "prompt_tokens"),
    *("completion_tokens_details", "message_start", "content_block_delta", "x_groq", "references", "citations"),
]
HOSTILE = st.recursive(
    JSON | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
GARBAGE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"17",
    b'"text"',
    b"{}",
    b'{"choices": null}',
    b'{"choices": [null, 1, {}]}',
    b"<html><body>502 Bad Gateway</body></html>",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"a":' * 100_000,
)


def answers_soundly(provider: Provider, body: bytes) -> None:
    """A GatewayError, or an answer that is a JSON object."""
    for call, deployment, asked in requests_of(provider):
        try:
            answer = asked.parse_response(body, {}, call, deployment)
        except GatewayError:
            continue
        assert isinstance(json.loads(answer.body), dict)


@own_streams
@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
def test_answer_is_sound_or_an_error_when_the_body_is_garbage(name: str, body: bytes) -> None:
    answers_soundly(PROVIDERS[name], body)


@own_streams
@settings(max_examples=60, deadline=None, derandomize=True)
@given(answer=HOSTILE)
def test_answer_is_sound_or_an_error_when_the_body_is_unexpected_json(name: str, answer: Any) -> None:
    answers_soundly(PROVIDERS[name], json.dumps(answer).encode())


def mutate(value: Any, data: st.DataObject) -> Any:
    """`value` with something unexpected, or nothing, at one place in it."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        name = data.draw(st.sampled_from(sorted(value)))
        if not data.draw(st.integers(0, 8)):
            return {other: item for other, item in value.items() if other != name}
        return {**value, name: mutate(value[name], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 5)):
        position = data.draw(st.integers(0, len(value) - 1))
        return [mutate(item, data) if at == position else item for at, item in enumerate(value)]
    return data.draw(HOSTILE)


def mutated_body(body: bytes, data: st.DataObject) -> bytes:
    return json.dumps(mutate(json.loads(body), data)).encode()


ANSWERS = [
    (recording, number)
    for recording in load_recordings()
    for number, exchange in enumerate(recording.exchanges)
    if recording.provider in PROVIDERS and exchange["response"]["status"] == 200 and not exchange["response"]["stream"]
]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_answer_is_sound_or_an_error_when_a_recorded_one_is_damaged(data: st.DataObject) -> None:
    recording, number = data.draw(st.sampled_from(ANSWERS))
    provider, deployment = PROVIDERS[recording.provider], build_deployment(recording.provider, recording.model)
    exchange = recording.exchanges[number]
    call = build_call(recording.operation, BODIES[recording.operation])
    try:
        answer = provider.parse_response(mutated_body(response_body(exchange["response"]), data), {}, call, deployment)
    except GatewayError:
        return
    assert isinstance(json.loads(answer.body), dict)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_chunks_are_sound_or_an_error_when_a_recorded_event_is_damaged(data: st.DataObject) -> None:
    recording = data.draw(st.sampled_from(SHORT_STREAMS))
    provider, deployment = PROVIDERS[recording.provider], build_deployment(recording.provider, recording.model)
    framing = DECODERS[provider.framing]()
    events = framing.feed(body_of(recording)) + framing.finish()
    damaged = data.draw(st.integers(0, len(events) - 1))
    decoder = provider.open_stream(build_call(recording.operation, recording.exchanges[0]["client"]), deployment)
    try:
        for number, event in enumerate(events):
            hurt = number == damaged and event.data.startswith(b"{")
            for chunk in decoder.feed(event._replace(data=mutated_body(event.data, data)) if hurt else event):
                assert isinstance(json.loads(chunk.data), dict)
        decoder.finish()
    except GatewayError:
        return


@own_streams
@settings(max_examples=60, deadline=None, derandomize=True)
@given(events=st.lists(st.tuples(HOSTILE, st.sampled_from([*WORDS, "", "ping", "exception"])), max_size=4))
def test_chunks_are_sound_or_an_error_when_events_are_unexpected(name: str, events: list[tuple[Any, str]]) -> None:
    decoder = PROVIDERS[name].open_stream(build_call(CHAT.name, {**CONVERSATION, "stream": True}), build(name))
    try:
        for answer, event_name in events:
            for chunk in decoder.feed(Event(json.dumps(answer).encode(), event_name)):
                assert isinstance(json.loads(chunk.data), dict)
        decoder.finish()
    except GatewayError:
        return


@own_streams
@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
def test_stream_is_sound_or_an_error_when_an_event_is_garbage(name: str, body: bytes) -> None:
    decoder = PROVIDERS[name].open_stream(build_call(CHAT.name, {**CONVERSATION, "stream": True}), build(name))
    try:
        chunks = decoder.feed(Event(body)) + decoder.finish()
    except GatewayError:
        return
    assert all(isinstance(json.loads(chunk.data), dict) for chunk in chunks)


@own_streams
@settings(max_examples=40, deadline=None, derandomize=True)
@given(error=HOSTILE, status=st.sampled_from([400, 422, 500]))
def test_error_is_ours_when_the_error_body_is_unexpected_json(name: str, error: Any, status: int) -> None:
    found = PROVIDERS[name].parse_error(status, json.dumps({"error": error}).encode(), {}, build(name))
    assert isinstance(found, GatewayError)
    assert len(found.message) < 10_000
