"""Chunks of OpenAI's form as Anthropic's events: order, blocks that do not overlap, pings, errors."""

import json
from typing import Any

from proxy.dialects.messages.stream import ForwardingWriter, MessagesWriter
from proxy.domain.answer import Chunk, build_chunk
from tests.dialects.messages.asking import events_of, gather


def chunk(delta: dict[str, Any], finish: str | None = None, **members: Any) -> Chunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return build_chunk({"id": "c1", "model": "m", "choices": [choice], **members})


def call(index: int, arguments: str = "", **members: Any) -> dict[str, Any]:
    name = members.pop("name", None)
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"index": index, "function": function, **members}]}


def written(*deltas: dict[str, Any], finish: str = "stop", usage: dict[str, int] | None = None) -> list[bytes]:
    """The frames of an answer whose chunks come one by one."""
    writer = MessagesWriter("msg_0")
    frames = [writer.frames([chunk(delta)]) for delta in deltas]
    frames.append(writer.frames([chunk({}, finish)]))
    if usage is not None:
        frames.append(writer.frames([chunk({}, usage=usage)]))
    return [*frames, writer.end()]


def kinds(frames: list[bytes]) -> list[str]:
    return [event["type"] for event in events_of(frames)]


def test_the_start_names_the_answer_and_comes_once() -> None:
    events = events_of(written({"role": "assistant", "content": ""}, {"content": "a"}))
    assert [event["type"] for event in events].count("message_start") == 1
    message = events[0]["message"]
    assert (message["id"], message["model"], message["content"]) == ("c1", "m", [])


def test_an_empty_answer_still_starts_and_stops() -> None:
    assert kinds(written()) == ["message_start", "message_delta", "message_stop"]


def test_thoughts_text_and_calls_are_blocks_of_their_own() -> None:
    frames = written(
        {"reasoning_content": "hm"},
        {"content": "so"},
        call(0, '{"a"', id="t1", name="f"),
        call(0, ":1}"),
        finish="tool_calls",
    )
    message = gather(frames)
    assert [block["type"] for block in message["content"]] == ["thinking", "text", "tool_use"]
    assert message["content"][0]["signature"] == ""
    assert (message["content"][2]["id"], message["content"][2]["input"]) == ("t1", {"a": 1})
    assert message["stop_reason"] == "tool_use"


def test_a_signature_closes_the_thought_that_was_streamed() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "EqQB", "index": 0}
    message = gather(written({"reasoning_content": "hm"}, {"thinking_blocks": [block]}, {"content": "so"}))
    assert message["content"][0]["thinking"] == "hm"
    assert message["content"][0]["signature"] == "EqQB"


def test_another_makers_signature_bears_its_name() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "AAAA", "signed_by": "gemini"}
    assert gather(written({"thinking_blocks": [block]}))["content"][0]["signature"] == "gemini#AAAA"


def test_calls_whose_pieces_interleave_are_whole_and_in_order() -> None:
    frames = written(
        call(0, '{"a":', id="t0", name="f"),
        call(1, '{"b":', id="t1", name="g"),
        call(0, "1}"),
        call(1, "2}"),
        call(2, "{}", id="t2", name="h"),
        finish="tool_calls",
    )
    blocks = gather(frames)["content"]
    assert [(block["id"], block["name"], block["input"]) for block in blocks] == [
        ("t0", "f", {"a": 1}),
        ("t1", "g", {"b": 2}),
        ("t2", "h", {}),
    ]


def test_arguments_stream_as_they_come() -> None:
    writer = MessagesWriter("msg_0")
    first = writer.frames([chunk(call(0, '{"a"', id="t", name="f"))])
    second = writer.frames([chunk(call(0, ":1}"))])
    assert [event["type"] for event in events_of([first])][-1] == "content_block_delta"
    assert events_of([second])[0]["delta"] == {"type": "input_json_delta", "partial_json": ":1}"}


def test_a_call_whose_name_comes_late_is_not_lost() -> None:
    blocks = gather(written(call(0, "", id="t"), call(0, '{"a":1}', name="f"), finish="tool_calls"))["content"]
    assert (blocks[0]["name"], blocks[0]["input"]) == ("f", {"a": 1})


def test_a_call_of_stop_is_a_call_all_the_same() -> None:
    assert gather(written(call(0, "{}", id="t", name="f")))["stop_reason"] == "tool_use"


def test_citations_are_deltas_of_the_text() -> None:
    annotation = {"type": "url_citation", "url_citation": {"url": "http://u", "title": "T"}}
    block = gather(written({"content": "so"}, {"annotations": [annotation]}))["content"][0]
    assert (block["citations"][0]["type"], block["citations"][0]["url"]) == ("web_search_result_location", "http://u")


def test_tokens_are_in_the_last_delta() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    found = gather(written({"content": "a"}, usage=usage))["usage"]
    assert (found["input_tokens"], found["cache_read_input_tokens"], found["output_tokens"]) == (6, 4, 3)


def test_finish_reasons_are_anthropics() -> None:
    expected = {
        "stop": "end_turn",
        "length": "max_tokens",
        "content_filter": "refusal",
        "tool_calls": "tool_use",
        "odd": "end_turn",
    }
    assert {finish: gather(written({"content": "a"}, finish=finish))["stop_reason"] for finish in expected} == expected


def test_a_refusal_is_the_text() -> None:
    assert gather(written({"refusal": "no"}))["content"][0]["text"] == "no"


def test_silence_is_a_ping_and_a_break_an_error_event() -> None:
    for writer in (MessagesWriter("msg_0"), ForwardingWriter()):
        assert writer.ping(None) == b'event: ping\ndata: {"type":"ping"}\n\n'
        body = json.dumps({"type": "error", "error": {"type": "api_error", "message": "x"}}).encode()
        assert events_of([writer.error(body)])[0]["error"]["message"] == "x"


def test_forwarded_events_are_the_providers_own() -> None:
    writer = ForwardingWriter()
    assert writer.frames([Chunk(b"event: a\ndata: 1\n\n"), Chunk(b"event: b\ndata: 2\n\n")]) == (
        b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n"
    )
    assert writer.end() == b""


def test_cuts_of_the_batches_change_nothing() -> None:
    deltas = [{"reasoning_content": "a"}, {"content": "b"}, call(0, '{"x":', id="t", name="f"), call(0, "1}")]
    chunks = [*(chunk(delta) for delta in deltas), chunk({}, "tool_calls")]
    whole = MessagesWriter("m")
    one = b"".join([whole.frames(chunks), whole.end()])
    single = MessagesWriter("m")
    each = b"".join([*(single.frames([piece]) for piece in chunks), single.end()])
    assert one == each
