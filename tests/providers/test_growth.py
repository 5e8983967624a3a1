"""The cost of a request grows as its size does, in every wire format: four times the body takes about four times as long."""

import contextlib
import gc
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from proxy.errors import GatewayError
from tests.providers.wire_formats import ANTHROPIC, BEDROCK_CLAUDE, COHERE, GEMINI, OLLAMA, VERTEX_GEMINI, Wire, body_of

FORMATS = (ANTHROPIC, BEDROCK_CLAUDE, GEMINI, VERTEX_GEMINI, COHERE, OLLAMA)
SMALL, LARGE = 100_000, 400_000
# Of four times the size; and what the larger one may take at all, in seconds.
MOST_GROWTH, MOST_TIME = 5.0, 0.5
# Below this a clock shows noise.
NOISE = 0.004
HELLO = {"role": "user", "content": "hi"}
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPgEpEDAABoAD1UCKP3AAAAAElFTkSuQmCC"
)
PDF = "data:application/pdf;base64,JVBERi0xLjQK"
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def repeat(item: Callable[[int], Any], size: int) -> list[Any]:
    """As many items as the size holds."""
    length = len(json.dumps(item(1000))) + 2
    return [item(index) for index in range(size // length)]


def call(index: int) -> dict[str, Any]:
    return {"id": f"call_{index}", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def result(index: int) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": "r"}


def tool(index: int, schema: Any = CLOSED) -> dict[str, Any]:
    return {"type": "function", "function": {"name": f"f{index}", "parameters": schema, "strict": True}}


def answer(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}


def parallel(size: int) -> dict[str, Any]:
    count = size // 170
    calls = [call(index) for index in range(count)]
    results = [result(index) for index in reversed(range(count))]
    return {"messages": [HELLO, {"role": "assistant", "content": None, "tool_calls": calls}, *results]}


def loop(size: int) -> dict[str, Any]:
    turns = [turn for index in range(size // 220) for turn in (
        {"role": "assistant", "content": "\n", "tool_calls": [call(index)]}, result(index))]  # fmt: skip
    return {"messages": [HELLO, *turns]}


def parts(size: int, part: Callable[[int], Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, *repeat(part, size)]}]}


def file(index: int) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": PDF, "filename": "same name.pdf"}}


def properties(size: int, schema: Any) -> dict[str, Any]:
    names = [f"property_{index}" for index in range(size // (len(json.dumps(schema)) + 20))]
    return {**CLOSED, "properties": dict.fromkeys(names, schema), "required": names}


def definitions(size: int, *, chained: bool) -> dict[str, Any]:
    count = size // 130
    reference = [{"$ref": f"#/$defs/d{index - 1 if chained else 0}", "title": "T"} for index in range(count)]
    found = {f"d{index}": {**CLOSED, "properties": {"a": reference[index]}} for index in range(1, count)}
    return {**CLOSED, "properties": {"a": {"$ref": f"#/$defs/d{count - 1}"}}, "$defs": {"d0": CLOSED, **found}}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "user without @": lambda size: {"user": "a" * size},
    "user of @": lambda size: {"user": "@" * size},
    "user of letters and @": lambda size: {"user": "a@" * (size // 2)},
    "user of dots": lambda size: {"user": "a@" + "." * size},
    "user of digits": lambda size: {"user": "1" * size + "x"},
    "user of white space": lambda size: {"user": " " * size + "x"},
    "turns of one role": lambda size: {"messages": repeat(lambda index: HELLO, size)},
    "turns of the assistant": lambda size: {"messages": [HELLO, *repeat(lambda i: {"role": "assistant", "content": "x"}, size)]},
    "alternating turns": lambda size: {
        "messages": repeat(lambda index: {"role": ("user", "assistant")[index % 2], "content": "x"}, size)
    },
    "system messages": lambda size: {"messages": [*repeat(lambda index: {"role": "system", "content": "x"}, size), HELLO]},
    "parallel results": parallel,
    "a tool loop": loop,
    "text parts": lambda size: parts(size, lambda index: {"type": "text", "text": "x"}),
    "blank parts": lambda size: parts(
        size, lambda index: {"type": "text", "text": " ", "cache_control": {"type": "ephemeral"}}
    ),
    "images": lambda size: parts(size, lambda index: {"type": "image_url", "image_url": {"url": PNG}}),
    "files of one name": lambda size: parts(size, file),
    "a long image": lambda size: {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (size // 4 * 4)}}]}]},
    "white space": lambda size: {"messages": [{"role": "user", "content": "\n" * size}]},
    "a long id": lambda size: {"messages": [
        HELLO, {"role": "assistant", "content": None, "tool_calls": [{**call(0), "id": "a@_" * (size // 6)}]},
        {"role": "tool", "tool_call_id": "a@_" * (size // 6), "content": "r"}]},
    "a signed id": lambda size: {"messages": [
        HELLO, {"role": "assistant", "content": None, "tool_calls": [{**call(0), "id": "c__gemini__thought__" + "_" * size}]}]},
    "long arguments": lambda size: {"messages": [HELLO, {"role": "assistant", "content": None, "tool_calls": [
        {**call(0), "function": {"name": "f", "arguments": json.dumps({"a": list(range(size // 7))})}}]}, result(0)]},
    "thoughts": lambda size: {"messages": [HELLO, {"role": "assistant", "content": "x", "thinking_blocks": repeat(
        lambda index: {"type": "thinking", "thinking": "x", "signature": "c2ln"}, size)}, HELLO]},
    "unsigned thoughts": lambda size: {"messages": [HELLO, {"role": "assistant", "content": "x", "thinking_blocks": repeat(
        lambda index: {"type": "thinking", "thinking": "x"}, size)}, HELLO]},
    "tools": lambda size: {"tools": repeat(tool, size)},
    "allowed tools": lambda size: {
        "tools": repeat(tool, size // 2),
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": repeat(tool, size // 2)}},
    },
    "properties": lambda size: {"response_format": answer(properties(size, {"type": ["string", "null"]}))},
    "properties of a tool": lambda size: {"tools": [tool(0, properties(size, {"anyOf": [{"type": "string"}]}))]},
    "allOf": lambda size: {"tools": [tool(0, {"type": "object", "allOf": repeat(
        lambda index: {"properties": {f"p{index}": {"type": "string"}}, "required": [f"p{index}"]}, size)})]},
    "chained definitions": lambda size: {"response_format": answer(definitions(size, chained=True))},
    "definitions of one": lambda size: {"response_format": answer(definitions(size, chained=False))},
    "an enum": lambda size: {"response_format": answer(properties(0, {}) | {"enum": repeat(str, size)})},
    "stops": lambda size: {"stop": repeat(lambda index: f"stop {index}", size)},
    "unknown fields": lambda size: {f"field_{index}": 1 for index in range(size // 16)},
}  # fmt: skip


def measure(wire: Wire, fields: dict[str, Any], most: int = 3) -> float:
    """The least of some times of this thread, in seconds; a refusal counts as an answer.

    Without the garbage collector: it looks through all objects of the test run.
    """
    best = float("inf")
    gc.disable()
    try:
        for _ in range(most):
            started = time.thread_time()
            with contextlib.suppress(GatewayError):
                body_of(wire, **fields)
            best = min(best, time.thread_time() - started)
    finally:
        gc.enable()
    return best


@pytest.mark.parametrize("wire", FORMATS, ids=lambda wire: wire.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_size_when_a_request_is_large(wire: Wire, shape: str) -> None:
    make = SHAPES[shape]
    small, large = make(SMALL), make(LARGE)
    took = measure(wire, large, 1)
    if took < NOISE * MOST_GROWTH:
        return
    growths = (measure(wire, large) / max(measure(wire, small), NOISE) for _ in range(3))
    assert any(growth <= MOST_GROWTH for growth in growths), f"{took:.3f} s"
    assert measure(wire, large) < MOST_TIME
