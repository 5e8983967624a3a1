"""What each family of models on Bedrock is sent: forced tools, structured outputs, the order of turns."""

from typing import Any

import pytest

from proxy.errors import UnsupportedParamsError
from tests.providers.wire_formats import Wire, body_of, find_all, send

SCHEMA = {
    "type": "object",
    "properties": {"sky": {"type": "string"}},
    "required": ["sky"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA}}
TOOLS = [
    {"type": "function", "function": {"name": name, "strict": True, "parameters": {**SCHEMA, "required": ["sky"]}}}
    for name in ("f", "g")
]
NAMED = {"type": "function", "function": {"name": "f"}}
CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

BOTH = (
    "us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-sonnet-4-20250514-v1:0",
    "us.anthropic.claude-opus-4-7", "amazon.nova-pro-v1:0", "us.amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0",
)  # fmt: skip
ANY = ("mistral.mistral-large-2407-v1:0", "deepseek.v3-v1:0")
NONE = (
    "us.meta.llama3-3-70b-instruct-v1:0", "meta.llama4-maverick-17b-instruct-v1:0", "mistral.mistral-small-2402-v1:0",
    "mistral.pixtral-large-2502-v1:0", "cohere.command-r-plus-v1:0", "ai21.jamba-1-5-large-v1:0",
    "writer.palmyra-x5-v1:0", "qwen.qwen3-235b-a22b-2507-v1:0",
)  # fmt: skip
WITHOUT_TOOLS = (
    "us.deepseek.r1-v1:0", "meta.llama3-8b-instruct-v1:0", "meta.llama3-2-1b-instruct-v1:0", "amazon.titan-text-express-v1",
    "mistral.mixtral-8x7b-instruct-v0:1",
)  # fmt: skip
STRUCTURED = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0",
    "global.anthropic.claude-opus-4-5-20251101-v1:0", "us.anthropic.claude-opus-4-6-v1", "openai.gpt-oss-20b-1:0",
    "qwen.qwen3-32b-v1:0", "deepseek.v3-v1:0", "mistral.mistral-large-3-675b-instruct", "zai.glm-4.7",
)  # fmt: skip
UNSTRUCTURED = (
    "us.anthropic.claude-opus-4-7", "us.anthropic.claude-opus-4-1-20250805-v1:0", "anthropic.claude-sonnet-5",
    "anthropic.claude-3-7-sonnet-20250219-v1:0", "amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0", "cohere.command-r-v1:0",
)  # fmt: skip
SEPARATE = ("amazon.nova-pro-v1:0", *ANY, *NONE)


def on(model: str, **fields: Any) -> dict[str, Any]:
    return body_of(Wire("bedrock", model), **fields)


def choice_of(body: dict[str, Any]) -> Any:
    return body["toolConfig"].get("toolChoice")


def names_of(body: dict[str, Any]) -> list[str]:
    return [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize(
    ("choice", "sent"), [("required", {"any": {}}), (NAMED, {"tool": {"name": "f"}}), ("auto", {"auto": {}})]
)
def test_choice_is_sent_when_the_family_takes_it(model: str, choice: Any, sent: Any) -> None:
    body = on(model, tools=TOOLS, tool_choice=choice)
    assert (choice_of(body), names_of(body)) == (sent, ["f", "g"])


@pytest.mark.parametrize("model", ANY)
def test_certain_tool_is_the_only_one_when_the_family_takes_any(model: str) -> None:
    assert choice_of(on(model, tools=TOOLS, tool_choice="required")) == {"any": {}}
    body = on(model, tools=TOOLS, tool_choice=NAMED)
    assert (choice_of(body), names_of(body)) == ({"any": {}}, ["f"])


@pytest.mark.parametrize("model", NONE)
@pytest.mark.parametrize("choice", ["required", NAMED, {"type": "any"}])
def test_forced_tool_is_refused_by_name_when_the_family_takes_none(model: str, choice: Any) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        on(model, tools=TOOLS, tool_choice=choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize("model", NONE)
def test_tools_are_offered_without_a_choice_when_the_family_takes_none(model: str) -> None:
    for choice in ("auto", None):
        body = on(model, tools=TOOLS, tool_choice=choice)
        assert (choice_of(body), names_of(body)) == (None, ["f", "g"])


@pytest.mark.parametrize("model", [*NONE, *ANY, *BOTH, *WITHOUT_TOOLS, *STRUCTURED])
def test_schema_reaches_the_model_whatever_the_family_takes(model: str) -> None:
    body = on(model, response_format=FORMAT)
    assert "sky" in str(body)
    forced = set((body.get("toolConfig") or {}).get("toolChoice") or {}) & {"any", "tool"}
    if model in (*NONE, *WITHOUT_TOOLS):
        assert not forced
    elif model not in STRUCTURED and "outputConfig" not in body:
        assert forced


@pytest.mark.parametrize("model", WITHOUT_TOOLS)
def test_schema_is_told_in_words_when_the_model_has_no_tools(model: str) -> None:
    body = on(model, response_format=FORMAT)
    assert not {"toolConfig", "outputConfig"} & set(body)


@pytest.mark.parametrize("model", STRUCTURED)
def test_schemas_are_native_and_tools_strict_when_aws_lists_the_model(model: str) -> None:
    body = on(model, response_format=FORMAT, tools=TOOLS)
    assert body["outputConfig"]["textFormat"]["type"] == "json_schema"
    assert find_all(body["toolConfig"], "strict") == [True, True]
    assert names_of(body) == ["f", "g"]


@pytest.mark.parametrize("model", UNSTRUCTURED)
def test_answer_comes_by_a_tool_when_aws_does_not_list_the_model(model: str) -> None:
    body = on(model, response_format=FORMAT, tools=TOOLS)
    assert "outputConfig" not in body
    assert find_all(body, "strict") == []
    assert names_of(body) == ["f", "g", "json_tool_call"]


@pytest.mark.parametrize("model", [*BOTH, *ANY, *NONE, *WITHOUT_TOOLS])
@pytest.mark.parametrize("greetings", [1, 2])
def test_conversation_begins_with_a_user_when_the_assistant_greeted_first(model: str, greetings: int) -> None:
    greeting = [{"role": "assistant", "content": "How can I help?"}] * greetings
    body = on(model, messages=[*greeting, {"role": "user", "content": "Tell me"}])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert "How can I help?" in str(body["messages"][1]) and "Tell me" in str(body["messages"][2])


@pytest.mark.parametrize("model", [*BOTH, *ANY, *NONE])
def test_conversation_is_as_it_was_when_a_user_began_it(model: str) -> None:
    body = on(model, messages=[{"role": "user", "content": "Hi"}])
    assert body["messages"] == [{"role": "user", "content": [{"text": "Hi"}]}]


LOOP = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
    {"role": "tool", "tool_call_id": "c1", "content": "r"},
    {"role": "user", "content": "and now?"},
]
AHEAD = [LOOP[0], LOOP[1], LOOP[3], LOOP[2]]


@pytest.mark.parametrize("model", SEPARATE)
@pytest.mark.parametrize("messages", [LOOP, AHEAD], ids=["after", "before"])
def test_results_have_a_turn_of_their_own_when_the_family_wants_it(model: str, messages: list[Any]) -> None:
    turns = on(model, messages=messages, tools=TOOLS)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert ["toolResult" in block for block in turns[2]["content"]] == [True]
    assert turns[4]["content"] == [{"text": "and now?"}]


@pytest.mark.parametrize("model", ["us.anthropic.claude-opus-4-7", "anthropic.claude-3-haiku-20240307-v1:0"])
@pytest.mark.parametrize("messages", [LOOP, AHEAD], ids=["after", "before"])
def test_results_come_first_in_the_users_turn_when_claude_answers(model: str, messages: list[Any]) -> None:
    turns = on(model, messages=messages, tools=TOOLS)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert ["toolResult" in block for block in turns[2]["content"]] == [True, False]


@pytest.mark.parametrize(
    ("model", "closed"), [(BOTH[0], True), ("amazon.nova-pro-v1:0", True), (NONE[0], False), (ANY[0], False)]
)
def test_conversation_ends_with_a_user_unless_the_family_takes_a_beginning(model: str, closed: bool) -> None:
    messages = [{"role": "user", "content": "Count"}, {"role": "assistant", "content": "One, \n"}]
    turns = on(model, messages=messages)["messages"]
    assert turns[1]["content"][0]["text"].startswith("One,")
    assert (len(turns) == 2) is closed
    if closed:
        assert turns[1]["content"] == [{"text": "One,"}]


@pytest.mark.parametrize("model", [BOTH[0], "amazon.nova-pro-v1:0", NONE[0], "writer.palmyra-x5-v1:0"])
@pytest.mark.parametrize("content", ["", "no such file"])
def test_error_of_a_tool_is_seen_whether_the_family_has_a_status_or_not(model: str, content: str) -> None:
    failed = {**LOOP[2], "content": content, "is_error": True}
    (result,) = find_all(on(model, messages=[*LOOP[:2], failed], tools=TOOLS), "toolResult")
    assert result["content"]
    assert ("status" in result) is model.startswith(("us.anthropic", "amazon.nova"))
    assert "error" in str(result) and content in str(result)


@pytest.mark.parametrize("value", [[1, 2], "text", 7, None])
def test_result_is_text_when_its_json_is_no_object(value: Any) -> None:
    message = {**LOOP[2], "content": [{"type": "json", "json": value}]}
    (result,) = find_all(on(BOTH[0], messages=[*LOOP[:2], message], tools=TOOLS), "toolResult")
    assert list(result["content"][0]) == ["text"]


def test_instructions_are_the_users_words_when_the_model_has_no_system_prompt() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    body = on("mistral.mistral-7b-instruct-v0:2", messages=messages)
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"text": "Be brief."}, {"text": "Hi"}]}]


def test_forced_tool_is_refused_when_no_claude_of_this_kind_takes_one() -> None:
    with pytest.raises(UnsupportedParamsError):
        send(Wire("bedrock", "us.anthropic.claude-opus-5-1"), tools=TOOLS, tool_choice="required")


@pytest.mark.parametrize(
    ("beside", "sent"),
    [({}, "high"), ({"max_tokens": 100}, "medium"), ({"temperature": 0.5}, "medium"), ({"top_p": 0.5}, "medium")],
)
def test_highest_effort_of_nova_waits_when_something_of_the_inference_is_set(beside: dict[str, Any], sent: str) -> None:
    body = on("us.amazon.nova-2-lite-v1:0", reasoning_effort="high", **beside)
    assert find_all(body, "maxReasoningEffort") == [sent]
