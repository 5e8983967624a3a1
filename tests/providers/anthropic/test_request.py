"""A chat request in Anthropic's form: address, headers, parameters, tools, formats, thinking."""

import json
from typing import Any

import pytest

from proxy.errors import AuthenticationError, BadRequestError, GatewayError, UnsupportedParamsError
from proxy.providers.anthropic import PROVIDER
from tests.providers.anthropic.exchange import HELLO, WEATHER, body_for, build_call, build_deployment
from tests.providers.nonsense import RICH_CHAT, broken

CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
OTHER = {"type": "function", "function": {"name": "time"}}


def schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


@pytest.mark.parametrize(
    "base",
    [
        "https://host",
        "https://host/",
        "https://host/v1",
        "https://host/v1/messages",
    ],
)
def test_the_address_is_that_of_messages_when_the_base_is_given_short_or_long(base: str) -> None:
    request = PROVIDER.build_request(build_call({}), build_deployment(api_base=base))
    assert request.url == "https://host/v1/messages"


def test_the_key_is_a_header_of_anthropics_when_there_is_one() -> None:
    headers = PROVIDER.build_request(build_call({}), build_deployment(token="t")).headers
    assert headers["x-api-key"] == "sk-ant"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers


def test_the_token_is_a_bearers_when_there_is_no_key() -> None:
    headers = PROVIDER.build_request(build_call({}), build_deployment(api_key=None, token="t")).headers
    assert headers["authorization"] == "Bearer t"
    assert "x-api-key" not in headers


def test_a_call_is_refused_when_there_is_neither_key_nor_token() -> None:
    with pytest.raises(AuthenticationError):
        PROVIDER.build_request(build_call({}), build_deployment(api_key=None))


def test_parameters_get_anthropics_names_when_they_have_them() -> None:
    body = body_for(
        max_completion_tokens=5,
        max_tokens=9,
        stop="END",
        top_p=0.5,
        user="user-1",
        service_tier="default",
        n=1,
        top_k=3,
        stream=True,
        stream_options={"include_usage": True},
        temperature=None,
    )
    assert body == {
        "model": "claude-haiku-4-5",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "max_tokens": 5,
        "stop_sequences": ["END"],
        "top_p": 0.5,
        "metadata": {"user_id": "user-1"},
        "service_tier": "standard_only",
        "top_k": 3,
        "stream": True,
    }


@pytest.mark.parametrize("user", ["jane@example.com", "+47 22 33 44 55"])
def test_the_user_is_hashed_when_it_says_who_somebody_is(user: str) -> None:
    sent = body_for(user=user)["metadata"]["user_id"]
    assert len(sent) == 64
    assert sent == body_for(user=user)["metadata"]["user_id"]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-3-5-haiku-20241022", 8192),
        ("claude-sonnet-4-20250514", 64_000),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4@20250514", 32_000),
        ("anthropic.claude-opus-4-6-v1:0", 128_000),
        ("claude-sonnet-4.5", 64_000),
        ("claude-opus-5", 128_000),
        ("claude-haiku-5-5-20261001", 128_000),
        ("somebody-else", 4096),
    ],
)
def test_the_longest_answer_is_allowed_when_the_client_sets_no_limit(model: str, tokens: int) -> None:
    assert body_for(model)["max_tokens"] == tokens


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("claude-haiku-4-5", {"temperature": 1.5}, "temperature"),
        ("claude-haiku-4-5", {"temperature": 0.5, "reasoning_effort": "low"}, "temperature"),
        ("claude-opus-4-8", {"temperature": 0.5}, "temperature"),
        ("claude-sonnet-5", {"top_p": 0.5}, "top_p"),
        ("claude-haiku-4-5", {"n": 2}, "n"),
        ("claude-haiku-4-5", {"stop": ["\n"]}, "stop"),
        ("claude-opus-5-5", {"tool_choice": "required", "tools": [WEATHER]}, "tool_choice"),
        ("claude-sonnet-5.5", {"tool_choice": WEATHER, "tools": [WEATHER]}, "tool_choice"),
        ("claude-3-opus-20240229", {"reasoning_effort": "low"}, "reasoning_effort"),
    ],
)
def test_a_value_is_refused_by_name_when_the_model_does_not_take_it(
    model: str, fields: dict[str, Any], param: str
) -> None:
    assert PROVIDER.refused is not None
    assert PROVIDER.refused(fields, build_deployment(model)) == {param}
    with pytest.raises(UnsupportedParamsError) as caught:
        body_for(model, **fields)
    assert caught.value.param == param


def test_a_default_is_left_out_when_the_model_takes_only_one_of_two() -> None:
    body = body_for("claude-sonnet-4-5", temperature=0.2, top_p=1)
    assert "top_p" not in body
    assert body["temperature"] == 0.2


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
        ({"type": "any"}, {"type": "any"}),
    ],
)
def test_a_tool_choice_is_anthropics_when_it_is_any_of_openais(choice: Any, sent: dict[str, Any]) -> None:
    assert body_for(tools=[WEATHER], tool_choice=choice)["tool_choice"] == sent


def test_only_the_allowed_tools_go_along_when_the_choice_names_them() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "time"}}]}
    body = body_for(tools=[WEATHER, OTHER], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool["name"] for tool in body["tools"]] == ["time"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": True, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": False},
        ),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_parallel_calls_are_part_of_the_choice_when_the_client_speaks_of_them(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert body_for(tools=[WEATHER], **fields)["tool_choice"] == sent


def test_a_function_becomes_a_tool_when_it_comes_in_the_older_form() -> None:
    body = body_for(functions=[WEATHER["function"]], function_call={"name": "weather"})
    assert body["tools"] == [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "tool", "name": "weather"}


def test_a_tool_keeps_its_marks_when_they_are_anthropics() -> None:
    marked = {**WEATHER, "cache_control": {"type": "ephemeral"}, "defer_loading": True}
    (tool,) = body_for(tools=[marked])["tools"]
    assert tool["cache_control"] == {"type": "ephemeral"}
    assert tool["defer_loading"] is True


@pytest.mark.parametrize(("model", "strict"), [("claude-haiku-4-5", True), ("claude-sonnet-4-20250514", None)])
def test_a_tool_is_strict_when_the_model_can_and_the_schema_fits(model: str, strict: bool | None) -> None:
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": CLOSED}}
    assert body_for(model, tools=[tool])["tools"][0].get("strict") is strict


def test_a_tool_is_not_strict_when_its_schema_says_more_than_anthropic_takes() -> None:
    schema = {**CLOSED, "properties": {"a": {"type": "integer", "minimum": 1}}}
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}
    (sent,) = body_for(tools=[tool])["tools"]
    assert "strict" not in sent
    assert sent["input_schema"] == schema


@pytest.mark.parametrize(
    ("tool", "beta"),
    [
        ({"type": "web_search_20250305", "name": "web_search"}, None),
        ({"type": "code_execution_20250825", "name": "code_execution"}, "code-execution-2025-08-25"),
        (
            {"type": "computer_20250124", "function": {"name": "computer", "parameters": {"display_width_px": 9}}},
            "computer-use-2025-01-24",
        ),
    ],
)
def test_tools_of_anthropics_own_bring_their_beta_header_when_they_need_one(
    tool: dict[str, Any], beta: str | None
) -> None:
    request = PROVIDER.build_request(build_call({"tools": [tool]}), build_deployment())
    (sent,) = json.loads(request.body)["tools"]
    assert request.headers.get("anthropic-beta") == beta
    assert sent["name"]
    assert sent["type"] == tool["type"]


def test_a_web_search_is_a_tool_when_openais_options_ask_for_it() -> None:
    location = {"type": "approximate", "approximate": {"country": "NO"}}
    body = body_for(web_search_options={"search_context_size": "medium", "user_location": location})
    assert body["tools"] == [
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 5,
            "user_location": {"type": "approximate", "country": "NO"},
        }
    ]


def test_a_schema_is_an_output_format_when_the_model_has_structured_outputs() -> None:
    opened = {**CLOSED, "$schema": "http://json-schema.org/draft-07/schema#"}
    del opened["additionalProperties"]
    body = body_for("claude-opus-4-6", response_format=schema_format(opened))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert "tools" not in body


@pytest.mark.parametrize(
    ("model", "response_format"),
    [
        ("claude-sonnet-4-20250514", schema_format(CLOSED)),
        ("claude-haiku-4-5", {"type": "json_object"}),
        ("claude-haiku-4-5", schema_format({"type": "object", "additionalProperties": {"type": "string"}})),
    ],
)
def test_a_tool_is_forced_to_hold_the_answer_when_there_is_no_format_for_it(
    model: str, response_format: dict[str, Any]
) -> None:
    body = body_for(model, response_format=response_format)
    assert [tool["name"] for tool in body["tools"]] == ["json_tool_call"]
    assert body["tool_choice"] == {"type": "tool", "name": "json_tool_call"}


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({"tools": [WEATHER]}, {"type": "any"}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {"type": "tool", "name": "json_tool_call"}),
        ({"reasoning_effort": "low"}, {"type": "auto"}),
    ],
)
def test_the_answers_tool_is_one_of_several_when_the_client_has_its_own_or_the_model_thinks(
    fields: dict[str, Any], choice: dict[str, Any]
) -> None:
    assert body_for(response_format={"type": "json_object"}, **fields)["tool_choice"] == choice


@pytest.mark.parametrize("wanted", [{"type": "yaml"}, {"type": "json_schema"}, "json"])
def test_a_response_format_is_refused_when_it_is_none(wanted: Any) -> None:
    with pytest.raises(BadRequestError):
        body_for(response_format=wanted)


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        ("claude-haiku-4-5", "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-haiku-4-5", "high", {"type": "enabled", "budget_tokens": 4096}, None),
        ("claude-haiku-4-5", "none", None, None),
        ("claude-opus-4-6", "xhigh", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-opus-4-7", "minimal", {"type": "adaptive", "display": "summarized"}, {"effort": "low"}),
        ("claude-sonnet-5", "max", {"type": "adaptive", "display": "summarized"}, {"effort": "max"}),
        ("claude-sonnet-5", "none", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-haiku-5-5", "none", {"type": "disabled"}, None),
        ("claude-opus-5-5", "none", None, {"effort": "low"}),
        ("claude-fable-5", "none", None, {"effort": "low"}),
    ],
)
def test_an_effort_is_said_in_the_models_way_when_the_client_sets_one(
    model: str, effort: str, thinking: dict[str, Any] | None, config: dict[str, Any] | None
) -> None:
    body = body_for(model, reasoning_effort=effort)
    assert body.get("thinking") == thinking
    assert body.get("output_config") == config


def test_a_budget_stays_below_the_limit_when_the_client_sets_one() -> None:
    assert body_for(reasoning_effort="max", max_tokens=3000)["thinking"]["budget_tokens"] == 2999


def test_thinking_is_kept_as_it_is_when_the_client_speaks_anthropics_form() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1500, "display": "omitted"}
    assert body_for(thinking=thinking)["thinking"] == thinking


def test_a_budget_becomes_adaptive_when_the_model_has_none() -> None:
    body = body_for("claude-opus-4-8", thinking={"type": "enabled", "budget_tokens": 1500, "display": "summarized"})
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_a_beta_header_goes_along_when_thinking_blocks_are_bound() -> None:
    thinking = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    request = PROVIDER.build_request(build_call({"thinking": thinking}), build_deployment("claude-fable-5-1"))
    assert request.headers["anthropic-beta"] == "thinking-binding-controls-2026-08-01"


def test_a_tool_can_be_forced_when_the_model_is_the_first_of_its_kind() -> None:
    for model in ("claude-opus-5", "claude-sonnet-5-20260630", "claude-fable-5", "claude-haiku-5-5"):
        assert body_for(model, tools=[WEATHER], tool_choice="required")["tool_choice"] == {"type": "any"}


def test_an_effort_goes_along_when_thinking_is_adaptive() -> None:
    body = body_for("claude-opus-4-6", thinking={"type": "adaptive"}, reasoning_effort="low")
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})


@pytest.mark.parametrize(("blocks", "thinks"), [([], False), ([{"type": "thinking", "signature": "s"}], True)])
def test_an_effort_waits_when_a_tool_loop_began_without_thinking(blocks: list[dict[str, Any]], thinks: bool) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "tool_calls": [call], "thinking_blocks": blocks},
        {"role": "tool", "tool_call_id": "a", "content": "cold"},
    ]
    body = body_for(messages=messages, tools=[WEATHER], reasoning_effort="low")
    assert ("thinking" in body) is thinks


def test_an_unknown_effort_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(BadRequestError) as caught:
        body_for(reasoning_effort="lots")
    assert caught.value.param == "reasoning_effort"


ODDITIES: dict[str, Any] = {
    "tools": [{"type": "computer_20250124", "function": {"name": "computer", "parameters": {"x": 1}}}],
    "functions": [{"name": "g", "parameters": {}}],
    "tool_choice": {"type": "function", "function": {"name": "g"}},
    "thinking": {"type": "enabled", "budget_tokens": 1500},
    "output_config": {"effort": "low"},
    "messages": [
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,eA=="}}]},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "x"},
        {"role": "assistant", "content": [{"type": "text", "text": "pre "}]},
    ],
}


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-opus-5", "claude-sonnet-4"])
@pytest.mark.parametrize("fields", [RICH_CHAT, {**RICH_CHAT, **ODDITIES}])
def test_a_request_is_built_or_refused_when_any_part_of_it_is_nonsense(model: str, fields: dict[str, Any]) -> None:
    assert body_for(model, **fields)["messages"]
    for nonsense in broken(fields):
        try:
            body = body_for(model, **nonsense)
        except GatewayError as error:
            assert 400 <= error.status_code < 500
        else:
            assert "messages" in body
