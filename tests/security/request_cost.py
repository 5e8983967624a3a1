"""What one request costs: shapes of values for every field of every schema, and the CPU time and memory of serving them."""

import gc
import itertools
import json
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask.testing import FlaskClient

from proxy.domain import operations
from proxy.domain.operations import Operation
from tests.security.wire import Wire, application, entry

SMALL, LARGE = 100_000, 400_000
MOST_GROWTH = 5.0
MOST_SECONDS = 0.5
MOST_MEMORY = 6.0
# Below this the clock and the interpreter decide, not the request.
NEGLIGIBLE_SECONDS = 0.06

Make = Callable[[int], Any]


def times(piece: str) -> Make:
    return lambda size: (piece * (size // max(1, len(piece.encode())) + 1))[:size]


def listed(item: Any) -> Make:
    length = len(json.dumps(item)) + 1
    return lambda size: [item] * (size // length)


def numbered(make: Callable[[int], Any], length: int) -> Make:
    return lambda size: [make(number) for number in range(size // length)]


def nested(size: int) -> Any:
    """Values of 60 levels, as many as fit."""
    value: Any = "x"
    for level in range(60):
        value = {"a": value} if level % 2 else [value]
    return [value] * (size // len(json.dumps(value)))


TEXTS: Mapping[str, Make] = {
    f"long {piece!r}": times(piece)
    for piece in (
        "a",
        " ",
        "1",
        "a@",
        "a,",
        "/",
        "-",
        '"',
        "{",
        "ab ",
        "\n",
        "%2",
        "([",
        "é",
        "A1-_.:",
        "data:",
        "..",
        "**",
        "<a ",
    )
}
LISTS: Mapping[str, Make] = {
    "many texts": listed("a"),
    "many empty texts": listed(""),
    "many different texts": numbered(lambda number: f"value-{number}", 16),
    "many numbers": listed(1),
    "many floats": listed(0.5),
    "many nulls": listed(None),
    "many objects": listed({"a": 1}),
    "many typed objects": listed({"type": "text", "text": "a"}),
    "many functions": numbered(
        lambda number: {"type": "function", "function": {"name": f"f{number}", "parameters": {"type": "object"}}}, 90
    ),
    "many models": numbered(lambda number: {"model": f"m{number}"}, 24),
    "many empty lists": listed([]),
    "nested": nested,
}
OBJECTS: Mapping[str, Make] = {
    "many members": lambda size: {f"k{number}": number for number in range(size // 14)},
    "many texts in members": lambda size: {f"k{number}": "v" for number in range(size // 14)},
    "many lists in members": lambda size: {f"k{number}": ["v"] for number in range(size // 16)},
    "long member": lambda size: {"a": "a" * size},
    "long name": lambda size: {"a" * size: "a"},
    "nested in a member": lambda size: {"a": nested(size)},
    "a schema": lambda size: {
        "type": "json_schema",
        "json_schema": {"name": "s", "schema": {"type": "object", "properties": properties(size), "required": ["p1"]}},
    },
    "a schema with references": lambda size: {
        "type": "json_schema",
        "json_schema": {"name": "s", "schema": {"$ref": "#/$defs/d0", "$defs": chained(size)}},
    },
}
SHAPES = {**TEXTS, **LISTS, **OBJECTS}


def properties(size: int) -> dict[str, Any]:
    return {f"p{number}": {"type": ["string", "null"], "description": "d"} for number in range(size // 60)}


def chained(size: int) -> dict[str, Any]:
    """Definitions of which each refers to the next one twice: laid in, they would double with each."""
    count = size // 110
    return {
        f"d{number}": {
            "type": "object",
            "properties": {"a": {"$ref": f"#/$defs/d{number + 1}"}, "b": {"$ref": f"#/$defs/d{number + 1}"}},
        }
        for number in range(count)
    } | {f"d{count}": {"type": "string"}}


def tool(number: int, schema: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": f"f{number}", "parameters": schema or {"type": "object"}}}


def call_of(number: int) -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def user(content: Any = "hello") -> dict[str, Any]:
    return {"role": "user", "content": content}


_CALL_LENGTH = len(json.dumps(call_of(10_000))) + 1
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def parallel(size: int) -> dict[str, Any]:
    """One turn of many tool calls, and their results in reverse."""
    count = size // (_CALL_LENGTH + 60)
    calls = [call_of(number) for number in range(count)]
    results = [{"role": "tool", "tool_call_id": f"call_{number}", "content": "r"} for number in reversed(range(count))]
    return {
        "messages": [user(), {"role": "assistant", "content": None, "tool_calls": calls}, *results],
        "tools": [tool(1)],
    }


def agent_loop(size: int) -> dict[str, Any]:
    """Many turns of one call each."""
    messages: list[Any] = [user()]
    for number in range(size // (_CALL_LENGTH + 130)):
        messages += [
            {"role": "assistant", "content": "t", "tool_calls": [call_of(number)]},
            {"role": "tool", "tool_call_id": f"call_{number}", "content": "r"},
        ]
    return {"messages": messages, "tools": [tool(1)]}


def roles(*names: str) -> Callable[[int], dict[str, Any]]:
    def make(size: int) -> dict[str, Any]:
        each = [{"role": name, "content": "a"} for name in names]
        return {"messages": [user(), *each * (size // sum(len(json.dumps(one)) + 2 for one in each))]}

    return make


# Whole bodies of chats, and products of two of their lists.
CHATS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "one long message": lambda size: {"messages": [user("a" * size)]},
    "many users": roles("user"),
    "many assistants": roles("assistant"),
    "many systems": roles("system"),
    "turns": roles("assistant", "user"),
    "roles of all kinds": roles("system", "user", "assistant", "developer", "user"),
    "many parts": lambda size: {"messages": [user(listed({"type": "text", "text": "a"})(size))]},
    "many blank parts": lambda size: {"messages": [user(listed({"type": "text", "text": " "})(size))]},
    "many images": lambda size: {"messages": [user(listed(_IMAGE)(size))]},
    "one long image": lambda size: {
        "messages": [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo" + "A" * size}}])]
    },
    "odd data URL": lambda size: {
        "messages": [user([{"type": "image_url", "image_url": {"url": "data:" + "a;" * (size // 2)}}])]
    },
    "many files": lambda size: {"messages": [user(listed({"type": "file", "file": {"file_data": "data:;base64,AA=="}})(size))]},
    "parallel tool calls": parallel,
    "agent loop": agent_loop,
    "results without calls": lambda size: {
        "messages": [user(), *listed({"role": "tool", "tool_call_id": "x", "content": "r"})(size)]
    },
    "calls of one id": lambda size: {
        "messages": [user(), {"role": "assistant", "tool_calls": [call_of(1)] * (size // _CALL_LENGTH)}]
    },
    "calls with long ids": lambda size: {
        "messages": [user(), {"role": "assistant", "tool_calls": [{**call_of(1), "id": "c" * size}]},
                     {"role": "tool", "tool_call_id": "c" * size, "content": "r"}]
    },
    "arguments that are long": lambda size: {
        "messages": [user(), {"role": "assistant", "tool_calls": [
            {**call_of(1), "function": {"name": "f", "arguments": '{"a":"' + "x" * size + '"}'}}]}]
    },
    "arguments that are no JSON": lambda size: {
        "messages": [user(), {"role": "assistant", "tool_calls": [
            {**call_of(1), "function": {"name": "f", "arguments": "{" * size}}]}]
    },
    "many tools": lambda size: {"messages": [user()], "tools": numbered(tool, 90)(size)},
    "one tool with many properties": lambda size: {
        "messages": [user()], "tools": [tool(1, {"type": "object", "properties": properties(size)})]
    },
    "tool with references": lambda size: {
        "messages": [user()], "tools": [tool(1, {"$ref": "#/$defs/d0", "$defs": chained(size)})]
    },
    "tool with unions": lambda size: {
        "messages": [user()],
        "tools": [tool(1, {"type": "object", "properties": {"a": {"anyOf": listed({"type": "string"})(size)}}})],
    },
    "long tool name": lambda size: {"messages": [user()], "tools": [{"type": "function", "function": {"name": "f" * size}}]},
    "messages and fallbacks": lambda size: {
        "messages": [user()] * (size // 40), "fallbacks": [{"model": "m", "temperature": 1}] * 50
    },
    "messages and drop paths": lambda size: {
        "messages": [user([{"type": "text", "text": "a"}])] * (size // 80),
        "additional_drop_params": [f"messages[*].content[*].x{number}" for number in range(50)],
    },
    "tools and drop paths": lambda size: {
        "messages": [user()], "tools": numbered(tool, 90)(size),
        "additional_drop_params": [f"tools[*].function.parameters.x{number}" for number in range(50)],
    },
    "members beyond the schema": lambda size: {
        "messages": [user()], **{f"member_{number}": number for number in range(size // 22)}
    },
    "extra body": lambda size: {
        "messages": [user()], "extra_body": {f"member_{number}": number for number in range(size // 22)}
    },
    "thinking blocks": lambda size: {
        "messages": [user(), {"role": "assistant", "content": "a", "thinking_blocks":
                     listed({"type": "thinking", "thinking": "t", "signature": "s"})(size)}, user()]
    },
    "names": lambda size: {"messages": [{"role": "user", "name": "n" * 100, "content": "a"}] * (size // 140)},
}  # fmt: skip

MODELS = (
    "openai/gpt-4o", "openai/o3", "deepseek/deepseek-chat", "mistral/mistral-large-latest", "perplexity/sonar", "groq/llama",
    "xai/grok-4", "cerebras/llama", "openrouter/auto", "databricks/llama", "azure/gpt-4o", "watsonx/ibm/granite",
    "anthropic/claude-sonnet-4-5", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock/amazon.nova-pro-v1:0",
    "gemini/gemini-2.5-flash", "vertex_ai/gemini-2.5-flash", "cohere_chat/command-a-03-2025", "ollama_chat/llama3.2", "mock/gpt",
)  # fmt: skip
_CONNECTION = {
    "api_base": "https://provider.example", "api_version": "2024-10-21", "vertex_project": "project",
    "vertex_location": "us-central1", "aws_region_name": "us-east-1", "project_id": "p",
}  # fmt: skip
# A body of each operation that its schema lets pass, without the model.
SOUND: Mapping[str, dict[str, Any]] = {
    "chat": {"messages": [user()]},
    "completions": {"prompt": "hi"},
    "embeddings": {"input": "hi"},
    "moderations": {"input": "hi"},
    "messages": {"messages": [user()], "max_tokens": 5},
    "responses": {"input": "hi"},
}


@dataclass(frozen=True)
class Case:
    """One field of one operation in one shape, for one model."""

    operation: Operation
    field: str
    shape: str
    model: str

    def body(self, size: int) -> bytes:
        sound = {"model": "m", **SOUND[self.operation.name]}
        if self.field == "*":
            return orjson.dumps({**sound, **CHATS[self.shape](size)})
        return orjson.dumps({**sound, self.field: SHAPES[self.shape](size)})

    def __str__(self) -> str:
        return f"{self.operation.name}.{self.field}: {self.shape} ({self.model})"


def served_operations() -> Iterator[Operation]:
    for name in SOUND:
        found = next(
            (row for row in vars(operations).values() if isinstance(row, Operation) and row.name == name), None
        )
        if found is not None:
            yield found


def field_cases(models: Mapping[str, Any] | tuple[str, ...] = MODELS, *, every_model: bool = False) -> Iterator[Case]:
    """Every field of every schema in every shape: each with the next model in turn, or with all of them."""
    turn = itertools.cycle(models)
    seen: set[str] = set()
    for operation in served_operations():
        names = [name for name in operation.schema().fields if name not in seen or name in SOUND[operation.name]]
        seen.update(operation.schema().fields)
        for name, shape in itertools.product(names, SHAPES):
            for model in models if every_model else (next(turn),):
                yield Case(operation, name, shape, model)


def chat_cases() -> Iterator[Case]:
    """Whole bodies of chats, for every model."""
    for shape, model in itertools.product(CHATS, MODELS):
        yield Case(operations.CHAT, "*", shape, model)


class Bench:
    """Applications by model, and what a request costs them."""

    def __init__(self) -> None:
        self._clients: dict[str, FlaskClient] = {}
        logging.getLogger("patchbay").handlers.clear()

    def client(self, model: str) -> FlaskClient:
        if model not in self._clients:
            self._clients[model] = application(Wire(), entry("m", model, **_CONNECTION))
            logging.getLogger("patchbay").handlers.clear()
        return self._clients[model]

    def seconds(self, case: Case, body: bytes) -> float:
        """Of CPU, for serving the body once."""
        client, path = self.client(case.model), f"/v1/{case.operation.paths[0]}"
        started = time.process_time()
        client.post(path, data=body, content_type="application/json")
        return time.process_time() - started

    def problem(self, case: Case) -> str | None:
        """What the request breaks of the bounds of time; None where it keeps them."""
        large = case.body(LARGE)
        first = self.seconds(case, large)
        if first < NEGLIGIBLE_SECONDS:
            return None
        # The garbage collector's rounds belong to what was there before.
        gc.collect()
        gc.disable()
        try:
            slow = min(first, *(self.seconds(case, large) for _ in range(2)))
            fast = min(self.seconds(case, case.body(SMALL)) for _ in range(3))
        finally:
            gc.enable()
        if slow > MOST_SECONDS:
            return f"{case}: {slow:.2f} s"
        return f"{case}: {slow / fast:.1f}x for 4x ({slow:.2f} s)" if self._grows(case, fast, slow) else None

    def _grows(self, case: Case, fast: float, slow: float) -> bool:
        """Faster than the body, and not only because it no longer fits into the processor's cache."""
        if slow <= MOST_GROWTH * max(fast, NEGLIGIBLE_SECONDS / MOST_GROWTH):
            return False
        longer = case.body(4 * LARGE)
        return min(self.seconds(case, longer) for _ in range(2)) > MOST_GROWTH * slow

    def memory(self, case: Case) -> float:
        """The peak while the request is served, as a multiple of its body, or of the parsed body where that is larger."""
        body = case.body(LARGE)
        client, path = self.client(case.model), f"/v1/{case.operation.paths[0]}"
        client.post(path, data=case.body(1000), content_type="application/json")
        gc.collect()
        parsed = _peak(lambda: orjson.loads(body))
        peak = _peak(lambda: client.post(path, data=body, content_type="application/json"))
        return peak / max(parsed, len(body))


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        kept = work()
        peak = tracemalloc.get_traced_memory()[1]
        del kept
        return peak
    finally:
        tracemalloc.stop()
