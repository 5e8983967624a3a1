"""ChunkTemplate: what it covers is valid and says the same as its sample, but for the texts."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.answer import Chunk, read_chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import Event
from proxy.errors import TruncatedStreamError
from proxy.providers.compatible.chunk_template import ChunkTemplate
from proxy.providers.registry import find_provider


def chunk(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    fields = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps({**fields, **more}, ensure_ascii=False).encode()


SAMPLE = chunk({"content": 'Hi "you"'}, obfuscation="x")


@pytest.mark.parametrize(
    "delta", [{"content": "there"}, {"content": 'a\\"\n\t'}, {"content": "\u65e5\u672c \U0001f600"}, {"content": "}]}"}]
)
def test_a_chunk_is_covered_when_only_its_text_differs(delta: dict[str, str]) -> None:
    assert ChunkTemplate(SAMPLE).covers(chunk(delta, obfuscation="abcdef"))


@pytest.mark.parametrize(
    "data",
    [
        chunk({"content": ""}, obfuscation="x"),
        chunk({"content": "a"}, "stop", obfuscation="x"),
        chunk({"content": None}, obfuscation="x"),
        chunk({"content": "a"}),
        chunk({"content": "a"}, obfuscation="x", usage={"total_tokens": 1}),
        SAMPLE[:-1],
        SAMPLE + b" ",
        SAMPLE + SAMPLE,
        SAMPLE.replace(b"Hi", b"\xff"),
        SAMPLE.replace(b"Hi", b"\xed\xa0\x80"),
        SAMPLE.replace(b"Hi", b"\\ud800"),
        SAMPLE.replace(b"Hi", b"\\x"),
        SAMPLE.replace(b"Hi", b"a\nb"),
        SAMPLE.replace(b"Hi", b'","finish_reason":"stop'),
    ],
)
def test_a_chunk_is_parsed_when_more_than_its_text_differs_or_it_is_not_valid(data: bytes) -> None:
    assert not ChunkTemplate(SAMPLE).covers(data)


@given(st.integers(0, len(SAMPLE)), st.integers(0, 4), st.binary(max_size=8))
def test_what_is_covered_says_the_same_as_the_sample_when_bytes_are_changed(at: int, cut: int, put: bytes) -> None:
    data = SAMPLE[:at] + put + SAMPLE[at + cut :]
    if ChunkTemplate(SAMPLE).covers(data):
        fields = orjson.loads(data)
        assert read_chunk(data, fields) == Chunk(data, content=True)


def decode(provider: str, events: list[bytes]) -> list[Chunk]:
    found = find_provider(provider)
    assert found is not None
    body = Document.parse(b'{"model":"g","messages":[]}')
    stream = found.open_stream(Call("1", CHAT, "g", body, stream=True), Deployment("1", "g", provider, "m", {}))
    return [made for data in events for made in stream.feed(Event(data))]


STREAM = [
    chunk({"role": "assistant", "content": ""}),
    *[chunk({"content": f"{number} \u00e9"}) for number in range(4)],
    *[chunk({"reasoning_content": f"{number}"}) for number in range(4)],
    chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
    *[chunk({"tool_calls": [{"index": 0, "function": {"arguments": f"{number}"}}]}) for number in range(4)],
    *[chunk({"reasoning": f"{number}"}) for number in range(4)],
    *[chunk({"content": f"{number}"}, created=number) for number in range(9)],
    *[chunk({"content": f"{number}"}) for number in range(4)],
    chunk({"content": "end"}, "stop"),
]


@pytest.mark.parametrize("provider", ["openai", "groq", "mistral", "azure", "perplexity", "deepseek"])
def test_chunks_are_the_same_when_none_is_taken_for_like_another(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = decode(provider, STREAM)
    monkeypatch.setattr("proxy.providers.compatible.stream._SAMPLES", 0)
    assert found == decode(provider, STREAM)


def test_the_stream_breaks_when_a_chunk_among_others_is_not_json() -> None:
    with pytest.raises(TruncatedStreamError):
        decode("openai", [chunk({"content": "a"}), chunk({"content": "b"}), chunk({"content": "c"})[:-2]])
