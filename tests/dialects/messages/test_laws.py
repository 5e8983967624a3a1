"""Laws over generated conversations: bridged there and back they mean the same, and answers come back as they were."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.messages import MESSAGES_DIALECT
from proxy.dialects.messages.answer import build_message
from proxy.dialects.messages.gather import gather_message
from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.wire import Event
from proxy.providers import anthropic
from tests.dialects.messages.asking import call_of, gather, write

Block = dict[str, Any]

DEPLOYMENT = Deployment("d", "group", "anthropic", "claude-haiku-4-5", {"api_key": "k"})
LAW = settings(max_examples=120, deadline=None)

texts = st.text(alphabet='abc é\n"\\{}', min_size=1, max_size=12).map(lambda text: f"x{text}y")
ids = st.integers(0, 99).map(lambda number: f"toolu_{number}")
inputs = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.integers(0, 9) | texts | st.lists(st.booleans(), max_size=2)
)
text_blocks = st.builds(lambda text: {"type": "text", "text": text}, texts)
images = st.sampled_from(["iVBORw0KGgo=", "/9j/AAAA"]).map(
    lambda data: {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png" if data[0] == "i" else "image/jpeg", "data": data},
    }
)
thoughts = st.builds(
    lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, texts, st.just("EqQB")
)
redacted = st.just({"type": "redacted_thinking", "data": "EmwK"})


@st.composite
def conversations(draw: Any) -> dict[str, Any]:
    """A body whose turns alternate; each call has its result."""
    turns: list[dict[str, Any]] = []
    calls: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        results = [
            {"type": "tool_result", "tool_use_id": call, "content": draw(texts), "is_error": draw(st.booleans())}
            for call in calls
        ]
        said = draw(texts) if not results and draw(st.booleans()) else None
        more = draw(st.lists(text_blocks | images, min_size=0 if results else 1, max_size=3))
        turns.append({"role": "user", "content": said if said is not None else [*results, *more]})
        blocks = draw(st.lists(thoughts | redacted, max_size=2)) + draw(st.lists(text_blocks, max_size=1))
        calls = [f"toolu_{number}_{index}" for index in range(draw(st.integers(0, 2)))]
        blocks += [{"type": "tool_use", "id": call, "name": "f", "input": draw(inputs)} for call in calls]
        if any(block["type"] in ("text", "tool_use") for block in blocks):
            turns.append({"role": "assistant", "content": blocks})
        else:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": draw(texts)}]})
            calls = []
    closing = [{"type": "tool_result", "tool_use_id": call, "content": draw(texts)} for call in calls]
    turns.append({"role": "user", "content": closing or draw(texts)})
    body: dict[str, Any] = {"model": "group", "max_tokens": 50, "messages": turns}
    if draw(st.booleans()):
        body["system"] = draw(texts | st.lists(text_blocks, min_size=1, max_size=2))
    body["tools"] = [{"name": "f", "description": draw(texts), "input_schema": {"type": "object", "properties": {}}}]
    body["tool_choice"] = draw(st.sampled_from([{"type": "auto"}, {"type": "any"}, {"type": "none"}]))
    if draw(st.booleans()):
        body["stop_sequences"] = draw(st.lists(texts, min_size=1, max_size=2))
    return body


def meaning(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body says, whatever the seams of its texts."""
    atoms: list[list[Any]] = []
    for turn in body["messages"]:
        for block in _blocks(turn["content"]):
            atom = _atom(turn["role"], block)
            if atom[1] == "text" and atoms and atoms[-1][:2] == atom[:2]:
                atoms[-1][2] += atom[2]
            else:
                atoms.append(atom)
    system = "".join(block["text"] for block in _blocks(body.get("system") or ""))
    kept = {name: body.get(name) for name in ("max_tokens", "tools", "tool_choice", "stop_sequences")}
    return {"system": system, "atoms": atoms, **kept}


def _blocks(content: Any) -> list[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _atom(role: str, block: Block) -> list[Any]:
    kind = block["type"]
    if kind == "text":
        return [role, "text", block["text"]]
    if kind == "tool_result":
        said = "".join(inner["text"] for inner in _blocks(block["content"]))
        failed = bool(block.get("is_error"))
        return [role, kind, block["tool_use_id"], said.removeprefix("The tool failed:\n") if failed else said, failed]
    return [role, kind, {name: value for name, value in block.items() if name != "type"}]


@given(body=conversations())
@LAW
def test_a_conversation_means_the_same_when_it_was_bridged_there_and_back(body: dict[str, Any]) -> None:
    pivot = MESSAGES_DIALECT.read_request(Document.parse(json.dumps(body).encode()))
    back = anthropic.build_body(call_of(body)._replace(document=pivot), DEPLOYMENT)
    assert meaning(back) == meaning(body)


@st.composite
def answers(draw: Any) -> dict[str, Any]:
    """A message: blocks in any order, and what it counts."""
    blocks: list[Block] = draw(st.lists(thoughts | redacted | text_blocks, max_size=4))
    for index in range(draw(st.integers(0, 2))):
        call = {"type": "tool_use", "id": f"toolu_{index}", "name": "f", "input": draw(inputs)}
        blocks.insert(draw(st.integers(0, len(blocks))), call)
    counts = st.integers(0, 500)
    usage = {
        "input_tokens": draw(counts), "cache_creation_input_tokens": draw(counts),
        "cache_read_input_tokens": draw(counts), "output_tokens": draw(counts),
    }  # fmt: skip
    has_calls = any(block["type"] == "tool_use" for block in blocks)
    reasons = ["tool_use"] if has_calls else ["end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn"]
    reason = draw(st.sampled_from(reasons))
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": blocks,
        "stop_reason": reason, "stop_sequence": "END" if reason == "stop_sequence" else None, "usage": usage,
    }  # fmt: skip


def plain_call() -> Call:
    return call_of({"model": "group", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})


@given(message=answers())
@LAW
def test_a_whole_answer_comes_back_as_it_was(message: dict[str, Any]) -> None:
    answer = anthropic.parse_response(json.dumps(message).encode(), {}, plain_call(), DEPLOYMENT)
    back = json.loads(build_message(answer, "msg_0"))
    assert back == {**message, "model": "anthropic/claude-x"}


def events_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The message as Anthropic streams it."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        opening, deltas = dict(block), []
        if kind == "text":
            opening, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        elif kind == "thinking":
            opening = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif kind == "tool_use":
            opening = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        events.append({"type": "content_block_start", "index": index, "content_block": opening})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    return [*events, {"type": "message_delta", "delta": stop, "usage": message["usage"]}, {"type": "message_stop"}]


def joined(blocks: Sequence[Block]) -> list[Block]:
    """Blocks without what a test's gathering adds; neighbouring texts as one, which streams of chunks don't tell apart."""
    found: list[Block] = []
    for block in blocks:
        plain = {name: value for name, value in block.items() if name not in ("deltas", "json")}
        if plain["type"] == "text" and found and found[-1]["type"] == "text":
            found[-1] = {"type": "text", "text": found[-1]["text"] + plain["text"]}
        else:
            found.append(plain)
    return found


@given(message=answers())
@LAW
def test_a_streamed_answer_comes_back_as_it_was(message: dict[str, Any]) -> None:
    decoder = anthropic.open_stream(plain_call(), DEPLOYMENT)
    batches: list[list[Chunk]] = [decoder.feed(Event(json.dumps(event).encode())) for event in events_of(message)]
    frames = write(plain_call(), "openai", batches)
    back = gather(frames)
    assert joined(back["content"]) == joined(message["content"])
    assert (back["stop_reason"], back["stop_sequence"]) == (message["stop_reason"], message["stop_sequence"])
    assert back["usage"] == message["usage"]


@given(message=answers())
@LAW
def test_events_add_up_to_the_message_for_the_log(message: dict[str, Any]) -> None:
    events = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events_of(message)]
    assert gather_message(events) == message
    assert gather_message([b"".join(events)]) == message
