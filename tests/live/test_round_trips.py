"""What a provider has said goes back to it as it was, through OpenAI's own SDK and a live gateway."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.hostile import frame
from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.sdk import ask, client_of
from tests.live.servers import Server, gateway
from tests.providers.recordings import load_recordings, response_body

QUESTION = {"role": "user", "content": "Go on"}
AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}
MODELS = {
    "anthropic": "claude-sonnet-4-5",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a-reasoning-08-2025",
    "deepseek": "deepseek-reasoner",
    "gemini": "gemini-3-pro-preview",
    "mistral": "magistral-medium-latest",
    "ollama_chat": "qwen3",
    "openrouter": "anthropic/claude-sonnet-4.5",
}
FUNCTION = {"name": "look", "arguments": '{"at": "it"}'}
# An answer of DeepSeek's in a tool loop, and one of Claude's on Bedrock.
DEEPSEEK: Any = [
    {"delta": {"role": "assistant", "content": None, "reasoning_content": "I had "}},
    {"delta": {"reasoning_content": "better look."}},
    {"delta": {"tool_calls": [{"index": 0, "id": "call_0", "type": "function", "function": FUNCTION}]}},
    {"delta": {}, "finish_reason": "tool_calls"},
]
BEDROCK: Any = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "I had "}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "better look."}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2lnbmF0dXJl+/=="}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "tooluse_1", "name": "look"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"at": "it"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with RawUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def server(upstream: RawUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    places = {name: {"api_key": "key", "api_base": upstream.url} for name in MODELS}
    places["bedrock"] = {**AWS, "aws_bedrock_runtime_endpoint": upstream.url}
    models = [
        {"model_name": name, "litellm_params": {"model": f"{name}/{model}", **places[name]}}
        for name, model in MODELS.items()
    ]
    config = {"model_list": models, "router_settings": {"num_retries": 0}}
    with gateway(config, tmp_path_factory.mktemp("round-trips")) as running:
        yield running


def sent_after(server: Server, upstream: RawUpstream, provider: str, reply: bytes, kind: str) -> str:
    """The body that goes out when the answer in `reply` is followed by the results of its calls, or by a question."""
    client, stream = client_of(server), "json" not in kind or provider == "ollama_chat"
    upstream.reply = Reply([reply], kind)
    message = ask(client, provider, [QUESTION], stream=stream)
    calls = message.get("tool_calls") or []
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "seen"} for call in calls]
    ask(client, provider, [QUESTION, message, *(results or [QUESTION])], stream=stream)
    # Compared as data: how a character is escaped is not what anybody signed.
    return json.dumps(json.loads(upstream.bodies[-1]), ensure_ascii=False)


def recorded(name: str) -> tuple[bytes, str]:
    response = next(each for each in load_recordings() if each.name == name).exchanges[0]["response"]
    kind = next(value for header, value in response["headers"].items() if header.lower() == "content-type")
    return response_body(response), kind


@pytest.mark.parametrize(
    ("provider", "name", "signed"),
    [
        ("anthropic", "chat-roundtrip-stream", r'"signature":\s*"([^"]{20,})"'),
        ("anthropic", "chat-redacted-thinking-stream", r'"data":\s*"([^"]{20,})"'),
        ("gemini", "chat-tool-call", r'"thoughtSignature":\s*"([^"]{20,})"'),
        ("gemini", "chat-tool-result", r'"thoughtSignature":\s*"([^"]{20,})"'),
        ("gemini", "chat-thinking", r'"thoughtSignature":\s*"([^"]{20,})"'),
        ("gemini", "chat-thinking-stream", r'"thoughtSignature":\s*"([^"]{20,})"'),
        ("openrouter", "chat-roundtrip", r'"signature":\s*"([^"]{20,})"'),
        ("openrouter", "chat-thinking-stream", r'"signature":\s*"([^"]{20,})"'),
    ],
)
def test_signature_comes_back_bit_for_bit(
    server: Server, upstream: RawUpstream, provider: str, name: str, signed: str
) -> None:
    reply, kind = recorded(f"{provider}/{name}")
    signatures = {json.loads(f'"{found}"') for found in re.findall(signed, reply.decode())}
    assert signatures
    sent = sent_after(server, upstream, provider, reply, kind)
    for signature in signatures:
        assert signature in sent


@pytest.mark.parametrize(
    ("provider", "name", "thought"),
    [
        ("mistral", "chat-roundtrip", '"type": "thinking"'),
        ("mistral", "chat-thinking-stream", '"type": "thinking"'),
        ("cohere", "chat-thinking", '"type": "thinking"'),
        ("ollama_chat", "chat-thinking-stream", '"thinking": '),
        ("gemini", "chat-thinking", '"thought": true'),
    ],
)
def test_thoughts_come_back_when_their_format_has_a_place_for_them(
    server: Server, upstream: RawUpstream, provider: str, name: str, thought: str
) -> None:
    reply, kind = recorded(f"{provider}/{name}")
    assert thought in sent_after(server, upstream, provider, reply, kind)


def test_deepseek_gets_its_thoughts_back_when_it_called_a_tool(server: Server, upstream: RawUpstream) -> None:
    chunks = [{"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, **each}]} for each in DEEPSEEK]
    reply = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    sent = json.loads(sent_after(server, upstream, "deepseek", reply, "text/event-stream"))
    _, message, result = sent["messages"]
    assert message["reasoning_content"] == "I had better look."
    assert message["tool_calls"][0]["function"] == FUNCTION
    assert result["tool_call_id"] == message["tool_calls"][0]["id"] == "call_0"


def test_bedrock_gets_its_signed_thoughts_back_when_it_called_a_tool(server: Server, upstream: RawUpstream) -> None:
    reply = b"".join(frame(payload, kind) for kind, payload in BEDROCK)
    sent = json.loads(sent_after(server, upstream, "bedrock", reply, "application/vnd.amazon.eventstream"))
    assert sent["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "I had better look.", "signature": "c2lnbmF0dXJl+/=="}}},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": "it"}}},
    ]
