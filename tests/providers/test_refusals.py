"""What strict providers refuse never reaches them, and what they take is left as it is: the table, row by row."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UnsupportedParamsError
from proxy.providers.compatible.refusals import ROWS, Refusals, find_refusals
from proxy.providers.compatible.strict_messages import restrict_messages
from proxy.providers.parameters import fit
from proxy.providers.registry import PROVIDERS
from tests.providers.recordings import build_call, build_deployment

USER = {"role": "user", "content": "Hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
# A model of each provider whose rows are for some models only.
MODELS = {
    "azure_ai": "mistral-large",
    "github": "mistral-large",
    "moonshot": "kimi-k2.6",
    "openrouter": "minimax/minimax-m2",
    "vertex_ai": "mistral-large-2411",
    "vertex_ai_beta": "mistral-large-2411",
    "xai": "grok-4",
}
CONNECTION = {
    "api_base": "https://provider.example/v1",
    "api_key": "key",
    "api_version": "2024-10-21",
    "vertex_project": "p",
    "vertex_location": "us-central1",
}


def model_of(provider: str) -> str:
    return MODELS.get(provider, "deepseek-reasoner")


def send(provider: str, model: str | None = None, **fields: Any) -> dict[str, Any]:
    """The body that the provider gets."""
    call = build_call("chat", {"messages": [USER], **fields})
    deployment = build_deployment(provider, model or model_of(provider)).with_overrides(CONNECTION)
    body: dict[str, Any] = json.loads(bytes(PROVIDERS[provider].build_request(call, deployment).body))
    return body


def rows_with(has: Callable[[Refusals], Any]) -> list[str]:
    return [
        name
        for name in ROWS
        if has(find_refusals(build_deployment(name, model_of(name)))) and name not in ("mistral", "codestral")
    ]


def text(*texts: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": each} for each in texts]


def tool_turn(identifier: str, **more: Any) -> list[dict[str, Any]]:
    call = {"id": identifier, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call], **more},
        {"role": "tool", "tool_call_id": identifier, "content": "seven"},
    ]


def test_every_row_names_its_source_and_a_provider_when_the_table_is_read() -> None:
    for name, rows in ROWS.items():
        assert name in PROVIDERS
        assert all(row.source for row in rows), name


@pytest.mark.parametrize("provider", rows_with(lambda row: row.text_lists))
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_list_of_texts_is_a_string_when_the_provider_takes_strings(provider: str, role: str) -> None:
    body = send(provider, messages=[{"role": role, "content": text("b", "c")}, USER])
    assert body["messages"][0]["content"] == "b\nc"


@pytest.mark.parametrize("provider", rows_with(lambda row: row.text_lists))
def test_result_of_a_tool_is_a_string_when_the_provider_takes_strings(provider: str) -> None:
    messages = tool_turn("abcdefghi", reasoning_content="hm")
    messages[2]["content"] = text("b", "c")
    assert send(provider, messages=messages)["messages"][2]["content"] == "b\nc"


@pytest.mark.parametrize("provider", rows_with(lambda row: row.text_lists))
def test_list_with_an_image_stays_when_the_provider_has_models_that_see(provider: str) -> None:
    content = [*text("what is this?"), IMAGE]
    assert send(provider, messages=[{"role": "user", "content": content}])["messages"][0]["content"] == content


@pytest.mark.parametrize("provider", ["openai", "together_ai", "fireworks_ai", "dashscope", "openrouter", "databricks"])
def test_list_of_texts_stays_when_the_provider_takes_lists(provider: str) -> None:
    content = [{**text("b")[0], "cache_control": {"type": "ephemeral"}}, *text("c")]
    body = send(provider, "qwen3", messages=[{"role": "user", "content": content}])
    assert body["messages"][0]["content"] == content


@pytest.mark.parametrize(
    ("provider", "base", "content"),
    [
        ("openai", "https://api.deepseek.com/v1", "b\nc"),
        ("custom_openai", "https://api.moonshot.cn/v1", "b\nc"),
        ("openai_like", "https://api.groq.com/openai/v1", "b\nc"),
        ("openai", "https://vllm.internal/v1", text("b", "c")),
        ("openai", "https://[", text("b", "c")),
    ],
)
def test_row_is_found_by_the_host_when_the_provider_is_any_server(provider: str, base: str, content: Any) -> None:
    call = build_call("chat", {"messages": [{"role": "user", "content": text("b", "c")}]})
    deployment = build_deployment(provider, "some-model").with_overrides({"api_base": base})
    sent = json.loads(bytes(PROVIDERS[provider].build_request(call, deployment).body))
    assert sent["messages"][0]["content"] == content


@pytest.mark.parametrize(
    ("provider", "model", "named"),
    [
        ("xai", "grok-3", {"user"}),
        ("groq", "llama-3.3-70b-versatile", set()),
        ("mistral", "mistral-large-latest", {"tool"}),
        ("codestral", "codestral-latest", {"tool"}),
        ("azure_ai", "Mistral-large-2411", {"tool"}),
        ("openai", "gpt-4o", {"system", "user", "assistant", "tool"}),
        ("together_ai", "llama", {"system", "user", "assistant", "tool"}),
        ("azure_ai", "gpt-4o", {"system", "user", "assistant", "tool"}),
    ],
)
def test_names_are_left_out_where_the_provider_takes_none(provider: str, model: str, named: set[str]) -> None:
    messages = [
        {"role": "system", "content": "s"},
        *tool_turn("abcdefghi"),
        {"role": "assistant", "content": "x"},
        USER,
    ]
    sent = send(provider, model, messages=[{**message, "name": "bob"} for message in messages])["messages"]
    assert {message["role"] for message in sent if message.get("name") == "bob"} == named
    assert len(sent) == len(messages)


MISTRALS = [
    ("mistral", "mistral-large-latest"), ("codestral", "codestral-latest"), ("azure_ai", "mistral-large"),
    ("vertex_ai", "mistral-large-2411"), ("github", "ministral-3b"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "model"), MISTRALS)
@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_assistant_speaks_after_a_tool_when_mistral_is_asked(provider: str, model: str, role: str) -> None:
    sent = send(provider, model, messages=[*tool_turn("abcdefghi"), {"role": role, "content": "go on"}])["messages"]
    assert [message["role"] for message in sent[:4]] == ["user", "assistant", "tool", "assistant"]
    assert sent[3]["content"]
    assert sent[4]["content"] == "go on"


@pytest.mark.parametrize(("provider", "model"), MISTRALS)
def test_conversation_is_untouched_when_its_order_is_mistrals(provider: str, model: str) -> None:
    messages = [*tool_turn("abcdefghi"), {"role": "assistant", "content": "7"}, USER]
    assert send(provider, model, messages=messages)["messages"] == messages


@pytest.mark.parametrize("provider", ["openai", "groq", "deepseek", "together_ai"])
def test_user_follows_a_tool_when_the_provider_takes_it(provider: str) -> None:
    messages = [*tool_turn("abcdefghi", reasoning_content="hm"), USER]
    assert [message["role"] for message in send(provider, messages=messages)["messages"]] == [
        "user", "assistant", "tool", "user",
    ]  # fmt: skip


def test_last_assistant_message_is_a_prefix_when_mistral_is_asked() -> None:
    messages = [USER, {"role": "assistant", "content": "Once"}]
    assert send("mistral", "mistral-small", messages=messages)["messages"][-1]["prefix"] is True
    assert "prefix" not in send("mistral", "mistral-small", messages=[*messages, USER])["messages"][1]


@pytest.mark.parametrize("provider", ["mistral", "moonshot"])
@pytest.mark.parametrize("content", ["", None, []])
def test_empty_assistant_message_is_left_out_when_the_provider_refuses_it(provider: str, content: Any) -> None:
    sent = send(provider, messages=[USER, {"role": "assistant", "content": content}, USER])["messages"]
    assert [message["role"] for message in sent] == ["user", "user"]


def test_empty_assistant_message_stays_when_it_calls_a_tool() -> None:
    assert len(send("mistral", "mistral-small", messages=tool_turn("abcdefghi"))["messages"]) == 3


def test_neighbours_are_one_message_when_perplexity_is_asked() -> None:
    messages = [
        {"role": "system", "content": "s"},
        USER,
        {"role": "user", "content": text("b")},
        {"role": "assistant", "content": "x"},
    ]
    sent = send("perplexity", "sonar", messages=messages)["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant"]
    assert sent[1]["content"] == text("Hi", "b")
    assert send("perplexity", "sonar", messages=[USER, USER])["messages"] == [{"role": "user", "content": "Hi\n\nHi"}]


IDS_OF_FORTY = ["openai", "azure", "azure_ai", "github", "aiohttp_openai"]


@pytest.mark.parametrize("provider", IDS_OF_FORTY)
@given(identifier=st.text(min_size=0, max_size=90), other=st.text(min_size=41, max_size=90))
def test_id_is_short_and_still_names_its_call_when_openai_is_asked(provider: str, identifier: str, other: str) -> None:
    refusals = find_refusals(build_deployment(provider, "gpt-4o"))
    sent = restrict_messages(tool_turn(identifier) + tool_turn(other), refusals)
    first, second = sent[1]["tool_calls"][0]["id"], sent[4]["tool_calls"][0]["id"]
    assert (sent[2]["tool_call_id"], sent[5]["tool_call_id"]) == (first, second)
    assert max(len(first), len(second)) <= 40
    assert (first == second) == (identifier == other)
    assert first == identifier or len(identifier) > 40


@pytest.mark.parametrize("provider", IDS_OF_FORTY)
def test_id_is_unchanged_when_it_has_forty_characters(provider: str) -> None:
    messages = tool_turn("c" * 40)
    assert send(provider, "gpt-4o", messages=messages)["messages"] == messages


def test_id_is_the_same_in_the_next_request_when_the_conversation_goes_on() -> None:
    messages = tool_turn("call_b636335c-adc7-4630-bc10-6136107ca0be_0")
    first = send("openai", "gpt-4o", messages=messages)["messages"]
    second = send("azure", "gpt-4o", messages=[*messages, {"role": "assistant", "content": "7"}, USER])["messages"]
    assert first == second[:3]


@pytest.mark.parametrize("provider", ["groq", "together_ai", "hosted_vllm"])
def test_long_id_stays_when_the_provider_takes_it(provider: str) -> None:
    assert send(provider, "m", messages=tool_turn("c" * 46))["messages"][2]["tool_call_id"] == "c" * 46


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ("databricks", False),
        ("heroku", False),
        ("mistral", False),
        ("codestral", False),
        ("openai", True),
        ("groq", True),
    ],
)
@pytest.mark.parametrize("asked", [{}, {"stream_options": {"include_usage": True}}])
def test_stream_options_go_out_where_the_provider_knows_them(provider: str, sent: bool, asked: dict[str, Any]) -> None:
    body = send(provider, "m", stream=True, **asked)
    assert body.get("stream_options") == ({"include_usage": True} if sent else None)
    assert "stream_options" not in send(provider, "m")


@pytest.mark.parametrize(
    ("version", "sent"),
    [("2023-05-15", False), ("2024-08-01-preview", False), ("2024-09-01-preview", True), ("2024-10-21", True),
     ("2025-04-01-preview", True), ("v1", True), ("latest", True)],
)  # fmt: skip
def test_stream_options_go_out_when_azures_version_knows_them(version: str, sent: bool) -> None:
    call = build_call("chat", {"messages": [USER], "stream": True})
    deployment = build_deployment("azure", "gpt-4o").with_overrides({**CONNECTION, "api_version": version})
    body = json.loads(bytes(PROVIDERS["azure"].build_request(call, deployment).body))
    assert ("stream_options" in body) is sent


REFUSED = [
    ("xai", "grok-4", "stop"), ("xai", "grok-4-fast-reasoning", "presence_penalty"), ("xai", "grok-3-mini", "stop"),
    ("xai", "grok-code-fast-1", "frequency_penalty"), ("xai", "grok-4", "reasoning_effort"),
    ("cerebras", "llama3.1-8b", "frequency_penalty"), ("cerebras", "llama3.1-8b", "service_tier"),
]  # fmt: skip
VALUES: Mapping[str, Any] = {"stop": ["x"], "reasoning_effort": "low", "service_tier": "flex"}


@pytest.mark.parametrize(("provider", "model", "name"), REFUSED)
def test_parameter_is_named_or_dropped_when_the_model_refuses_it(provider: str, model: str, name: str) -> None:
    call = build_call("chat", {"messages": [USER], name: VALUES.get(name, 0.5)})
    deployment = build_deployment(provider, model)
    with pytest.raises(UnsupportedParamsError) as refused:
        fit(call, deployment, PROVIDERS[provider])
    assert refused.value.param == name
    assert fit(call, deployment, PROVIDERS[provider], drop_params=True).dropped == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [("presence_penalty", 0), ("frequency_penalty", 0.0), ("presence_penalty", None), ("stop", []), ("stop", None)],
)
def test_neutral_value_is_left_out_when_the_model_refuses_even_that(name: str, value: Any) -> None:
    call = build_call("chat", {"messages": [USER], name: value})
    assert fit(call, build_deployment("xai", "grok-4"), PROVIDERS["xai"]).drop == (name,)


@pytest.mark.parametrize(
    ("model", "name"),
    [("grok-3", "stop"), ("grok-4-fast-non-reasoning", "presence_penalty"), ("grok-2", "frequency_penalty"),
     ("grok-3-mini", "reasoning_effort"), ("grok-4.3", "reasoning_effort"), ("grok-4.20-multi-agent-0309", "reasoning_effort")],
)  # fmt: skip
def test_parameter_goes_out_when_the_model_takes_it(model: str, name: str) -> None:
    value = VALUES.get(name, 0.5)
    assert send("xai", model, **{name: value})[name] == value
    fit(build_call("chat", {"messages": [USER], name: value}), build_deployment("xai", model), PROVIDERS["xai"])


@pytest.mark.parametrize("provider", ["deepseek", "azure_ai"])
def test_content_is_there_when_deepseek_needs_it(provider: str) -> None:
    messages = tool_turn("abc", reasoning_content="hm")
    del messages[1]["content"]
    assert send(provider, "deepseek-chat", messages=messages)["messages"][1]["content"] == ""


@pytest.mark.parametrize(
    ("provider", "model", "reasoning"),
    [("deepseek", "deepseek-reasoner", ""), ("deepseek", "deepseek-v4-flash", ""), ("deepseek", "deepseek-chat", None),
     ("moonshot", "kimi-k2.6", " "), ("moonshot", "moonshot-v1-8k", None)],
)  # fmt: skip
def test_call_has_reasoning_when_the_thinking_model_wants_it(provider: str, model: str, reasoning: str | None) -> None:
    sent = send(provider, model, messages=tool_turn("abc"))["messages"]
    assert sent[1].get("reasoning_content") == reasoning
    kept = send(provider, model, messages=tool_turn("abc", reasoning_content="hm"))["messages"]
    assert kept[1]["reasoning_content"] == "hm"


@pytest.mark.parametrize(("asked", "sent"), [(1, 0.99), (0.995, 0.99), (0.5, 0.5), (0, 0.01), (0.99, 0.99), (1.5, 1.5)])
def test_top_p_is_within_coheres_bounds_when_it_is_within_openais(asked: float, sent: float) -> None:
    assert send("cohere_chat", "command-a-03-2025", top_p=asked)["p"] == sent


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "tool_calls", "id", "tool_call_id", "name", "type", "text", "function"]
            ),
            inner | st.sampled_from(["assistant", "user", "tool", "text"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(messages=st.lists(JSON_VALUES, max_size=5), provider=st.sampled_from(sorted(ROWS)))
def test_restricting_twice_changes_nothing_more_when_messages_are_anything(messages: list[Any], provider: str) -> None:
    refusals = find_refusals(build_deployment(provider, model_of(provider)))
    before = json.dumps(messages)
    once = restrict_messages(messages, refusals)
    assert restrict_messages(once, refusals) == once
    assert json.dumps(messages) == before
