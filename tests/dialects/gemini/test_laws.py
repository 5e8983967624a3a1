"""Laws over generated conversations and streams: bridged there and back they mean the same, and cuts change nothing."""

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.gemini.answer import build_answer
from proxy.dialects.gemini.request import build_pivot
from proxy.dialects.gemini.stream import ArrayFraming, EventFraming, ForwardingWriter, GeminiWriter
from proxy.domain.answer import Answer, Chunk, build_chunk
from proxy.domain.call import Call
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.usage import Usage
from proxy.providers.gemini import PROVIDER
from proxy.providers.gemini.body import build_body
from proxy.providers.gemini.native import NativeStream
from proxy.transport.framing.framing import DECODERS
from tests.providers.recordings import build_deployment

DEPLOYMENT = build_deployment("gemini", "gemini-2.5-flash")
CALL = Call("call-1", CHAT, "group", Document.of({"model": "group", "messages": []}))
LAW = settings(max_examples=100, deadline=None)
Part = dict[str, Any]

texts = st.text(alphabet='abc é\u2028\n"\\{}', min_size=1, max_size=12).map(lambda text: f"x{text}y")
values = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.integers(0, 9) | texts | st.lists(st.booleans(), max_size=2)
)
text_parts = st.builds(lambda text: {"text": text}, texts)
images = st.just({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}})


@st.composite
def conversations(draw: Any) -> list[dict[str, Any]]:
    """Turns that alternate; each call has its response."""
    contents: list[dict[str, Any]] = []
    calls: list[Part] = []
    for number in range(draw(st.integers(1, 3))):
        parts = [
            {"functionResponse": {"id": call["functionCall"]["id"], "name": "f", "response": {"of": 1, **draw(values)}}}
            for call in calls
        ]
        parts += draw(st.lists(text_parts | images, min_size=0 if parts else 1, max_size=3))
        contents.append({"role": "user", "parts": parts})
        said = draw(st.lists(text_parts, min_size=1, max_size=1))
        thought = [{**part, "thought": True} for part in draw(st.lists(text_parts, max_size=1))]
        count = draw(st.integers(0, 2))
        calls = [
            {"functionCall": {"id": f"c{number}{index}", "name": "f", "args": draw(values)}} for index in range(count)
        ]
        contents.append({"role": "model", "parts": [*thought, *said, *calls]})
    return contents[: draw(st.integers(1, len(contents)))]


def flat(contents: list[dict[str, Any]]) -> list[tuple[str, list[Part]]]:
    """Neighbours of one role are one turn, and a signature for a model that asks for one is no content."""
    return [
        (role, [part for content in group for part in content["parts"]])
        for role, group in itertools.groupby(contents, lambda content: content["role"])
    ]


@LAW
@given(conversations(), st.booleans())
def test_a_conversation_bridged_there_and_back_means_the_same(contents: list[dict[str, Any]], snake: bool) -> None:
    body: dict[str, Any] = {"model": "m", "contents": contents}
    body["system_instruction" if snake else "systemInstruction"] = {"parts": [{"text": "be brief"}]}
    pivot = build_pivot(Document.of(body))
    back = build_body(pivot.fields, DEPLOYMENT)
    assert flat(back["contents"]) == flat(contents)
    assert back["systemInstruction"] == {"parts": [{"text": "be brief"}]}
    assert pivot.left_out == ()


@st.composite
def messages(draw: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | texts)}
    if draw(st.booleans()):
        message["reasoning_content"] = draw(texts)
    calls = draw(st.lists(values, max_size=3))
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": {"name": f"f{at}", "arguments": json.dumps(arguments)}}
            for at, arguments in enumerate(calls)
        ]
    return message


def meaning(message: dict[str, Any]) -> tuple[Any, ...]:
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return (
        message.get("content") or None,
        message.get("reasoning_content") or None,
        [(call["name"], json.loads(call["arguments"])) for call in calls],
    )


USAGE = Usage(30, 12, 42, cached_tokens=8, reasoning_tokens=5)


@LAW
@given(messages())
def test_an_answer_bridged_there_and_back_means_the_same(message: dict[str, Any]) -> None:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    completion = {"id": "r", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    body = build_answer(Answer(json.dumps(completion).encode(), USAGE), "id", shows_thoughts=True)
    answer = PROVIDER.parse_response(body, {}, CALL, DEPLOYMENT)
    back = json.loads(answer.body)["choices"][0]
    assert meaning(back["message"]) == meaning(message)
    assert back["finish_reason"] == finish
    assert answer.usage == USAGE


def chunks_of(message: dict[str, Any]) -> list[Chunk]:
    """The message in small pieces, as a provider streams it."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "content"):
        deltas += [{name: letter} for letter in message.get(name) or ""]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        deltas.append({"tool_calls": [{"index": index, "id": call["id"], "function": {"name": function["name"]}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": letter}}]} for letter in function["arguments"]
        ]
    shared = {"id": "r", "model": "m"}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if message.get("tool_calls") else "stop"})
    last = build_chunk({**shared, "choices": []})._replace(usage=USAGE)
    return [*(build_chunk({**shared, "choices": [choice]}) for choice in choices), last]


@LAW
@given(messages(), st.randoms())
def test_a_stream_means_what_the_answer_means_however_it_is_cut(message: dict[str, Any], dice: Any) -> None:
    written = b""
    writer, rest = GeminiWriter(EventFraming(), "id", shows_thoughts=True), chunks_of(message)
    while rest:
        size = dice.randint(1, 5)
        written += writer.frames(rest[:size]) + dice.choice([b"", writer.ping(None)])
        rest = rest[size:]
    written += writer.end()
    framing, decoder = DECODERS["sse-or-array"](), PROVIDER.open_stream(CALL, DEPLOYMENT)
    chunks: list[Chunk] = []
    while written:
        size = dice.randint(1, 40)
        chunks += [chunk for event in framing.feed(written[:size]) for chunk in decoder.feed(event)]
        written = written[size:]
    chunks += decoder.finish()
    deltas = [choice["delta"] for chunk in chunks for choice in json.loads(chunk.data)["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    assert (
        "".join(delta.get("content") or "" for delta in deltas) or None,
        "".join(delta.get("reasoning_content") or "" for delta in deltas) or None,
        [(call["name"], json.loads(call["arguments"])) for call in calls],
    ) == meaning(message)
    assert [chunk.usage for chunk in chunks if chunk.usage is not None] == [USAGE]


@LAW
@given(st.lists(texts, min_size=1, max_size=4), st.randoms())
def test_googles_own_events_are_the_same_bytes_byte_by_byte_and_in_any_cut(said: list[str], dice: Any) -> None:
    answers: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [{"text": text}]}}]} for text in said]
    answers[-1]["candidates"][0]["finishReason"] = "STOP"
    sent = b"".join(b"data: %b\r\n\r\n" % json.dumps(answer, ensure_ascii=False).encode() for answer in answers)
    for cut in (lambda: 1, lambda: dice.randint(1, 30), lambda: len(sent)):
        framing, decoder, left = DECODERS["sse-or-array"](), NativeStream(DEPLOYMENT), sent
        events, items = ForwardingWriter(EventFraming()), ForwardingWriter(ArrayFraming())
        shown, array = b"", b""
        while left:
            size = cut()
            chunks = [chunk for event in framing.feed(left[:size]) for chunk in decoder.feed(event)]
            left = left[size:]
            shown, array = shown + events.frames(chunks), array + items.frames(chunks) + items.ping(None)
        assert decoder.finish() == []
        assert shown + events.end() == sent
        assert json.loads(array + items.end()) == answers
