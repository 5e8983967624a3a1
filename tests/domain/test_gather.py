"""Chunks of a stream, put together for the log."""

import json

from proxy.gateway.gather import gather


def chunk(**choice: object) -> bytes:
    return json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, **choice}]}).encode()


def test_texts_follow_each_other_when_they_come_in_pieces() -> None:
    whole = gather(
        [
            chunk(delta={"role": "assistant", "reasoning_content": "hm"}),
            chunk(delta={"content": "ro"}),
            chunk(delta={"content": "ses"}, finish_reason="stop"),
            b'{"id": "c", "choices": [], "usage": {"total_tokens": 3}}',
        ]
    )
    message = {"role": "assistant", "reasoning_content": "hm", "content": "roses"}
    assert whole == {
        "object": "chat.completion",
        "id": "c",
        "model": "m",
        "usage": {"total_tokens": 3},
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def test_calls_are_told_apart_when_their_arguments_are_mixed() -> None:
    def piece(index: int, **function: str) -> bytes:
        return chunk(delta={"tool_calls": [{"index": index, "id": f"call-{index}", "function": function}]})

    pieces = [
        piece(0, name="one"),
        piece(1, name="two"),
        piece(0, arguments='{"a"'),
        piece(1, arguments="{}"),
        piece(0, arguments=":1}"),
    ]
    calls = gather(pieces)["choices"][0]["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "one", "arguments": '{"a":1}'},
        {"name": "two", "arguments": "{}"},
    ]


def test_choices_are_kept_apart_when_there_are_several() -> None:
    whole = gather([chunk(text="a"), chunk(index=1, text="b"), chunk(text="c")])
    assert [choice["message"]["content"] for choice in whole["choices"]] == ["ac", "b"]
