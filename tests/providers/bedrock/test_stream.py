"""ConverseStream's events as chunks."""

import base64
import itertools
import json
import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import (
    BadGatewayError,
    ContextWindowExceededError,
    GatewayError,
    RateLimitError,
    ServiceUnavailableError,
    Timeout,
    TruncatedStreamError,
)
from proxy.providers.bedrock import PROVIDER
from proxy.transport.framing.eventstream import EventStreamDecoder
from tests.providers.bedrock.asking import CLAUDE, FORMAT, HELLO, OLD_CLAUDE, call, deployment


def frame(name: str, payload: Mapping[str, Any], kind: str = ":event-type") -> bytes:
    headers = b""
    for key, value in ((kind, name), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    data = json.dumps(payload).encode()
    head = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    rest = head + struct.pack(">I", crc32(head)) + headers + data
    return rest + struct.pack(">I", crc32(rest))


def delta(index: int, **inner: Any) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": inner, "p": "abc"})


STOP = frame("contentBlockStop", {"contentBlockIndex": 9})
END = [
    frame("messageStop", {"stopReason": "tool_use"}),
    frame("metadata", {"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7, "cacheReadInputTokens": 2}}),
]
STREAM = [
    frame("messageStart", {"role": "assistant", "p": "ab"}),
    delta(0, reasoningContent={"text": "Hm"}),
    delta(0, reasoningContent={"text": ".\n"}),
    delta(0, reasoningContent={"signature": "c2ln+/=="}),
    frame("contentBlockStop", {"contentBlockIndex": 0}),
    delta(1, reasoningContent={"redactedContent": base64.b64encode(b"da").decode()}),
    delta(1, reasoningContent={"redactedContent": base64.b64encode(b"ta").decode()}),
    frame("contentBlockStop", {"contentBlockIndex": 1}),
    delta(2, text="Let me "),
    delta(2, text="see."),
    frame("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}),
    delta(3, toolUse={"input": ""}),
    delta(3, toolUse={"input": '{"city":'}),
    frame("contentBlockStart", {"contentBlockIndex": 4, "start": {"toolUse": {"toolUseId": "t2", "name": "weather"}}}),
    delta(3, toolUse={"input": '"Oslo"}'}),
    delta(4, toolUse={"input": "{}"}),
    frame("somethingNew", {"a": 1}),
    STOP,
    *END,
]


def run(blocks: list[bytes], model: str = CLAUDE, **fields: Any) -> list[dict[str, Any]]:
    framing, decoder = (
        EventStreamDecoder(),
        PROVIDER.open_stream(call(messages=HELLO, stream=True, **fields), deployment(model)),
    )
    chunks = [chunk for block in blocks for event in framing.feed(block) for chunk in decoder.feed(event)]
    framing.finish()
    return [json.loads(chunk.data) for chunk in [*chunks, *decoder.finish()]]


def deltas(chunks: list[dict[str, Any]], name: str) -> list[Any]:
    return [choice["delta"][name] for chunk in chunks for choice in chunk["choices"] if name in choice["delta"]]


def test_stream_gives_the_whole_answer_when_it_holds_everything() -> None:
    chunks = run(STREAM)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(deltas(chunks, "content")) == "Let me see."
    assert "".join(deltas(chunks, "reasoning_content")) == "Hm.\n"
    assert list(itertools.chain(*deltas(chunks, "thinking_blocks"))) == [
        {"index": 0, "type": "thinking", "thinking": "Hm.\n", "signature": "c2ln+/=="},
        {"index": 1, "type": "redacted_thinking", "data": "ZGF0YQ=="},
    ]
    calls = list(itertools.chain(*deltas(chunks, "tool_calls")))
    assert [(one["index"], one["id"]) for one in calls if "id" in one] == [(0, "t1"), (1, "t2")]
    assert "".join(one["function"]["arguments"] for one in calls if one["index"] == 0) == '{"city":"Oslo"}'
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["prompt_tokens"] == 5


@given(st.lists(st.integers(min_value=1, max_value=400), max_size=30))
def test_chunks_are_the_same_when_the_bytes_are_cut_anywhere(cuts: list[int]) -> None:
    raw, blocks = b"".join(STREAM), []
    for size in cuts:
        blocks.append(raw[:size])
        raw = raw[size:]
    assert run([*blocks, raw]) == run(STREAM)


def test_json_tool_streams_as_content_when_it_carries_the_answer() -> None:
    start = {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "json_tool_call"}}}
    blocks = [
        frame("contentBlockStart", start),
        delta(0, toolUse={"input": '{"name":'}),
        delta(0, toolUse={"input": '"Bob"}'}),
        *END,
    ]
    chunks = run(blocks, OLD_CLAUDE, response_format=FORMAT)
    assert "".join(deltas(chunks, "content")) == '{"name":"Bob"}'
    assert deltas(chunks, "tool_calls") == []
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_role_comes_first_when_the_stream_has_no_start() -> None:
    assert run([delta(0, text="x"), *END])[0]["choices"][0]["delta"]["role"] == "assistant"


def test_citation_is_an_annotation_when_it_is_streamed() -> None:
    citation = {"title": "News", "location": {"web": {"url": "https://example.com/n"}}}
    chunks = run([delta(0, citation=citation), *END])
    assert deltas(chunks, "annotations")[0][0]["url_citation"]["url"] == "https://example.com/n"


@pytest.mark.parametrize("end", [0, 1, len(STREAM) - 2])
def test_truncated_stream_when_it_ends_before_message_stop(end: int) -> None:
    with pytest.raises(TruncatedStreamError):
        run(STREAM[:end])


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("throttlingException", {"message": "slow down"}, RateLimitError),
        ("validationException", {"message": "Input is too long for requested model"}, ContextWindowExceededError),
        ("internalServerException", {"message": "oops"}, ServiceUnavailableError),
        ("serviceUnavailableException", {"message": "busy"}, ServiceUnavailableError),
        ("modelStreamErrorException", {"message": "broke", "originalStatusCode": 429}, RateLimitError),
        ("modelStreamErrorException", {"message": "broke"}, BadGatewayError),
        ("modelTimeoutException", {"message": "slow"}, Timeout),
        ("brandNewException", {"message": "what"}, ServiceUnavailableError),
    ],
)
def test_error_is_raised_when_the_stream_brings_an_exception(
    name: str, payload: Any, expected: type[GatewayError]
) -> None:
    with pytest.raises(expected, match=payload["message"][:4]):
        run([*STREAM[:3], frame(name, payload, ":exception-type")])


@pytest.mark.parametrize(
    "name", ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "metadata"]
)
@pytest.mark.parametrize("data", [b"{}", b"[]", b"null", b'{"delta":1,"start":2,"usage":3,"contentBlockIndex":"x"}'])
def test_nothing_breaks_when_an_event_lacks_its_members(name: str, data: bytes) -> None:
    decoder = PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment())
    assert all(not chunk.finished for chunk in decoder.feed(Event(data, name)))


def test_truncated_stream_when_an_event_is_not_json() -> None:
    decoder = PROVIDER.open_stream(call(messages=HELLO, stream=True), deployment())
    with pytest.raises(TruncatedStreamError):
        decoder.feed(Event(b"{", "contentBlockDelta"))
