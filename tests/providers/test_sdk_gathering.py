"""Streams, gathered by OpenAI's own SDK: it asks for an index in every list that comes in more than one chunk."""

import json
from typing import Any

import pytest
from openai.lib.streaming._deltas import accumulate_delta
from openai.types.chat import ChatCompletionChunk

from proxy.domain.answer import Chunk
from proxy.providers.registry import find_provider
from proxy.transport.framing.framing import DECODERS
from tests.providers.anthropic.exchange import events_of, stream_of
from tests.providers.bedrock.test_stream import END, delta, frame, run
from tests.providers.recordings import (
    Recording,
    build_call,
    build_deployment,
    load_recordings,
    response_body,
)

STREAMED = [
    (recording, number)
    for recording in load_recordings()
    for number, exchange in enumerate(recording.exchanges)
    if exchange["response"]["stream"]
    and "error" not in exchange["expect"]["response"]
    and recording.operation == "chat"
]


def gather(chunks: list[Chunk]) -> dict[object, Any]:
    message: dict[object, Any] = {}
    for chunk in chunks:
        for choice in ChatCompletionChunk.model_validate_json(chunk.data).choices:
            message = accumulate_delta(message, choice.delta.model_dump(exclude_unset=True))
    return message


def chunks_of(recording: Recording, number: int) -> list[Chunk]:
    provider, deployment = find_provider(recording.provider), build_deployment(recording.provider, recording.model)
    assert provider is not None
    exchange = recording.exchanges[number]
    call = build_call("chat", {**exchange["client"], "messages": [{"role": "user", "content": "Hello"}]})
    framing, decoder = DECODERS[provider.framing](), provider.open_stream(call, deployment)
    events = [*framing.feed(response_body(exchange["response"])), *framing.finish()]
    return [*(chunk for event in events for chunk in decoder.feed(event)), *decoder.finish()]


@pytest.mark.parametrize(
    ("recording", "number"), STREAMED, ids=[f"{recording.name}-{number}" for recording, number in STREAMED]
)
def test_a_stream_is_gathered_when_it_is_a_recorded_one(recording: Recording, number: int) -> None:
    message = gather(chunks_of(recording, number))
    assert any(message.get(name) for name in ("content", "tool_calls", "reasoning_content", "refusal"))


def test_a_stream_is_gathered_when_lists_come_in_many_chunks() -> None:
    thinking = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    cited = {"type": "text", "text": "It snows", "citations": [{"url": "https://x.no"}, {"url": "https://y.no"}]}
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}}
    message = gather(stream_of(events_of([thinking, cited, thinking, cited, call, {**call, "id": "b"}], "tool_use")))
    assert [block["signature"] for block in message["thinking_blocks"]] == ["s", "s"]
    assert len(message["annotations"]) == 4
    assert [json.loads(each["function"]["arguments"]) for each in message["tool_calls"]] == [{"a": 1}, {"a": 1}]


def test_thoughts_are_gathered_when_bedrock_streams_several() -> None:
    thinking = [
        delta(0, reasoningContent={"text": "H"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "s"}),
        frame("contentBlockStop", {"contentBlockIndex": 0}),
    ]
    chunks = [Chunk(json.dumps(fields).encode()) for fields in run([*thinking, *thinking, *END])]
    whole = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    assert gather(chunks)["thinking_blocks"] == [{"index": 0, **whole}, {"index": 1, **whole}]
