"""Tool call arguments through every translated format, both ways: integers digit for digit, surrogates, depth."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import Event
from proxy.errors import BadRequestError, InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.registry import PROVIDERS

NUMBERS = (2**64, -(2**63) - 1, 10**20 + 1, -(10**60) - 3, 18446744073709551615)
TOOL = {"type": "function", "function": {"name": "pay", "parameters": {"type": "object", "properties": {}}}}
DEEP = "[" * 300 + "]" * 300


class Format(NamedTuple):
    """A provider, and the text of an answer and of the events of a stream whose one tool call has the arguments ARGS."""

    provider: str
    model: str
    answer: str
    events: tuple[tuple[str, str], ...]
    connection: dict[str, Any]


_CLAUDE = (
    '{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"tool_use","id":"t","name":"pay","input":ARGS}],'
    '"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}'
)
_CLAUDE_EVENTS = (
    ("message_start", '{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}'),
    (
        "content_block_start",
        '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"pay","input":ARGS}}',
    ),
    ("content_block_stop", '{"type":"content_block_stop","index":0}'),
    ("message_delta", '{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}'),
    ("message_stop", '{"type":"message_stop"}'),
)
_GEMINI = (
    '{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"pay","args":ARGS}}]},"finishReason":"STOP"}],'
    '"usageMetadata":{"promptTokenCount":1}}'
)
_AWS = {"aws_region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
_VERTEX = {"vertex_project": "p", "vertex_location": "us-east1"}
FORMATS = [
    Format("anthropic", "claude-sonnet-4-5", _CLAUDE, _CLAUDE_EVENTS, {}),
    Format(
        "azure_ai",
        "claude-sonnet-4-5",
        _CLAUDE,
        _CLAUDE_EVENTS,
        {"api_base": "https://r.services.ai.azure.com/anthropic"},
    ),
    Format("vertex_ai", "claude-sonnet-4-5", _CLAUDE, _CLAUDE_EVENTS, _VERTEX),
    Format("gemini", "gemini-2.5-flash", _GEMINI, (("", _GEMINI),), {}),
    Format("vertex_ai", "gemini-2.5-flash", _GEMINI, (("", _GEMINI),), _VERTEX),
    Format(
        "bedrock",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        '{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"pay","input":ARGS}}]}},'
        '"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}',
        (),
        _AWS,
    ),
    Format(
        "ollama_chat",
        "llama3",
        '{"model":"llama3","message":{"role":"assistant","tool_calls":[{"function":{"name":"pay","arguments":ARGS}}]},"done":true}',
        (
            (
                "",
                '{"model":"llama3","message":{"role":"assistant","tool_calls":[{"function":{"name":"pay","arguments":ARGS}}]},'
                '"done":true}',
            ),
        ),
        {"api_base": "http://localhost:11434"},
    ),
]
IDS = [f"{each.provider}/{each.model}" for each in FORMATS]
EVERY_FORMAT = pytest.mark.parametrize("form", FORMATS, ids=IDS)
EVERY_STREAM = pytest.mark.parametrize(
    "form",
    [each for each in FORMATS if each.events],
    ids=[name for name, each in zip(IDS, FORMATS, strict=True) if each.events],
)
# These send arguments as text, and take them as text.
AS_TEXT = [Format("cohere_chat", "command-a-03-2025", "", (), {}), Format("groq", "llama-3.3-70b", "", (), {})]


def build_deployment(form: Format) -> Deployment:
    return Deployment("d", "group", form.provider, form.model, {"api_key": "k", "token": "t", **form.connection})


def build_call(arguments: object = "{}") -> Call:
    asked = {"id": "t", "type": "function", "function": {"name": "pay", "arguments": arguments}}
    messages = [
        {"role": "user", "content": "Pay."},
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "t", "content": "done"},
    ]
    return Call(
        "call-1", CHAT, "group", Document.of({"messages": messages, "tools": [TOOL]}), started_at=1_700_000_000.0
    )


def numbers_in(value: Any) -> Iterable[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from numbers_in(inner)


def sent_body(form: Format, arguments: object) -> str:
    wire = PROVIDERS[form.provider].build_request(build_call(arguments), build_deployment(form))
    return bytes(wire.body).decode()


def answered_arguments(form: Format, arguments: str) -> str:
    body = form.answer.replace("ARGS", arguments).encode()
    answer = PROVIDERS[form.provider].parse_response(body, {}, build_call(), build_deployment(form))
    called = json.loads(answer.body)["choices"][0]["message"]["tool_calls"][0]["function"]
    return str(called["arguments"])


def streamed_arguments(form: Format, arguments: str) -> str:
    decoder = PROVIDERS[form.provider].open_stream(build_call(), build_deployment(form))
    chunks = [
        chunk
        for name, data in form.events
        for chunk in decoder.feed(Event(data.replace("ARGS", arguments).encode(), name))
    ]
    deltas = [choice["delta"] for chunk in [*chunks, *decoder.finish()] for choice in json.loads(chunk.data)["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    return "".join(call["function"].get("arguments") or "" for call in calls)


@EVERY_FORMAT
def test_integers_keep_their_digits_on_the_way_to_the_provider(form: Format) -> None:
    for number in NUMBERS:
        for arguments in (f'{{"n":[{number}]}}', {"n": [number]}):
            assert number in set(numbers_in(json.loads(sent_body(form, arguments))))


@EVERY_FORMAT
def test_integers_keep_their_digits_on_the_way_back(form: Format) -> None:
    for number in NUMBERS:
        assert json.loads(answered_arguments(form, f'{{"n":[{number}]}}')) == {"n": [number]}


@EVERY_STREAM
def test_integers_keep_their_digits_in_a_stream(form: Format) -> None:
    for number in NUMBERS:
        assert json.loads(streamed_arguments(form, f'{{"n":[{number}]}}')) == {"n": [number]}


@pytest.mark.parametrize("form", AS_TEXT, ids=lambda form: form.provider)
def test_arguments_stay_the_text_that_they_are_when_the_provider_takes_text(form: Format) -> None:
    arguments = '{"n": [100000000000000000001, 1.0e2], "s": "\\ud83d"}'

    assert json.dumps(arguments) in sent_body(form, arguments)


@EVERY_FORMAT
def test_half_a_surrogate_pair_ends_no_call(form: Format) -> None:
    assert "\ufffd" in json.dumps(json.loads(sent_body(form, '{"s":"x\\ud83d"}')), ensure_ascii=False)
    assert json.loads(answered_arguments(form, '{"s":"x\\ude00"}')) == {"s": "x\ufffd"}
    if form.events:
        assert json.loads(streamed_arguments(form, '{"s":"x\\ud83d"}')) == {"s": "x\ufffd"}


@EVERY_FORMAT
@pytest.mark.parametrize("arguments", ["{", '{"a":' + DEEP + "}", "[1]", '{"n":' + "9" * 5000 + "}", "NaN"])
def test_arguments_that_cannot_be_sent_are_refused_with_their_place(form: Format, arguments: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        sent_body(form, arguments)
    assert str(caught.value.param).startswith("messages[1].tool_calls[0]")


@EVERY_FORMAT
def test_an_answer_too_deep_to_be_written_is_no_answer(form: Format) -> None:
    with pytest.raises(InvalidProviderResponseError):
        answered_arguments(form, '{"a":' + DEEP + "}")
    if form.events:
        with pytest.raises(TruncatedStreamError):
            streamed_arguments(form, '{"a":' + DEEP + "}")
