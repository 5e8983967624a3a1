"""A Messages request in OpenAI's form: each member of Anthropic's, and what becomes of those without a place."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.dialects.messages.request import build_pivot, read_session, read_user
from proxy.domain.bridged import Pivot
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.errors import BadRequestError
from tests.dialects.messages.asking import Recorded, ask

TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PDF = {
    "type": "document",
    "title": "a.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
}
SESSION = json.dumps({"device_id": "0" * 64, "account_uuid": "", "session_id": "s-1"})


def pivot(**members: Any) -> Pivot:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **members}
    return build_pivot(Document.of(body))


def messages(*turns: Any, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pivot(messages=list(turns), **members).fields["messages"]
    return found


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def result(content: Any, **members: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **members}


def test_what_is_called_the_same_stays() -> None:
    fields = pivot(temperature=0.5, top_p=0.9, top_k=3, stream=True, stop_sequences=["a"]).fields
    assert fields["temperature"] == 0.5 and fields["top_p"] == 0.9 and fields["top_k"] == 3
    assert fields["stream"] is True and fields["stop"] == ["a"] and fields["max_tokens"] == 9


@pytest.mark.parametrize(
    ("members", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"thinking": {"type": "adaptive"}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 31_999}}, "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 6_000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, "low"),
        ({"output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}, "high"),
        ({"output_config": {"effort": "xhigh"}}, "high"),
        ({"output_config": {"effort": "low"}, "thinking": {"type": "disabled"}}, None),
    ],
)
def test_thinking_becomes_an_effort(members: dict[str, Any], effort: str | None) -> None:
    assert pivot(**members).fields.get("reasoning_effort") == effort


def test_the_effort_of_the_latest_turn_wins() -> None:
    turn = {"role": "system", "content": "now", "output_config": {"effort": "low"}}
    asked = pivot(messages=[user({"type": "text", "text": "a"}), turn], output_config={"effort": "high"})
    assert asked.fields["reasoning_effort"] == "low"


def test_system_turns_stay_where_they_are() -> None:
    turns = messages(
        {"role": "user", "content": "a"}, {"role": "system", "content": "s"}, {"role": "assistant", "content": "b"}
    )
    assert [(turn["role"], turn["content"]) for turn in turns] == [("user", "a"), ("system", "s"), ("assistant", "b")]


def test_the_billing_header_is_left_out() -> None:
    blocks = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.332.8a3;"},
        {"type": "text", "text": "You help.", "cache_control": {"type": "ephemeral"}},
    ]
    assert messages({"role": "user", "content": "a"}, system=blocks)[0] == {"role": "system", "content": blocks[1:]}
    assert [turn["role"] for turn in messages({"role": "user", "content": "a"}, system=blocks[:1])] == ["user"]


def test_results_come_before_what_else_is_in_the_turn() -> None:
    turns = messages(
        user(result("one"), {"type": "tool_result", "tool_use_id": "t2"}, {"type": "text", "text": "and?"})
    )
    assert [turn["role"] for turn in turns] == ["tool", "tool", "user"]
    assert (turns[0]["content"], turns[1]["content"], turns[2]["content"]) == ("one", "", "and?")


def test_a_failed_tool_is_called_so() -> None:
    (turn,) = messages(user(result("boom", is_error=True)))
    assert turn["content"] == "The tool failed:\nboom"
    assert turn["is_error"] is True


def test_a_picture_in_a_result_follows_it() -> None:
    turns = messages(user(result([{"type": "text", "text": "see"}, PNG])))
    assert turns[0] == {"role": "tool", "tool_call_id": "t1", "content": "see"}
    assert turns[1]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    alone = messages(user(result([PNG])))
    assert alone[0]["content"]


def test_a_tool_reference_is_a_text() -> None:
    (turn,) = messages(user(result([{"type": "tool_reference", "tool_name": "WebFetch"}])))
    assert turn["content"] == "The tool WebFetch is available now."


def test_documents_are_files_or_texts() -> None:
    plain = {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "body"}}
    inner = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "in"}, PNG]}}
    (turn,) = messages(user(PDF, plain, inner))
    file, text, content, image = turn["content"]
    assert file == {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}}
    assert text == {"type": "text", "text": "T\nbody"}
    assert content == {"type": "text", "text": "in"}
    assert image["type"] == "image_url"


def test_search_results_and_what_a_search_found_are_texts() -> None:
    found = {"type": "search_result", "source": "http://s", "title": "T", "content": [{"type": "text", "text": "x"}]}
    (turn,) = messages(user(found))
    assert turn["content"] == "T\nhttp://s\nx"
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    page = {"type": "web_search_result", "url": "http://p", "title": "P", "encrypted_content": "z" * 99}
    answer = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [page]}
    turn = messages({"role": "user", "content": "a"}, {"role": "assistant", "content": [use, answer]})[1]
    assert turn["content"] == "P http://p"
    assert turn["provider_specific_fields"]["content_blocks"] == [use, answer]


def test_calls_and_thoughts_of_the_assistant() -> None:
    signed = {"type": "thinking", "thinking": "a", "signature": "EqQB"}
    unsigned = {"type": "thinking", "thinking": "b", "signature": ""}
    geminis = {"type": "thinking", "thinking": "c", "signature": "gemini#AAAA"}
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 12345678901234567890}}
    blocks = [signed, unsigned, geminis, {"type": "text", "text": "t"}, call]
    turn = messages({"role": "user", "content": "a"}, {"role": "assistant", "content": blocks})[1]
    assert turn["reasoning_content"] == "abc"
    assert turn["thinking_blocks"] == [signed, {**geminis, "signature": "AAAA", "signed_by": "gemini"}]
    assert turn["content"] == "t"
    assert turn["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"n":12345678901234567890}'}
    assert "provider_specific_fields" not in turn


def test_tools_are_functions() -> None:
    fields = pivot(tools=[{**TOOL, "strict": True, "cache_control": {"type": "ephemeral"}}]).fields
    function = {"name": "f", "parameters": {"type": "object"}, "description": "d", "strict": True}
    assert fields["tools"] == [{"type": "function", "function": function, "cache_control": {"type": "ephemeral"}}]


def test_no_tools_are_no_member() -> None:
    fields = pivot(tools=[], tool_choice={"type": "auto"}).fields
    assert "tools" not in fields and "tool_choice" not in fields


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_choices(choice: dict[str, Any], expected: Any) -> None:
    fields = pivot(tools=[TOOL], tool_choice={**choice, "disable_parallel_tool_use": True}).fields
    assert fields["tool_choice"] == expected
    assert fields["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in pivot(tools=[TOOL], tool_choice=choice).fields


def test_a_deferred_tool_is_shown_once_it_was_found() -> None:
    tools = [TOOL, {**TOOL, "name": "later", "defer_loading": True}]
    assert [tool["function"]["name"] for tool in pivot(tools=tools).fields["tools"]] == ["f"]
    turns = [user(result([{"type": "tool_reference", "tool_name": "later"}]))]
    assert len(pivot(tools=tools, messages=turns).fields["tools"]) == 2
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    found = pivot(tools=[search, *tools])
    assert len(found.fields["tools"]) == 2
    assert found.left_out == ("tools[0]",)


def test_a_tool_that_a_system_turn_defines_is_a_tool() -> None:
    addition = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {**TOOL, "name": "new"}}}
    turns = [{"role": "user", "content": "a"}, {"role": "system", "content": [addition]}]
    asked = pivot(messages=turns, tools=[TOOL]).fields
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["f", "new"]
    assert [turn["role"] for turn in asked["messages"]] == ["user"]


def test_web_search_is_asked_for_as_options() -> None:
    place = {"type": "approximate", "city": "Paris"}
    tool = {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 3,
        "user_location": place,
        "allowed_domains": ["a"],
    }
    found = pivot(tools=[tool], tool_choice={"type": "tool", "name": "web_search"})
    assert found.fields["web_search_options"] == {
        "user_location": {"type": "approximate", "approximate": {"city": "Paris"}}
    }
    assert found.left_out == ("tools[0].allowed_domains",)
    assert "tools" not in found.fields and "tool_choice" not in found.fields


def test_a_format_is_a_response_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    wrapper = {"name": "answer", "schema": schema, "strict": True}
    expected = {"type": "json_schema", "json_schema": wrapper}
    asked = {"type": "json_schema", "schema": schema}
    assert pivot(output_config={"format": asked}).fields["response_format"] == expected
    assert pivot(output_format=asked).fields["response_format"] == expected


def test_a_session_keys_the_cache_and_is_no_customer() -> None:
    fields = pivot(metadata={"user_id": SESSION}).fields
    assert fields["prompt_cache_key"] == "s-1"
    assert "user" not in fields
    assert read_user({"metadata": {"user_id": SESSION}}) is None
    assert read_session({"metadata": {"user_id": "{broken"}}) is None
    old = {"metadata": {"user_id": f"user_{'a' * 64}_account__session_s-2"}}
    assert (read_user(old), read_session(old)) == (None, "s-2")
    assert pivot(metadata={"user_id": "customer-7"}).fields["user"] == "customer-7"


@pytest.mark.parametrize(("tier", "expected"), [("auto", None), ("standard_only", "default"), ("odd", None)])
def test_tiers(tier: str, expected: str | None) -> None:
    assert pivot(service_tier=tier).fields.get("service_tier") == expected


def test_what_has_no_place_is_named() -> None:
    found = pivot(
        context_management={"edits": []}, container="c", inference_geo="us", cache_control={"type": "ephemeral"}, new=1
    )
    assert found.left_out == ("context_management", "container", "inference_geo", "cache_control", "new")
    assert not found.fields.keys() & set(found.left_out)


@pytest.mark.parametrize("kind", ["bash_20250124", "memory_20250818", "code_execution_20250825", "advisor_20260301"])
def test_a_tool_of_anthropics_own_is_refused_by_name(kind: str) -> None:
    with pytest.raises(BadRequestError, match=kind) as raised:
        pivot(tools=[TOOL, {"type": kind, "name": "own"}])
    assert raised.value.param == "tools[1]"


RECORDINGS = Path(__file__).parent / "claude_code.json"


def test_requests_of_claude_code_become_requests_that_openai_takes() -> None:
    answer = {
        "id": "c", "object": "chat.completion", "model": "gpt-5.1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    }  # fmt: skip
    for body in json.loads(RECORDINGS.read_text()):
        upstream = Recorded(200, {}, json.dumps(answer).encode(), 99)
        ask({**body, "stream": False}, Deployment("d", "g", "openai", "gpt-5.1", {"api_key": "k"}), upstream)
        sent = json.loads(bytes(upstream.requests[0].body))
        text = json.dumps(sent)
        assert "cache_control" not in text and "billing-header" not in text and '"thinking"' not in text
        assert sent.keys() <= OPENAIS, sent.keys() - OPENAIS
        for message in sent["messages"]:
            assert message["content"] or message.get("tool_calls") or message["role"] == "assistant"
            assert message.keys() <= {"role", "content", "tool_calls", "tool_call_id", "reasoning_content"}


OPENAIS = {
    "model", "messages", "max_completion_tokens", "tools", "tool_choice", "reasoning_effort", "prompt_cache_key", "stream",
    "temperature", "response_format",
}  # fmt: skip


def asked_of(provider: str, model: str, **members: Any) -> dict[str, Any]:
    """The body that reaches a provider of OpenAI's form."""
    answer = {"id": "c", "choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}]}
    upstream = Recorded(200, {}, json.dumps(answer).encode(), 99)
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **members}
    ask(body, Deployment("d", "g", provider, model, {"api_key": "k"}), upstream)
    sent: dict[str, Any] = json.loads(bytes(upstream.requests[0].body))
    return sent


def test_a_model_without_reasoning_is_asked_without_an_effort() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    assert "reasoning_effort" not in asked_of("openai", "gpt-4o", thinking=thinking)
    assert asked_of("openai", "gpt-5.1", thinking=thinking)["reasoning_effort"] == "low"


def test_optional_members_reach_those_that_take_them() -> None:
    members = {"top_k": 5, "metadata": {"user_id": SESSION}}
    assert "top_k" not in asked_of("groq", "llama3", **members) and "prompt_cache_key" not in asked_of(
        "groq", "l", **members
    )
    assert asked_of("openai", "gpt-5.1", **members)["prompt_cache_key"] == "s-1"
    assert "top_k" not in asked_of("openai", "gpt-5.1", **members)


@pytest.mark.parametrize(("provider", "model"), [("cohere", "command-a"), ("openai", "gpt-5.1"), ("groq", "llama3")])
def test_web_search_is_refused_where_the_other_side_has_none(provider: str, model: str) -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    with pytest.raises(BadRequestError, match="'web_search'"):
        asked_of(provider, model, tools=[search])


def test_web_search_is_asked_for_where_the_other_side_has_it() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert asked_of("openai", "gpt-4o-search-preview", tools=[search])["web_search_options"] == {}
    assert asked_of("perplexity", "sonar", tools=[search])["web_search_options"] == {}
