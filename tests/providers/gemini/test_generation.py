"""OpenAI's parameters, and Gemini's own, in `generationConfig` and beside it."""

from typing import Any

import pytest

from proxy.errors import BadRequestError, UnsupportedParamsError
from proxy.providers.parameters import fit
from proxy.providers.registry import PROVIDERS
from tests.providers.gemini.exchange import body_for, build_call, build_deployment


def config_for(model: str = "gemini-2.5-flash", **fields: Any) -> dict[str, Any]:
    config: dict[str, Any] = body_for(model, **fields).get("generationConfig", {})
    return config


def test_parameters_have_geminis_names_when_they_are_openais() -> None:
    config = config_for(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        max_completion_tokens=100,
        n=2,
        stop="END",
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
    )
    assert config == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "maxOutputTokens": 100,
        "candidateCount": 2,
        "stopSequences": ["END"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
    }


def test_nothing_is_sent_when_parameters_are_null() -> None:
    assert body_for(temperature=None, stop=None, tools=None, response_format=None, modalities=None) == body_for()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": "text"}, {}),
        ({"type": "json_object"}, {"responseMimeType": "application/json"}),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "$schema": "x"}}},
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
        (
            {"type": "json_object", "response_schema": {"type": "object"}},
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
    ],
)
def test_format_is_geminis_when_the_client_wants_json(wanted: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config_for(response_format=wanted) == expected


@pytest.mark.parametrize("wanted", ["json", {}, {"type": "yaml"}, [1]])
def test_error_names_the_format_when_it_is_unknown(wanted: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        config_for(response_format=wanted)
    assert caught.value.param == "response_format"


def test_voice_and_modalities_are_geminis_when_the_client_wants_audio() -> None:
    assert config_for(modalities=["text", "audio"], audio={"voice": "Kore", "format": "pcm16"}) == {
        "responseModalities": ["TEXT", "AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }


def test_geminis_own_words_win_when_the_client_says_both() -> None:
    config = config_for(max_tokens=5, generation_config={"maxOutputTokens": 7}, imageConfig={"aspectRatio": "1:1"})
    assert config == {"maxOutputTokens": 7, "imageConfig": {"aspectRatio": "1:1"}}


def test_members_of_the_body_stand_beside_when_they_are_geminis() -> None:
    body = body_for(
        safety_settings=[{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
        cached_content="cachedContents/1",
        service_tier="flex",
        brandNew=True,
    )
    del body["contents"]
    assert body == {
        "safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "serviceTier": "flex",
        "brandNew": True,
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", "minimal", {"includeThoughts": True, "thinkingBudget": 128}),
        ("gemini-2.5-flash-lite", "minimal", {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini-2.5-flash", "max", {"includeThoughts": True, "thinkingBudget": 16384}),
        ("gemini-2.5-flash", "none", {"includeThoughts": False, "thinkingBudget": 0}),
        ("gemini-2.5-pro", "disable", {"includeThoughts": False, "thinkingBudget": 128}),
        ("gemini-3-pro-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "low"}),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-3-flash-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "minimal"}),
        ("gemini-3-flash-preview", "none", {"includeThoughts": False, "thinkingLevel": "minimal"}),
        ("gemini-3.5-flash", "xhigh", {"includeThoughts": True, "thinkingLevel": "high"}),
    ],
)
def test_effort_is_what_the_model_takes_when_the_client_names_one(
    model: str, effort: str, expected: dict[str, Any]
) -> None:
    assert config_for(model, reasoning_effort=effort) == {"thinkingConfig": expected}


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        (
            "gemini-3.5-flash",
            {"type": "enabled", "budget_tokens": 512},
            {"includeThoughts": True, "thinkingBudget": 512},
        ),
        ("gemini-2.5-flash", {"type": "enabled"}, {"includeThoughts": True}),
        ("gemini-2.5-flash", {"type": "adaptive"}, {"includeThoughts": True, "thinkingBudget": -1}),
        ("gemini-3.5-flash", {"type": "adaptive"}, {"includeThoughts": True}),
        ("gemini-2.5-flash", {"type": "disabled"}, {"includeThoughts": False, "thinkingBudget": 0}),
        (
            "gemini-2.5-flash",
            {"type": "enabled", "budget_tokens": 0},
            {"includeThoughts": False, "thinkingBudget": 0},
        ),
    ],
)
def test_thinking_is_geminis_when_the_client_speaks_anthropics(
    model: str, thinking: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert config_for(model, thinking=thinking) == {"thinkingConfig": expected}


def test_effort_is_refused_by_name_when_the_model_does_not_think() -> None:
    call = build_call({"reasoning_effort": "low"})
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(call, build_deployment("gemini-2.0-flash"), PROVIDERS["gemini"])
    assert caught.value.param == "reasoning_effort"
    assert fit(call, build_deployment("gemini-2.5-flash"), PROVIDERS["gemini"]).dropped == ()


@pytest.mark.parametrize("effort", ["furious", 3, ["low"]])
def test_error_names_the_effort_when_it_is_unknown(effort: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        config_for(reasoning_effort=effort)
    assert caught.value.param == "reasoning_effort"
