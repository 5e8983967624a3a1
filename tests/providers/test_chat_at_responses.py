"""Chats that are asked at /responses: which, how, and what comes back, whole and streamed."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.domain.answer import Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.errors import GatewayError, TruncatedStreamError
from proxy.providers.registry import find_provider
from proxy.providers.responses.chat import find_need
from proxy.providers.responses.chat_request import build_body
from proxy.transport.framing.framing import DECODERS
from tests.dialects.responses.upstream import Upstream, client_of
from tests.providers.gathering import echo, gather

TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
EFFORT = {"tools": [TOOL], "reasoning_effort": "low"}
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"input_tokens": 11, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 15}

OUTPUT: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gA"},
    {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": [
            {
                "type": "output_text", "text": "Hello",
                "annotations": [{"type": "url_citation", "url": "http://a", "title": "A", "start_index": 0, "end_index": 5}],
            }
        ],
    },
    {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}', "status": "completed"},
    {"id": "ct_1", "type": "custom_tool_call", "call_id": "c2", "name": "t", "input": "text", "status": "completed"},
]  # fmt: skip


def response_of(output: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    head = {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "model": "gpt-5",
        "status": "completed",
        "error": None,
    }
    return {**head, "output": output, "usage": USAGE, **members}


def stream_of(output: list[dict[str, Any]], end: str = "completed", **members: Any) -> str:
    """The events of a response with these items, texts in two pieces."""
    events: list[tuple[str, dict[str, Any]]] = [("created", {"response": response_of([], usage=None)})]
    for place, item in enumerate(output):
        at = {"output_index": place, "item_id": item["id"]}
        events.append(("output_item.added", {"output_index": place, "item": {**item, "arguments": "", "input": ""}}))
        pieces = {
            "reasoning": ("reasoning_summary_text", item.get("summary", [{}])[0].get("text", "") if item.get("summary") else ""),
            "message": ("output_text", "".join(part.get("text", "") for part in item.get("content", ()))),
            "function_call": ("function_call_arguments", item.get("arguments", "")),
            "custom_tool_call": ("custom_tool_call_input", item.get("input", "")),
        }  # fmt: skip
        name, text = pieces[item["type"]]
        for piece in (text[:2], text[2:]):
            events.append((f"{name}.delta", {**at, "delta": piece}))
        for part in item.get("content", ()):
            for note in part.get("annotations", ()):
                events.append(("output_text.annotation.added", {**at, "annotation": note}))
        events.append(("output_item.done", {"output_index": place, "item": item}))
    events.append((end, {"response": response_of(output, **members)}))
    return "".join(
        f"event: response.{kind}\ndata: {json.dumps({'type': f'response.{kind}', **data})}\n\n" for kind, data in events
    )


def form_of(stream: bool = False) -> tuple[Any, Call, Deployment]:
    provider = find_provider("openai")
    assert provider is not None and provider.alternative is not None
    call = Call("call-1", CHAT, "m", Document.of(ASK), stream=stream)
    return provider.alternative.form, call, Deployment("d", "m", "openai", "gpt-5", {"api_key": "k"})


def decode(text: str, cut: int = 0) -> list[Chunk]:
    form, call, deployment = form_of(stream=True)
    framing, stream = DECODERS["sse"](), form.open_stream(call, deployment)
    raw = text.encode()
    blocks = [raw[start : start + cut] for start in range(0, len(raw), cut)] if cut else [raw]
    chunks = [chunk for block in blocks for event in framing.feed(block) for chunk in stream.feed(event)]
    chunks += [chunk for event in framing.finish() for chunk in stream.feed(event)]
    return chunks + stream.finish()


NEEDS: list[tuple[str, str, Any, str | None, bool | None, str]] = [
    ("openai", "gpt-5.1", None, None, None, ""),
    ("openai", "gpt-4o", None, None, None, ""),
    ("openai", "gpt-5.4", None, None, None, "reasoning_with_tools"),
    ("openai", "gpt-5.5-mini", None, None, None, "reasoning_with_tools"),
    ("openai", "gpt-6", None, None, None, "reasoning_with_tools"),
    ("openai", "gpt-5.10", None, None, None, "reasoning_with_tools"),
    ("azure", "gpt-5.4", None, "https://r.openai.azure.com", None, "reasoning_with_tools"),
    ("openai", "gpt-5.4", None, "https://api.openai.com/v1", None, "reasoning_with_tools"),
    ("openai", "gpt-5.4", None, "http://other/v1", None, ""),
    ("openai", "gpt-5.4", None, None, False, ""),
    ("openai", "gpt-5-pro", None, None, None, "always"),
    ("openai", "o1-pro", None, None, None, "always"),
    ("openai", "o3", None, None, None, ""),
    ("openai", "gpt-5.1-codex-max", None, None, None, "always"),
    ("openai", "codex-mini-latest", None, None, None, "always"),
    ("openai", "o4-mini-deep-research", None, None, None, "always"),
    ("openai", "responses/anything", None, "http://other/v1", None, "always"),
    ("xai", "grok-4", "responses", None, None, "always"),
    ("xai", "gpt-5.4", None, None, None, ""),
]


@pytest.mark.parametrize(("provider", "model", "mode", "base", "setting", "need"), NEEDS)
def test_the_models_that_need_it_are_known(
    provider: str, model: str, mode: Any, base: str | None, setting: bool | None, need: str
) -> None:
    assert find_need(provider, model, mode, base, setting) == need


@pytest.mark.parametrize(
    ("params", "body", "path"),
    [
        ({"model": "openai/gpt-5.4"}, EFFORT, "responses"),
        ({"model": "openai/gpt-5.4"}, {"tools": [TOOL]}, "chat/completions"),
        ({"model": "openai/gpt-5.4"}, {"reasoning_effort": "low"}, "chat/completions"),
        ({"model": "openai/gpt-5.4"}, {**EFFORT, "reasoning_effort": "none"}, "chat/completions"),
        ({"model": "openai/gpt-5.4", "reasoning_effort": "low"}, {"tools": [TOOL]}, "responses"),
        ({"model": "openai/gpt-5.4", "use_responses_api": False}, EFFORT, "chat/completions"),
        ({"model": "openai/responses/gpt-4o"}, {}, "responses"),
    ],
)
def test_a_chat_is_asked_at_responses_when_it_would_lose_something(
    params: dict[str, Any], body: dict[str, Any], path: str
) -> None:
    upstream = Upstream(lambda request, _body: (200, response_of(OUTPUT)) if "resp" in request.url else (500, {}))
    client = client_of(upstream, {"m": params}, router_settings={"num_retries": 0})
    answer = client.post("/v1/chat/completions", json={**ASK, **body})
    assert upstream.paths() == [f"api.openai.com/v1/{path}"]
    if path == "responses":
        choice = answer.get_json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello", "tool_calls")
        assert upstream.asked[0][2]["model"] == params["model"].split("/")[-1]


def test_messages_become_items() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "gA", "signed_by": "openai"}
    foreign = {"type": "thinking", "thinking": "x", "signature": "claude's"}
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
        {"role": "assistant", "content": "I see", "tool_calls": [call], "thinking_blocks": [thought, foreign]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]
    assert build_body({"messages": messages}, "gpt-5", stream=False)["input"] == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "be kind"}]},
        {
            "type": "message", "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
            ],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I see"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
    ]  # fmt: skip


def test_parameters_go_under_their_names_there() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    body = build_body(
        {
            **ASK, **EFFORT, "max_tokens": 4, "response_format": form, "verbosity": "low", "temperature": 1,
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "stream_options": {"include_usage": True},
            "web_search_options": {"search_context_size": "low"}, "logprobs": True, "top_logprobs": 2, "new": 1,
        },
        "gpt-5", stream=True,
    )  # fmt: skip
    del body["input"]
    assert body == {
        "model": "gpt-5", "store": False, "stream": True, "temperature": 1, "top_logprobs": 2, "new": 1,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "max_output_tokens": 16, "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", **form["json_schema"]}, "verbosity": "low"},  # type: ignore[dict-item]
        "tools": [
            {"type": "function", "strict": False, "parameters": {"type": "object"}, "name": "f", "description": "d"},
            {"type": "web_search", "search_context_size": "low"},
        ],
        "tool_choice": {"type": "function", "name": "f"},
    }  # fmt: skip


@pytest.mark.parametrize("cut", [0, 1, 13])
def test_a_stream_adds_up_to_the_whole_answer(cut: int) -> None:
    form, call, deployment = form_of()
    whole = form.parse_response(json.dumps(response_of(OUTPUT)).encode(), {}, call, deployment)
    streamed = gather(decode(stream_of(OUTPUT), cut))
    assert without_index(echo(streamed)) == echo(json.loads(whole.body))
    assert streamed["choices"][0]["finish_reason"] == "tool_calls"
    assert decode(stream_of(OUTPUT))[-1].usage == whole.usage


def without_index(message: dict[str, Any]) -> dict[str, Any]:
    for block in message.get("thinking_blocks", ()):
        block.pop("index")
    return message


def test_encrypted_reasoning_goes_back_as_it_came() -> None:
    form, call, deployment = form_of()
    whole = form.parse_response(json.dumps(response_of(OUTPUT)).encode(), {}, call, deployment)
    message = echo(json.loads(whole.body))
    items = build_body({"messages": [message]}, "gpt-5", stream=False)["input"]
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert (items[0]["encrypted_content"], items[0]["summary"]) == ("gA", OUTPUT[0]["summary"])


@pytest.mark.parametrize(
    ("end", "members", "finish"),
    [
        ("completed", {}, "stop"),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
    ],
)
def test_the_finish_reason_is_chats(end: str, members: Mapping[str, Any], finish: str) -> None:
    streamed = gather(decode(stream_of(OUTPUT[1:2], end, **members)))
    assert streamed["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "no"},
        {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}},
    ],
    ids=str,
)
def test_a_failure_is_raised_and_a_cut_stream_is_none_that_ended(event: dict[str, Any]) -> None:
    opened = stream_of(OUTPUT).split("event: response.completed")[0]
    with pytest.raises(GatewayError):
        decode(f"{opened}data: {json.dumps(event)}\n\n")
    with pytest.raises(TruncatedStreamError):
        decode(opened)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
CALLS = st.builds(
    lambda text: {
        "id": "fc",
        "type": "function_call",
        "call_id": "c",
        "name": "f",
        "arguments": json.dumps({"a": text}),
    },
    TEXTS,
)
SAID = st.builds(
    lambda text: {
        "id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}],
    },
    TEXTS,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID | CALLS, min_size=1, max_size=4))
def test_whole_and_streamed_answers_mean_the_same(output: list[dict[str, Any]]) -> None:
    form, call, deployment = form_of()
    numbered = [{**item, "call_id": f"c{place}"} for place, item in enumerate(output)]
    whole = form.parse_response(json.dumps(response_of(numbered)).encode(), {}, call, deployment)
    streamed = echo(gather(decode(stream_of(numbered))))
    assert {**streamed, "content": streamed["content"] or None} == echo(json.loads(whole.body))
