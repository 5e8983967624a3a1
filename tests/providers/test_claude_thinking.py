"""Thinking by a budget beside what Claude refuses it with, on every cloud that serves Claude."""

from typing import Any

import pytest

from tests.providers.wire_formats import CLAUDE, MESSAGES_API, Wire, send

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
ENABLED = {"type": "enabled", "budget_tokens": 2000}
ASKING: tuple[dict[str, Any], ...] = (
    {"reasoning_effort": "low"},
    {"thinking": ENABLED},
    {"reasoning_effort": {"effort": "low"}},
)
FORCED = (
    "required", {"type": "function", "function": {"name": "f"}}, {"type": "any"}, {"type": "tool", "name": "f"},
    {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOLS[0]]}},
)  # fmt: skip
FREE = (None, "auto", "none")
CALLED = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def thinking_of(body: dict[str, Any]) -> Any:
    return body.get("thinking", body.get("additionalModelRequestFields", {}).get("thinking"))


def is_forced(body: dict[str, Any]) -> bool:
    native = body.get("tool_choice", {}).get("type") in ("any", "tool")
    return native or bool({"any", "tool"} & set(body.get("toolConfig", {}).get("toolChoice", {})))


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("asking", ASKING, ids=str)
@pytest.mark.parametrize("choice", FORCED, ids=str)
def test_thinking_gives_way_and_is_named_when_a_tool_is_forced(wire: Wire, asking: dict[str, Any], choice: Any) -> None:
    body, dropped = send(wire, tools=TOOLS, tool_choice=choice, temperature=0.3, **asking)
    assert thinking_of(body) is None
    assert is_forced(body)
    assert dropped == tuple(asking)


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("asking", ASKING, ids=str)
@pytest.mark.parametrize("choice", FREE, ids=str)
def test_thinking_stays_when_no_tool_is_forced(wire: Wire, asking: dict[str, Any], choice: Any) -> None:
    body, dropped = send(wire, tools=TOOLS, tool_choice=choice, **asking)
    assert thinking_of(body)["type"] == "enabled"
    assert dropped == ()


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize(
    ("budget", "limit", "sent"),
    [
        (2000, 4000, 2000), (2000, 2001, 2000), (2000, 2000, 1999), (5000, 1500, 1499), (2000, 1025, 1024), (100, 4000, 1024),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_budget_is_below_max_tokens_and_valid_ones_stay(
    wire: Wire, budget: int, limit: int, sent: int, name: str
) -> None:
    body, dropped = send(wire, thinking={**ENABLED, "budget_tokens": budget}, **{name: limit})
    assert thinking_of(body) == {"type": "enabled", "budget_tokens": sent}
    assert dropped == ()


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("asking", ASKING, ids=str)
@pytest.mark.parametrize("limit", [1, 100, 1024])
def test_thinking_gives_way_when_max_tokens_leave_no_room(wire: Wire, asking: dict[str, Any], limit: int) -> None:
    body, dropped = send(wire, max_tokens=limit, **asking)
    assert thinking_of(body) is None
    assert dropped == tuple(asking)


@pytest.mark.parametrize("wire", CLAUDE, ids=lambda wire: wire.name)
@pytest.mark.parametrize("asking", ASKING, ids=str)
@pytest.mark.parametrize(
    ("blocks", "stays"),
    [
        ([], False),
        ([{"type": "thinking", "thinking": "hm", "signature": "c2ln", "signed_by": "gemini"}], False),
        ([{"type": "thinking", "thinking": "hm"}], False),
        ([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}], True),
        ([{"type": "redacted_thinking", "data": "ZGF0YQ=="}], True),
    ],
)
def test_thinking_gives_way_when_a_tool_loop_began_without_it(
    wire: Wire, asking: dict[str, Any], blocks: list[Any], stays: bool
) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": CALLED, "thinking_blocks": blocks},
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ]
    body, dropped = send(wire, messages=messages, tools=TOOLS, **asking)
    assert (thinking_of(body) is not None) is stays
    assert dropped == (() if stays else tuple(asking))


@pytest.mark.parametrize("wire", MESSAGES_API, ids=lambda wire: wire.name)
def test_adaptive_thinking_stays_when_a_tool_is_forced(wire: Wire) -> None:
    newer = wire._replace(model="claude-opus-4-6")
    body, dropped = send(newer, tools=TOOLS, tool_choice="required", reasoning_effort="low", max_tokens=100)
    assert (thinking_of(body)["type"], is_forced(body), dropped) == ("adaptive", True, ())
