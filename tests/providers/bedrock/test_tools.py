"""Tools and the choice among them."""

from typing import Any

import pytest

from proxy.errors import (
    BadRequestError,
)
from tests.providers.bedrock.asking import CLAUDE, HELLO, OLD_CLAUDE, WEATHER, build, calling


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
        ({"type": "tool", "name": "weather"}, {"tool": {"name": "weather"}}),
        ({"type": "any"}, {"any": {}}),
        (None, None),
    ],
)
def test_tool_choice_is_translated_in_all_its_forms(choice: Any, expected: Any) -> None:
    assert build(tools=[WEATHER], tool_choice=choice)["toolConfig"].get("toolChoice") == expected


def test_only_the_allowed_tools_are_sent_when_the_choice_names_them() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "other"}}]},
    }
    config = build(tools=[WEATHER, other], tool_choice=choice)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["other"]
    assert config["toolChoice"] == {"any": {}}


def test_tools_are_left_out_when_the_choice_is_none() -> None:
    assert "toolConfig" not in build(tools=[WEATHER], tool_choice="none")


def test_tools_stay_when_the_choice_is_none_but_the_history_calls_them() -> None:
    history = [*HELLO, calling("a"), {"role": "tool", "tool_call_id": "a", "content": "rain"}]
    config = build(messages=history, tools=[WEATHER], tool_choice="none")["toolConfig"]
    assert list(config) == ["tools"]


def test_called_tools_are_declared_when_the_client_sends_none() -> None:
    history = [*HELLO, calling("a"), {"role": "tool", "tool_call_id": "a", "content": "rain"}]
    assert build(messages=history)["toolConfig"] == {
        "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]
    }


def test_tools_of_anthropics_own_travel_as_additional_fields() -> None:
    body = build(tools=[WEATHER, {"type": "bash_20250124", "name": "bash"}])
    assert body["additionalModelRequestFields"] == {"tools": [{"type": "bash_20250124", "name": "bash"}]}
    assert len(body["toolConfig"]["tools"]) == 1


@pytest.mark.parametrize(
    ("model", "closed", "strict"), [(CLAUDE, True, True), (CLAUDE, False, False), (OLD_CLAUDE, True, False)]
)
def test_strict_is_passed_on_when_model_and_schema_can_have_it(model: str, closed: bool, strict: bool) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": not closed}
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}
    spec = build(model, tools=[tool])["toolConfig"]["tools"][0]["toolSpec"]
    assert spec.get("strict", False) is strict
    assert spec["inputSchema"]["json"] == schema


def test_parallel_calls_are_switched_off_when_the_model_is_claude() -> None:
    additional = build(tools=[WEATHER], parallel_tool_calls=False)["additionalModelRequestFields"]
    assert additional == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


@pytest.mark.parametrize(
    "tools", ["weather", ["weather"], [{"type": "function"}], [{"type": "custom", "custom": {"name": "x"}}]]
)
def test_bad_request_when_a_tool_is_none_that_bedrock_knows(tools: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        build(tools=tools)
    assert (caught.value.param or "").startswith("tools")
