"""Anthropic's form asked of the providers that speak it: what leaves, and what comes back, byte for byte."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.messages import MESSAGES_DIALECT
from proxy.dispatch.native import find_native, prepare_native
from proxy.domain.answer import Answer, Chunk
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import Call, Options
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COUNT_TOKENS, Operation
from proxy.domain.wire import WireRequest
from proxy.errors import GatewayError, InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.contract import Provider
from proxy.providers.registry import find_provider
from proxy.transport.framing.framing import DECODERS
from tests.live.faults import frame
from tests.providers.recordings import CONNECTIONS

BODY = {"model": "group", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": False}
CLAUDE = "claude-sonnet-4-5"

# provider, model, api_base, address of Messages, headers that name the key
WAYS: list[tuple[str, str, str | None, str, Mapping[str, str]]] = [
    ("anthropic", CLAUDE, None, "https://api.anthropic.com/v1/messages", {"x-api-key": "test-key"}),
    ("anthropic", CLAUDE, "http://h/v1", "http://h/v1/messages", {"x-api-key": "test-key"}),
    (
        "azure_ai", CLAUDE, None, "https://resource.services.ai.azure.com/anthropic/v1/messages", {"api-key": "test-key"},
    ),
    (
        "vertex_ai", CLAUDE, None,
        "https://us-central1-aiplatform.googleapis.com/v1/projects/project/locations/us-central1/publishers/anthropic"
        f"/models/{CLAUDE}:rawPredict",
        {"authorization": "Bearer test-key"},
    ),
    (
        "bedrock", "us.anthropic.claude-sonnet-4-5-v1:0", None,
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-v1%3A0/invoke", {},
    ),
    ("deepseek", "deepseek-chat", None, "https://api.deepseek.com/anthropic/v1/messages", {"x-api-key": "test-key"}),
    ("moonshot", "kimi-k2", None, "https://api.moonshot.ai/anthropic/v1/messages", {"authorization": "Bearer test-key"}),
    (
        "moonshot", "kimi-k2", "https://api.moonshot.cn/v1", "https://api.moonshot.cn/anthropic/v1/messages",
        {"authorization": "Bearer test-key"},
    ),
    ("zai", "glm-5", None, "https://api.z.ai/api/anthropic/v1/messages", {"authorization": "Bearer test-key"}),
    ("minimax", "m", None, "https://api.minimax.io/anthropic/v1/messages", {"authorization": "Bearer test-key"}),
    ("minimax", "m", "http://h/anthropic", "http://h/anthropic/v1/messages", {"authorization": "Bearer test-key"}),
    ("openrouter", "a/b", None, "https://openrouter.ai/api/v1/messages", {"authorization": "Bearer test-key"}),
    ("litellm_proxy", "x", "http://h:4000", "http://h:4000/v1/messages", {"authorization": "Bearer test-key"}),
    ("litellm_proxy", "x", "http://h:4000/v1", "http://h:4000/v1/messages", {"authorization": "Bearer test-key"}),
]  # fmt: skip
BRIDGED = [
    ("openai", "gpt-4o", None),
    ("azure_ai", "mistral-large", None),
    ("vertex_ai", "gemini-2.5-pro", None),
    ("bedrock", "amazon.nova-pro-v1:0", None),
    ("bedrock", "converse/anthropic.claude-sonnet-4-5-v1:0", None),
    ("deepseek", "deepseek-chat", "http://somewhere/v1"),
]


def deployment_of(provider: str, model: str, base: str | None = None, **members: Any) -> Deployment:
    connection = {"api_key": "test-key", **CONNECTIONS.get(provider, {}), **members.pop("connection", {})}
    if base is not None:
        connection["api_base"] = base
    return Deployment("deployment-1", "group", provider, model, connection, **members)


def refuse_to_bridge(document: Document) -> Document:
    raise AssertionError("a native call has no need of the pivot")


def call_of(
    body: Mapping[str, Any] | bytes, operation: Operation = CHAT, *, stream: bool = False, **members: Any
) -> Call:
    native = Document.parse(body if isinstance(body, bytes) else json.dumps(body).encode())
    return Call(
        "call-1", operation, "group", BridgedDocument(refuse_to_bridge, native), dialect="messages", native=native,
        stream=stream, **members,
    )  # fmt: skip


def native_of(call: Call, deployment: Deployment) -> Provider:
    provider = find_provider(deployment.provider)
    assert provider is not None
    native = find_native(provider, call, deployment)
    assert native is not None
    return native


def asked(call: Call, deployment: Deployment) -> tuple[WireRequest, tuple[str, ...]]:
    """The request that leaves, and the names of what was left out."""
    native = native_of(call, deployment)
    prepared, dropped = prepare_native(native, call, deployment)
    return native.build_request(prepared, deployment), dropped


def body_of(call: Call, deployment: Deployment) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(asked(call, deployment)[0].body))
    return body


@pytest.mark.parametrize(("provider", "model", "base", "url", "headers"), WAYS, ids=lambda value: str(value)[:40])
def test_the_body_goes_as_it_came_to_the_address_of_messages(
    provider: str, model: str, base: str | None, url: str, headers: Mapping[str, str]
) -> None:
    call = call_of({**BODY, "unknown": [1.50, {"a": None}]}, headers={"anthropic-version": "2026-10-21"})
    request, dropped = asked(call, deployment_of(provider, model, base))
    body = json.loads(bytes(request.body))
    assert request.url == url
    assert headers.items() <= request.headers.items()
    assert (body["unknown"], body["messages"]) == ([1.5, {"a": None}], BODY["messages"])
    assert dropped == ()
    if provider not in ("bedrock", "vertex_ai"):
        assert body["model"] == model
        assert request.headers["anthropic-version"] == "2026-10-21"


@pytest.mark.parametrize(("provider", "model", "base"), BRIDGED)
def test_others_are_asked_in_their_own_form(provider: str, model: str, base: str | None) -> None:
    found = find_provider(provider)
    assert found is not None
    assert find_native(found, call_of(BODY), deployment_of(provider, model, base)) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    members=st.dictionaries(st.text(min_size=1, max_size=8), json_values, max_size=5),
    indent=st.none() | st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_native_bytes_in_are_bytes_out_when_the_model_is_the_same(members: dict[str, Any], indent: int | None) -> None:
    raw = json.dumps({**members, **BODY, "model": CLAUDE}, indent=indent, ensure_ascii=False).encode()
    request, _ = asked(call_of(raw), deployment_of("anthropic", CLAUDE))
    assert bytes(request.body) == raw
    other, _ = asked(call_of(raw), deployment_of("anthropic", "other"))
    assert json.loads(bytes(other.body)) == {**json.loads(raw), "model": "other"}


def test_betas_go_along_as_they_came() -> None:
    call = call_of(BODY, headers={"anthropic-beta": "claude-code-20250219,brand-new-2027-01-01"})
    request, _ = asked(call, deployment_of("anthropic", CLAUDE))
    assert request.headers["anthropic-beta"] == "claude-code-20250219,brand-new-2027-01-01"


@pytest.mark.parametrize(("provider", "model"), [("bedrock", "anthropic.claude-opus-5-v1:0"), ("vertex_ai", CLAUDE)])
def test_other_clouds_get_the_betas_that_they_take_in_the_body(provider: str, model: str) -> None:
    betas = "claude-code-20250219,context-management-2025-06-27,advanced-tool-use-2025-11-20"
    call = call_of({**BODY, "service_tier": "auto", "context_management": {}}, headers={"anthropic-beta": betas})
    request, dropped = asked(call, deployment_of(provider, model))
    body = json.loads(bytes(request.body))
    assert body["anthropic_beta"] == ["context-management-2025-06-27", "tool-search-tool-2025-10-19"]
    assert dropped == ("service_tier", "claude-code-20250219")
    assert "service_tier" not in body and "model" not in body and "anthropic-beta" not in request.headers
    assert body["anthropic_version"] in ("bedrock-2023-05-31", "vertex-2023-10-16")


@pytest.mark.parametrize("signature", ["", None, "gemini#AAAA"])
def test_thoughts_that_no_claude_signed_stay_behind(signature: str | None) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    signed = {"type": "thinking", "thinking": "yes", "signature": "EqQB"}
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, signed, {"type": "text", "text": "a"}]},
        {"role": "assistant", "content": [thought]},
    ]
    sent = body_of(call_of({**BODY, "messages": turns}), deployment_of("anthropic", CLAUDE))["messages"]
    assert sent[1]["content"] == [signed, {"type": "text", "text": "a"}]
    assert sent[2]["content"] == [{"type": "text", "text": "(no text)"}]
    kept = body_of(call_of({**BODY, "messages": turns}), deployment_of("deepseek", "deepseek-chat"))["messages"]
    assert kept == turns


def test_ids_of_other_makers_are_in_letters_that_anthropic_takes() -> None:
    signed = "call_1__gemini-00000000__thought__AAAA"
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a.b:c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a.b:c", "content": "x"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": signed + "=", "name": "f", "input": {}}]},
    ]
    sent = body_of(call_of({**BODY, "messages": turns}), deployment_of("anthropic", CLAUDE))["messages"]
    assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"] == "a_b_c"
    assert sent[3]["content"][0]["id"] == "call_1"


def test_a_deployments_defaults_fill_what_the_body_lacks() -> None:
    defaults = {"temperature": 0.5, "stop": "END", "seed": 7, "max_tokens": 5, "thinking": {"type": "adaptive"}}
    deployment = deployment_of("anthropic", CLAUDE, defaults=defaults, connection={"extra_body": {"speed": "fast"}})
    body = body_of(call_of(BODY), deployment)
    added = {"temperature": 0.5, "stop_sequences": ["END"], "thinking": {"type": "adaptive"}, "speed": "fast"}
    assert body == {**BODY, "model": CLAUDE, **added}


def test_what_a_client_wants_left_out_is_left_out_and_named() -> None:
    call = call_of({**BODY, "top_k": 3}, options=Options(additional_drop_params=("top_k",)))
    request, dropped = asked(call, deployment_of("anthropic", CLAUDE))
    assert b"top_k" not in bytes(request.body)
    assert dropped == ("top_k",)


COUNTERS: list[tuple[str, str, str, dict[str, int]]] = [
    ("anthropic", CLAUDE, "https://api.anthropic.com/v1/messages/count_tokens", {"input_tokens": 12}),
    (
        "vertex_ai", CLAUDE,
        "https://us-central1-aiplatform.googleapis.com/v1/projects/project/locations/us-central1/publishers/anthropic"
        "/models/count-tokens:rawPredict", {"input_tokens": 12},
    ),
    (
        "bedrock", "anthropic.claude-sonnet-4-5-v1:0",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-sonnet-4-5-v1%3A0/count-tokens",
        {"inputTokens": 12},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "model", "url", "answer"), COUNTERS)
def test_tokens_are_counted_by_the_provider(provider: str, model: str, url: str, answer: dict[str, int]) -> None:
    deployment = deployment_of(provider, model)
    call = call_of({"model": "group", "messages": BODY["messages"]}, COUNT_TOKENS)
    request, _ = asked(call, deployment)
    assert request.url == url
    body = json.loads(bytes(request.body))
    if provider == "bedrock":
        body = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
    assert body["messages"] == BODY["messages"]
    parsed = native_of(call, deployment).parse_response(json.dumps(answer).encode(), {}, call, deployment)
    assert json.loads(parsed.body) == {"input_tokens": 12}


MESSAGE = {
    "model": "claude-x", "id": "msg_1", "type": "message", "role": "assistant", "new": {"a": 1},
    "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3},
}  # fmt: skip


def answer_to(body: bytes, provider: str = "anthropic") -> Answer:
    call, deployment = call_of(BODY), deployment_of(provider, CLAUDE)
    return native_of(call, deployment).parse_response(body, {}, call, deployment)


def test_an_answers_bytes_come_back_and_its_tokens_are_read() -> None:
    raw = json.dumps(MESSAGE, indent=1).encode()
    answer = answer_to(raw)
    assert answer.body == raw
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.cached_tokens, answer.usage.completion_tokens) == (12, 7, 3)
    assert answer.model == "anthropic/claude-x"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"content":null}'])
def test_nonsense_is_no_answer(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        answer_to(body)


def test_an_error_within_200_is_an_error() -> None:
    with pytest.raises(GatewayError) as raised:
        answer_to(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert raised.value.status_code == 503


EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hé\nllo"}},
    {"type": "brand_new_event", "x": 1},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]


def sse(events: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def frames(events: list[dict[str, Any]]) -> bytes:
    wrapped = ({"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "ab"} for event in events)
    return b"".join(frame("chunk", each) for each in wrapped)


def chunks_of(provider: str, model: str, blocks: list[bytes]) -> list[Chunk]:
    call, deployment = call_of({**BODY, "stream": True}, stream=True), deployment_of(provider, model)
    native = native_of(call, deployment)
    framing, decoder = DECODERS[native.framing](), native.open_stream(call, deployment)
    chunks = [chunk for block in blocks for event in framing.feed(block) for chunk in decoder.feed(event)]
    chunks += [chunk for event in framing.finish() for chunk in decoder.feed(event)]
    return chunks + decoder.finish()


STREAMS = [
    ("anthropic", CLAUDE, sse),
    ("vertex_ai", CLAUDE, sse),
    ("bedrock", "anthropic.claude-sonnet-4-5-v1:0", frames),
]


@pytest.mark.parametrize(("provider", "model", "write"), STREAMS)
def test_events_come_back_as_they_were_however_they_are_cut(provider: str, model: str, write: Any) -> None:
    raw = write(EVENTS)
    for blocks in (
        [raw],
        [raw[at : at + 1] for at in range(len(raw))],
        [raw[at : at + 7] for at in range(0, len(raw), 7)],
    ):
        chunks = chunks_of(provider, model, blocks)
        assert b"".join(chunk.data for chunk in chunks) == sse(EVENTS)
        assert [chunk.content for chunk in chunks] == [event["type"] == "content_block_delta" for event in EVENTS]
        assert [chunk.finished for chunk in chunks] == [False] * 7 + [True]
        usage = chunks[-1].usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens) == (5, 9)


@pytest.mark.parametrize(("provider", "model", "write"), STREAMS)
def test_a_stream_without_its_last_event_is_truncated(provider: str, model: str, write: Any) -> None:
    with pytest.raises(TruncatedStreamError):
        chunks_of(provider, model, [write(EVENTS[:-1])])


def test_texts_that_are_no_json_end_the_stream_amid_deltas_that_are() -> None:
    def delta(text: bytes) -> bytes:
        data = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%b"}}' % text
        return b"event: content_block_delta\ndata: %b\n\n" % data

    good = [delta(b"a"), delta(b"b \\u00e9"), delta("é".encode())]
    for bad in (b"\xff\xfe", b'"', b"\\x", b"\t"):
        with pytest.raises(GatewayError):
            chunks_of("anthropic", CLAUDE, [*good, delta(bad)])
    other = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"x","y":1}}\n\n'
    with pytest.raises(TruncatedStreamError):
        chunks_of("anthropic", CLAUDE, [*good, other])


def test_event_lines_are_there_although_a_server_sends_none() -> None:
    raw = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in EVENTS)
    assert b"".join(chunk.data for chunk in chunks_of("anthropic", CLAUDE, [raw])) == sse(EVENTS)


def test_an_exception_frame_is_an_error() -> None:
    with pytest.raises(GatewayError) as raised:
        chunks_of("bedrock", STREAMS[2][1], [frame("throttlingException", {"message": "slow"}, "exception")])
    assert raised.value.status_code == 429


def test_gemini_counts_the_translated_prompt() -> None:
    deployment = deployment_of("gemini", "gemini-2.5-pro")
    body = {"model": "group", "messages": BODY["messages"], "system": "be brief"}
    call = call_of(body, COUNT_TOKENS)
    call = call._replace(document=BridgedDocument(MESSAGES_DIALECT.read_request, native_body(call)))
    request, _ = asked(call, deployment)
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:countTokens"
    sent = json.loads(bytes(request.body))["generateContentRequest"]
    assert sent["model"] == "models/gemini-2.5-pro"
    assert sent["systemInstruction"]["parts"][0]["text"] == "be brief"
    parsed = native_of(call, deployment).parse_response(b'{"totalTokens": 12}', {}, call, deployment)
    assert json.loads(parsed.body) == {"input_tokens": 12}
    with pytest.raises(InvalidProviderResponseError):
        native_of(call, deployment).parse_response(b"{}", {}, call, deployment)


def native_body(call: Call) -> Document:
    assert call.native is not None
    return call.native


@pytest.mark.parametrize(("provider", "base", "supposed"), [
    ("litellm_proxy", "http://h:4000", True), ("openrouter", None, False), ("deepseek", None, False),
    ("anthropic", "http://h", False),
])  # fmt: skip
def test_a_server_that_lacks_the_form_is_asked_otherwise(provider: str, base: str | None, supposed: bool) -> None:
    deployment = deployment_of(provider, "m", base)
    native = native_of(call_of(BODY), deployment)
    assert (native.is_supposed is not None and native.is_supposed(deployment)) is supposed
