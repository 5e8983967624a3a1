"""Parameters that a provider takes or doesn't, and paths that are left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, EMBEDDINGS, OPERATIONS, Operation
from proxy.errors import BadRequestError, UnsupportedParamsError
from proxy.providers.compatible.openai import PROVIDER as OPENAI
from proxy.providers.contract import Provider
from proxy.providers.parameters import Fit, capabilities, fit, leave_out
from proxy.providers.registry import PROVIDERS

TAKES = frozenset({"temperature", "max_tokens", "n"})
NARROW = replace(OPENAI, name="narrow", supported={"chat": TAKES}, operations=(CHAT,))
NOTHING = Fit({}, (), ())


def build_fit(
    fields: Mapping[str, Any],
    provider: Provider = NARROW,
    *,
    options: Options | None = None,
    drop_params: bool = False,
    operation: Operation = CHAT,
    **deployment: Any,
) -> Fit:
    call = Call("1", operation, "group", Document.of(fields), options or Options())
    return fit(call, Deployment("1", "group", provider.name, "model", **deployment), provider, drop_params=drop_params)


def test_nothing_is_done_when_the_provider_takes_everything() -> None:
    assert build_fit({"temperature": 1, "logprobs": True, "own_field": 1}, OPENAI) == NOTHING


def test_fields_pass_when_openai_does_not_have_them() -> None:
    assert build_fit({"top_k": 5, "messages": [], "stream": True}) == NOTHING


def test_parameter_is_named_when_the_provider_lacks_it() -> None:
    with pytest.raises(UnsupportedParamsError, match="narrow does not take logprobs, seed for model") as caught:
        build_fit({"logprobs": True, "seed": 1})
    assert (caught.value.param, caught.value.provider) == ("logprobs", "narrow")


@pytest.mark.parametrize(
    "said",
    [
        {"options": Options(drop_params=True)},
        {"drop_params": True},
        {"options": Options(drop_params=True), "drop_params": False},
    ],
)
def test_parameter_is_dropped_and_named_when_drop_params_is_on(said: Mapping[str, Any]) -> None:
    assert build_fit({"seed": 1, "temperature": 1}, **said) == Fit({}, ("seed",), ("seed",))


def test_parameter_is_dropped_when_the_deployment_says_so() -> None:
    call = Call("1", CHAT, "group", Document.of({"seed": 1}))
    deployment = Deployment("1", "group", "narrow", "model", drop_params=True)
    assert fit(call, deployment, NARROW).dropped == ("seed",)


def test_client_wins_when_it_does_not_want_parameters_dropped() -> None:
    with pytest.raises(UnsupportedParamsError):
        build_fit({"seed": 1}, options=Options(drop_params=False), drop_params=True)


@pytest.mark.parametrize("value", [None, False])
def test_parameter_is_dropped_without_asking_when_its_value_asks_for_nothing(value: Any) -> None:
    assert build_fit({"logprobs": value}) == Fit({}, ("logprobs",), ("logprobs",))


def test_user_is_dropped_without_asking_when_the_provider_lacks_it() -> None:
    assert build_fit({"user": "someone"}).dropped == ("user",)


def test_parameter_passes_when_it_is_allowed_by_name() -> None:
    assert build_fit({"seed": 1}, options=Options(allowed_openai_params=("seed",))) == NOTHING
    assert build_fit({"seed": 1}, allowed_openai_params=("seed",)) == NOTHING


def test_parameter_is_not_refused_when_it_is_left_out_anyway() -> None:
    assert build_fit({"seed": 1}, options=Options(additional_drop_params=("seed",))) == Fit({}, ("seed",), ("seed",))


def test_parameter_is_refused_when_the_model_does_not_take_it() -> None:
    provider = replace(NARROW, refused=lambda fields, deployment: frozenset({"temperature"}))
    with pytest.raises(UnsupportedParamsError) as caught:
        build_fit({"temperature": 0.3}, provider)
    assert caught.value.param == "temperature"


def test_operation_is_refused_when_the_provider_does_not_have_it() -> None:
    with pytest.raises(BadRequestError, match="narrow has no embeddings"):
        build_fit({"input": "x"}, operation=EMBEDDINGS)


NESTED: Mapping[str, Any] = {
    "tools": [{"function": {"name": "a", "strict": True}}, {"function": {"name": "b"}}, "odd"],
    "metadata": {"a": {"b": 1}, "c": 2},
    "seed": 1,
}


@pytest.mark.parametrize(
    ("path", "changes", "drop"),
    [
        ("seed", {}, ("seed",)),
        ("metadata.a.b", {"metadata": {"a": {}, "c": 2}}, ()),
        ("metadata.c", {"metadata": {"a": {"b": 1}}}, ()),
        ("tools[*].function.strict", {"tools": [{"function": {"name": "a"}}, {"function": {"name": "b"}}, "odd"]}, ()),
        (
            "tools[1].function.name",
            {"tools": [{"function": {"name": "a", "strict": True}}, {"function": {}}, "odd"]},
            (),
        ),
        ("tools[*]", {"tools": []}, ()),
        ("tools[2]", {"tools": [*NESTED["tools"][:2]]}, ()),
    ],
)
def test_path_is_left_out_when_there_is_something(path: str, changes: Any, drop: tuple[str, ...]) -> None:
    assert leave_out(NESTED, [path]) == (changes, drop, (path,))


@pytest.mark.parametrize(
    "path", ["none", "seed.x", "metadata[0]", "tools.function", "tools[9].function", "", "[]", "..."]
)
def test_nothing_is_left_out_when_the_path_leads_nowhere(path: str) -> None:
    assert leave_out(NESTED, [path]) == ({}, (), ())


def test_input_is_unchanged_when_paths_are_left_out() -> None:
    before = repr(NESTED)
    leave_out(NESTED, ["tools[*].function.strict", "metadata.a.b", "seed"])
    assert repr(NESTED) == before


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_capabilities_agree_with_what_is_refused_when_each_parameter_is_asked_for(name: str) -> None:
    provider = PROVIDERS[name]
    for operation, able in capabilities(provider)["operations"].items():
        assert set(able["supported"]).isdisjoint(able["unsupported"])
        assert set(able["supported"]) | set(able["unsupported"]) == OPERATIONS[operation].parameters
        row = next(known for known in provider.operations if known.name == operation)
        for parameter in able["unsupported"]:
            left = build_fit({parameter: "x"}, provider, operation=row, drop_params=True)
            assert left.dropped == (parameter,)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_table_names_only_openai_parameters_when_it_says_what_is_supported(name: str) -> None:
    for operation, supported in PROVIDERS[name].supported.items():
        known = OPERATIONS[operation].parameters | {
            "stream",
            "stream_options",
            "messages",
            "model",
            "input",
            "prompt",
            "thinking",
        }
        assert (supported or frozenset()) <= known


@pytest.mark.parametrize("model", ["o1", "o3-mini", "gpt-5", "gpt-5-mini-2025-08-07", "openai/o3"])
@pytest.mark.parametrize("name", ["openai", "azure"])
def test_sampling_is_dropped_when_the_model_reasons(name: str, model: str) -> None:
    fields = {"temperature": 0.2, "top_p": 1, "logprobs": True, "max_tokens": 5, "presence_penalty": 0}
    call = Call("1", CHAT, "group", Document.of(fields), Options(drop_params=True))
    dropped = fit(call, Deployment("1", "group", name, model), PROVIDERS[name]).dropped
    assert dropped == ("temperature", "logprobs", "presence_penalty")


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.2-pro", "my-o1", "o1-like"])
def test_sampling_passes_when_the_model_may_take_it(model: str) -> None:
    call = Call("1", CHAT, "group", Document.of({"temperature": 0.2}))
    assert fit(call, Deployment("1", "group", "openai", model), OPENAI) == NOTHING


def test_sampling_is_refused_when_azures_series_reasons() -> None:
    call = Call("1", CHAT, "group", Document.of({"temperature": 0.2}))
    with pytest.raises(UnsupportedParamsError, match="temperature"):
        fit(call, Deployment("1", "group", "azure", "o_series/mine"), PROVIDERS["azure"])


def chat_call(**fields: Any) -> Call:
    return Call("1", CHAT, "group", Document.of({"messages": [{"role": "user", "content": "hi"}], **fields}))


def chat_deployment(name: str, **connection: Any) -> Deployment:
    models = {"anthropic": "claude-haiku-4-5", "bedrock": "us.anthropic.claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
    return Deployment("1", "group", name, models.get(name, "model"), connection)


OBJECT_EFFORTS = ("openai", "hosted_vllm", "groq", "anthropic", "gemini", "bedrock", "cohere", "ollama")


@pytest.mark.parametrize("name", OBJECT_EFFORTS)
def test_effort_counts_when_it_comes_as_an_object(name: str) -> None:
    call = chat_call(reasoning_effort={"effort": "low", "summary": "auto"})
    fitted = fit(call, chat_deployment(name), PROVIDERS[name], drop_params=True)
    left = call.document.edit(fitted.changes, fitted.drop).fields
    assert left.get("reasoning_effort") in ("low", None)
    assert "reasoning_effort.summary" in fitted.dropped
    plain = chat_call(reasoning_effort="low")
    same = fit(plain, chat_deployment(name), PROVIDERS[name], drop_params=True)
    assert plain.document.edit(same.changes, same.drop).fields == left


@pytest.mark.parametrize("given", [{}, {"effort": None}, {"summary": "auto"}])
def test_effort_is_left_out_when_its_object_has_none(given: dict[str, Any]) -> None:
    call = chat_call(reasoning_effort=given)
    fitted = fit(call, chat_deployment("openai"), PROVIDERS["openai"])
    assert "reasoning_effort" not in call.document.edit(fitted.changes, fitted.drop).fields


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("lm_studio", None),
        ("llamafile", None),
        ("ollama", None),
        ("ollama_chat", None),
        ("openai_like", "http://localhost:8080/v1"),
    ],
)
def test_no_limit_is_passed_on_when_the_server_takes_minus_one(name: str, base: str | None, limit: str) -> None:
    deployment = chat_deployment(name, **({"api_base": base} if base else {}))
    fitted = fit(chat_call(**{limit: -1}), deployment, PROVIDERS[name])
    assert limit not in fitted.drop


def test_no_limit_is_refused_when_another_server_is_reached_under_openais_name() -> None:
    deployment = chat_deployment("openai", api_base="http://localhost:8080/v1")
    with pytest.raises(UnsupportedParamsError, match="max_tokens"):
        fit(chat_call(max_tokens=-1), deployment, PROVIDERS["openai"])


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "vertex_ai", "bedrock", "cohere", "groq", "mistral"])
def test_no_limit_is_refused_by_name_when_the_provider_takes_positive_ones_only(name: str, limit: str) -> None:
    call = chat_call(**{limit: -1})
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(call, chat_deployment(name), PROVIDERS[name])
    assert caught.value.param == limit
    assert limit in fit(call, chat_deployment(name), PROVIDERS[name], drop_params=True).dropped
