"""Items of every kind that clients send, as chat; and chat's answers as items: what each becomes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.responses.dialect import RESPONSES as DIALECT
from proxy.dialects.responses.request import read_request
from proxy.dialects.responses.tools import find_chat_name
from proxy.domain.answer import Answer, Chunk, build_chunk
from proxy.domain.json_text.document import Document
from proxy.domain.usage import Usage
from proxy.errors import BadRequestError, ContextWindowExceededError, RateLimitError
from tests.dialects.responses.asking import SEALER, call_of, write
from tests.dialects.responses.events import check_order, events_of

FUNCTION = {"type": "function", "name": "f", "description": "d", "strict": False, "parameters": {"type": "object"}}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits.", "format": GRAMMAR}
AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Sub-agents.",
    "tools": [FUNCTION, {**PATCH, "name": "run"}],
}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Find.", "parameters": {"type": "object"}}


def pivot_of(**fields: Any) -> dict[str, Any]:
    return dict(read_request(Document.of({"model": "m", "input": "hi", **fields}), SEALER).fields)


def messages_of(*items: Any) -> Any:
    return pivot_of(input=list(items))["messages"]


def answer_to(message: dict[str, Any], finish: str = "stop", **fields: Any) -> dict[str, Any]:
    """The response for a chat message, which is the same whole and streamed, in any pieces."""
    call = call_of({"model": "m", "input": "hi", **fields})
    completion = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    usage = Usage(5, 7, 12)
    whole: dict[str, Any] = json.loads(
        DIALECT.write_answer(call, Answer(json.dumps(completion).encode(), usage, "m"), 0.1)
    )
    for size in (1, 3, 1000):
        frames = write(call, "openai", [[chunk] for chunk in chunks_of(message, finish, size)])
        assert check_order(events_of(b"".join(frames).decode())) == whole
    return whole


def chunks_of(message: dict[str, Any], finish: str, size: int) -> list[Chunk]:
    """The message as deltas whose texts have at most `size` characters."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    for name in ("reasoning_content", "content", "refusal"):
        text = message.get(name) or ""
        deltas += [{name: text[start : start + size]} for start in range(0, len(text), size)]
        if name == "reasoning_content" and message.get("thinking_blocks"):
            deltas.append(
                {"thinking_blocks": [{**block, "index": at} for at, block in enumerate(message["thinking_blocks"])]}
            )
    if message.get("annotations"):
        deltas.append({"annotations": message["annotations"]})
    for index, call in enumerate(message.get("tool_calls") or ()):
        name, text = call["function"]["name"], call["function"]["arguments"]
        deltas.append({"tool_calls": [{"index": index, "id": call["id"], "function": {"name": name, "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": text[start : start + size]}}]}
            for start in range(0, len(text), size)
        ]
    base = {"id": "c", "model": "m"}
    chunks = [
        build_chunk({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas
    ]
    chunks.append(build_chunk({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return [*chunks, build_chunk({**base, "choices": [], "usage": usage})]


def function_call(name: str, arguments: str, call_id: str = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_what_the_model_said_together_is_one_message() -> None:
    sealed = SEALER.seal(
        "pbr1_", {"reasoning_content": "Hm.", "thinking_blocks": [{"type": "thinking", "signature": "s"}]}
    )
    found = messages_of(
        {"role": "user", "content": "go"},
        {"type": "reasoning", "summary": [], "encrypted_content": sealed, "content": None},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I go."}], "id": None},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "namespace": None, "status": None},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}", "namespace": "agents"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
    )
    assert found == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant", "reasoning_content": "Hm.", "content": "I go.",
            "thinking_blocks": [{"type": "thinking", "signature": "s"}],
            "tool_calls": [function_call("f", "{}"), function_call("agents__f", "{}", "c2")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
    ]  # fmt: skip


def test_reasoning_of_others_is_left_out() -> None:
    sealed = SEALER.seal("pbr1_", {"reasoning_content": "Hm."})
    changed = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for content in ("gAAAAA", changed, "pbr1_", "pbr1_%%", None, 5):
        item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}], "encrypted_content": content}
        assert messages_of("a", item, {"role": "assistant", "content": "b"}) == [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
        ]


def test_pictures_of_a_tool_follow_all_outputs() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "original"}
    found = messages_of(
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "see"}, picture]},
        {"type": "function_call_output", "call_id": "c2", "output": "two"},
    )
    assert [message["role"] for message in found] == ["assistant", "tool", "tool", "user"]
    url = {"url": "data:image/png;base64,AA==", "detail": "high"}
    assert found[-1]["content"][1:] == [{"type": "image_url", "image_url": url}]


def test_tools_of_every_kind_become_functions() -> None:
    pivot = pivot_of(tools=[FUNCTION, PATCH, AGENTS, SEARCH, {"type": "web_search", "external_web_access": True}])
    functions = {tool["function"]["name"]: tool["function"] for tool in pivot["tools"]}
    assert list(functions) == ["f", "apply_patch", "agents__f", "agents__run", "tool_search"]
    assert functions["f"] == {"name": "f", "description": "d", "parameters": {"type": "object"}}
    assert functions["apply_patch"]["description"] == "Edits.\n\nThe input must match this lark grammar:\nstart: X"
    assert functions["apply_patch"]["parameters"]["required"] == ["input"]
    assert functions["agents__f"]["description"] == "Sub-agents.\n\nd"
    assert pivot["web_search_options"] == {}


def test_tools_that_items_bring_are_tools() -> None:
    items = ["a", {"type": "additional_tools", "role": "developer", "id": "at_1", "tools": [AGENTS]}]
    assert [tool["function"]["name"] for tool in pivot_of(input=items)["tools"]] == ["agents__f", "agents__run"]
    output = {"type": "tool_search_output", "call_id": "c1", "execution": "client", "tools": [FUNCTION]}
    call = {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "x"}}
    pivot = pivot_of(input=["a", call, output], tools=[SEARCH])
    assert [tool["function"]["name"] for tool in pivot["tools"]] == ["tool_search", "f"]
    assert pivot["messages"][1]["tool_calls"] == [function_call("tool_search", '{"query":"x"}')]
    assert pivot["messages"][2]["content"] == '{"loaded_tools":["f"]}'


def test_a_custom_tools_call_comes_back_as_its_own_kind() -> None:
    patch = '*** Begin Patch\n+é "x"\n*** End Patch'
    call = function_call("apply_patch", json.dumps({"input": patch}))
    item = answer_to({"content": None, "tool_calls": [call]}, "tool_calls", tools=[PATCH])["output"][0]
    assert (item["type"], item["name"], item["input"], item["call_id"]) == (
        "custom_tool_call",
        "apply_patch",
        patch,
        "c1",
    )
    back = messages_of(item)[0]["tool_calls"][0]
    assert json.loads(back["function"]["arguments"]) == {"input": patch}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input":"a"}', "a"),
        ('{"patch":"a"}', "a"),
        ("plain text", "plain text"),
        ('"a"', "a"),
        ('{"a":1}', '{"a":1}'),
    ],
)
def test_a_custom_tools_input_is_found_however_the_model_wrote_it(arguments: str, text: str) -> None:
    call = function_call("apply_patch", arguments)
    assert answer_to({"content": None, "tool_calls": [call]}, "tool_calls", tools=[PATCH])["output"][0]["input"] == text


def test_a_namespace_is_taken_apart_and_put_together_again() -> None:
    calls = [function_call("agents__f", "{}"), function_call("agents__run", '{"input":"x"}', "c2")]
    items = answer_to({"content": "Now.", "tool_calls": calls}, "tool_calls", tools=[AGENTS])["output"]
    assert [(item.get("name"), item.get("namespace")) for item in items] == [
        (None, None), ("f", "agents"), ("run", "agents"),
    ]  # fmt: skip
    assert messages_of(*items)[0]["tool_calls"] == calls


def test_a_tool_search_comes_back_as_its_own_kind() -> None:
    call = function_call("tool_search", '{"query":"mail"}')
    item = answer_to({"content": None, "tool_calls": [call]}, "tool_calls", tools=[SEARCH])["output"][0]
    assert (item["type"], item["execution"], item["arguments"]) == ("tool_search_call", "client", {"query": "mail"})


@pytest.mark.parametrize("name", ["a" * 80, "mit leerzeichen", "é", "x__y"])
def test_long_and_odd_names_stay_different(name: str) -> None:
    found = {find_chat_name(name, space) for space in (None, "n", "m", "n" * 70)}
    assert len(found) == 4
    assert all(len(one) <= 64 and one.replace("_", "").replace("-", "").isalnum() and one.isascii() for one in found)


def test_parameters_go_under_chats_names() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    pivot = pivot_of(
        instructions="Be kind.", max_output_tokens=9, temperature=0.5, reasoning={"effort": "low", "summary": "auto"},
        text={"format": schema, "verbosity": "low"}, tools=[FUNCTION], tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False, prompt_cache_key="k", store=True, include=["reasoning.encrypted_content"], top_k=3,
        metadata={"a": "b"}, client_metadata={}, truncation="disabled", user=None, previous_response_id=None,
    )  # fmt: skip
    del pivot["tools"]
    assert pivot == {
        "model": "m", "max_tokens": 9, "temperature": 0.5, "reasoning_effort": "low", "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {name: schema[name] for name in ("name", "schema", "strict")}},
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False,
        "prompt_cache_key": "k", "top_k": 3,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
    }  # fmt: skip


def test_allowed_tools_are_the_tools() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "apply_patch"}]}
    pivot = pivot_of(tools=[FUNCTION, PATCH], tool_choice=choice)
    assert ([tool["function"]["name"] for tool in pivot["tools"]], pivot["tool_choice"]) == (
        ["apply_patch"],
        "required",
    )


def test_what_has_no_place_is_named() -> None:
    fields = {"max_tool_calls": 3, "truncation": "auto", "tools": [{"type": "image_generation"}]}
    items = ["a", {"type": "item_reference", "id": "x"}, {"type": "web_search_call", "id": "ws"}, {"type": "brand_new"}]
    pivot = read_request(Document.of({"model": "m", "input": items, **fields}))
    assert set(pivot.left_out) == {
        "max_tool_calls", "truncation", "tools.image_generation", "input.item_reference", "input.web_search_call",
        "input.brand_new",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["compaction", "compaction_trigger"])
def test_a_conversation_that_is_compacted_elsewhere_is_refused(kind: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        messages_of("a", {"type": kind})
    assert raised.value.param == "input[1].type"


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_the_status_is_the_finish_reasons(finish: str, status: str, reason: str | None) -> None:
    response = answer_to({"content": "a"}, finish)
    assert (response["status"], (response["incomplete_details"] or {}).get("reason")) == (status, reason)


def test_thoughts_citations_and_refusals_have_their_places() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    message = {
        "reasoning_content": "Hm.", "thinking_blocks": [thought], "content": "Text", "refusal": "No.", "annotations": [note],
    }  # fmt: skip
    reasoning, said = answer_to({**message, "refusal": None})["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert said["content"][0]["annotations"] == [{"type": "url_citation", **note["url_citation"]}]  # type: ignore[dict-item]
    back = messages_of(reasoning, said)[0]
    assert (back["thinking_blocks"], back["reasoning_content"], back["content"]) == ([thought], "Hm.", "Text")
    refused = answer_to({"content": None, "refusal": "No."})["output"][0]["content"]
    assert refused == [{"type": "refusal", "refusal": "No."}]


def test_calls_whose_pieces_come_mixed_are_put_together() -> None:
    pieces = [(0, "f", '{"a"'), (1, "g", '{"b"'), (0, None, ":1}"), (1, None, ":2}")]
    chunks = []
    for index, name, text in pieces:
        function = {"arguments": text} if name is None else {"name": name, "arguments": text}
        start = {"id": f"c{index}"} if name else {}
        delta = {"tool_calls": [{"index": index, **start, "function": function}]}
        chunks.append(build_chunk({"id": "c", "choices": [{"index": 0, "delta": delta}]}))
    frames = write(call_of({"model": "m", "input": "hi", "stream": True}), "openai", [chunks])
    items = check_order(events_of(b"".join(frames).decode()))["output"]
    assert [(item["name"], item["arguments"]) for item in items] == [("f", '{"a":1}'), ("g", '{"b":2}')]


def test_silence_is_filled_with_events() -> None:
    writer = DIALECT.open_writer(call_of({"model": "m", "input": "hi"}), "openai", lambda usage: None)
    text = (
        writer.ping(None)
        + writer.ping("waiting")
        + writer.frames(chunks_of({"content": "a"}, "stop", 9))
        + writer.ping(None)
    )
    events = events_of((text + writer.end()).decode())
    assert [event["type"] for event in events].count("response.in_progress") == 3
    assert events[-1]["type"] == "response.completed"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ContextWindowExceededError("too long"), "context_length_exceeded"),
        (RateLimitError("slow"), "rate_limit_exceeded"),
    ],
)
def test_a_broken_stream_ends_with_the_code_that_clients_act_on(error: Any, code: str) -> None:
    writer = DIALECT.open_writer(call_of({"model": "m", "input": "hi"}), "openai", lambda usage: None)
    text = writer.frames(chunks_of({"content": "half"}, "stop", 9)[:2])
    text += writer.error(json.dumps(DIALECT.write_error(error, "r")).encode())
    events = events_of(text.decode())
    assert (events[-1]["type"], events[-1]["response"]["error"]["code"]) == ("response.failed", code)
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "half"


NAMES = st.sampled_from(["f", "apply_patch", "agents__f", "agents__run", "unknown"])
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
ARGUMENTS = st.builds(lambda text: json.dumps({"input": text}, ensure_ascii=False), WORDS)
MESSAGES = st.fixed_dictionaries(
    {"content": st.none() | WORDS, "reasoning_content": st.none() | WORDS},
    optional={"tool_calls": st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=3)},
)


@settings(max_examples=80, deadline=None)
@given(MESSAGES)
def test_what_a_model_said_comes_back_as_it_was(given_message: dict[str, Any]) -> None:
    """Chat to items and back is the same; whole, streamed and cut answers are the same (answer_to)."""
    calls = [
        {"id": f"c{place}", "type": "function", "function": {"name": name, "arguments": text}}
        for place, (name, text) in enumerate(given_message.pop("tool_calls", ()))
    ]
    message = {**given_message, **({"tool_calls": calls} if calls else {})}
    items = answer_to(message, "tool_calls" if calls else "stop", tools=[FUNCTION, PATCH, AGENTS])["output"]
    back = messages_of("a", *items)[1:]
    said = {name: value for name, value in message.items() if value is not None}
    if not (said.get("content") or calls):
        assert back == []
        return
    assert normal(back[0]) == normal({"role": "assistant", **said})


def normal(message: dict[str, Any]) -> dict[str, Any]:
    """Arguments as values: a custom tool's are written anew."""
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "content": message.get("content"), "tool_calls": calls}
