"""Parameters, reasoning and structured answers."""

import json
from typing import Any

import pytest

from proxy.errors import (
    UnsupportedParamsError,
)
from proxy.providers.bedrock import PROVIDER
from proxy.providers.parameters import fit
from tests.providers.bedrock.asking import (
    CLAUDE,
    FORMAT,
    HELLO,
    NOVA,
    OLD_CLAUDE,
    SCHEMA,
    WEATHER,
    build,
    call,
    calling,
    deployment,
)


def test_common_parameters_have_their_place() -> None:
    body = build(max_tokens=5, max_completion_tokens=7, temperature=0, top_p=0.5, stop="END", top_k=3)
    assert body["inferenceConfig"] == {"maxTokens": 7, "temperature": 0, "topP": 0.5, "stopSequences": ["END"]}
    assert body["additionalModelRequestFields"] == {"top_k": 3}
    assert build(NOVA, top_k=3)["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 3}}


def test_top_p_is_left_out_when_it_says_nothing_and_claude_takes_one_sampler() -> None:
    assert build(temperature=0.5, top_p=1)["inferenceConfig"] == {"temperature": 0.5}
    assert build(NOVA, temperature=0.5, top_p=1)["inferenceConfig"] == {"temperature": 0.5, "topP": 1}


def test_bedrocks_own_members_pass_and_unknown_fields_go_to_the_model() -> None:
    guardrail = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    body = build(
        guardrailConfig=guardrail,
        performanceConfig={"latency": "optimized"},
        requestMetadata={"team": "x"},
        user="ann!",
        service_tier="flex",
        anthropic_beta=["x"],
        additionalModelRequestFields={"y": 1},
    )
    assert body["guardrailConfig"] == guardrail
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["requestMetadata"] == {"user": "ann_", "team": "x"}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["additionalModelRequestFields"] == {"anthropic_beta": ["x"], "y": 1}


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "minimal",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "high", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (
            "anthropic.claude-opus-4-6-v1",
            "high",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (
            "us.anthropic.claude-sonnet-5",
            "xhigh",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "xhigh"}},
        ),
        (NOVA, "xhigh", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, "none", {"reasoningConfig": {"type": "disabled"}}),
        ("openai.gpt-oss-120b-1:0", "minimal", {"reasoning_effort": "low"}),
        ("openai.gpt-5.6-luna", "max", {"reasoning": {"effort": "max"}}),
        ("qwen.qwen3-32b-v1:0", "medium", {"reasoning_config": "high"}),
        ("deepseek.v3-v1:0", "high", {"reasoning_effort": "high"}),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "none", None),
        ("meta.llama3-3-70b-instruct-v1:0", "none", None),
    ],
)
def test_effort_is_said_in_the_familys_words(model: str, effort: str, expected: Any) -> None:
    assert build(model, reasoning_effort=effort).get("additionalModelRequestFields") == expected


def test_budget_stays_below_the_limit_when_the_client_sets_one() -> None:
    thinking = build("anthropic.claude-sonnet-4-5-20250929-v1:0", reasoning_effort="high", max_tokens=2000)
    assert thinking["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 1999


def test_thinking_passes_as_it_is_when_the_model_is_claude() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1234}
    assert build(thinking=thinking)["additionalModelRequestFields"] == {"thinking": thinking}
    assert build(NOVA, thinking=thinking)["additionalModelRequestFields"] == {
        "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}
    }


@pytest.mark.parametrize(
    ("model", "fields", "name"),
    [
        (OLD_CLAUDE, {"reasoning_effort": "low"}, "reasoning_effort"),
        (NOVA, {"parallel_tool_calls": False, "tools": [WEATHER]}, "parallel_tool_calls"),
        (CLAUDE, {"web_search_options": {}}, "web_search_options"),
        (CLAUDE, {"n": 2}, "n"),
        (CLAUDE, {"service_tier": "scale"}, "service_tier"),
        (NOVA, {"temperature": 1.5}, "temperature"),
        (CLAUDE, {"temperature": 0, "reasoning_effort": "low"}, "temperature"),
        ("us.anthropic.claude-sonnet-5", {"temperature": 0}, "temperature"),
        ("us.anthropic.claude-sonnet-5", {"top_p": 0.5}, "top_p"),
        (CLAUDE, {"seed": 1}, "seed"),
        (CLAUDE, {"logprobs": True}, "logprobs"),
    ],
)
def test_unsupported_parameter_is_named_or_dropped(model: str, fields: dict[str, Any], name: str) -> None:
    asked = call(messages=HELLO, **fields)
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(asked, deployment(model), PROVIDER)
    assert caught.value.param == name
    assert name in fit(asked, deployment(model), PROVIDER, drop_params=True).dropped


def test_refused_parameter_reaches_the_model_when_the_operator_insists() -> None:
    assert build(OLD_CLAUDE, n=2, reasoning_effort="low")["additionalModelRequestFields"] == {
        "n": 2,
        "reasoning_effort": "low",
    }


def test_nova_searches_the_web_when_it_is_asked_to() -> None:
    assert build(NOVA, web_search_options={})["toolConfig"] == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}


def test_schema_is_native_when_the_model_has_structured_outputs() -> None:
    body = build(response_format=FORMAT)
    definition = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert definition["name"] == "person"
    assert json.loads(definition["schema"]) == {**SCHEMA["schema"], "additionalProperties": False}  # type: ignore[dict-item]
    assert "toolConfig" not in body


def test_schema_is_a_tool_when_structured_outputs_cannot_express_it() -> None:
    open_schema = {"type": "object", "additionalProperties": {"type": "string"}}
    body = build(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": open_schema}})
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == open_schema
    assert "outputConfig" not in body


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({}, {"tool": {"name": "json_tool_call"}}),
        ({"tools": [WEATHER]}, {"any": {}}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"auto": {}}),
    ],
)
def test_schema_is_a_tool_when_the_model_lacks_structured_outputs(fields: dict[str, Any], choice: Any) -> None:
    config = build(OLD_CLAUDE, response_format=FORMAT, **fields)["toolConfig"]
    assert config["tools"][-1]["toolSpec"]["inputSchema"]["json"] == SCHEMA["schema"]
    assert config["toolChoice"] == choice


def test_model_is_told_to_write_json_when_there_is_no_schema() -> None:
    assert "JSON" in build(response_format={"type": "json_object"})["system"][0]["text"]


def test_input_is_untouched_when_a_request_is_built_twice() -> None:
    fields = {
        "messages": [*HELLO, calling("a"), {"role": "tool", "tool_call_id": "a", "content": "x"}],
        "tools": [WEATHER],
    }
    before = json.dumps(fields)
    asked = call(**fields)
    first = PROVIDER.build_request(asked, deployment())
    assert PROVIDER.build_request(asked, deployment()) == first
    assert json.dumps(fields) == before
