"""Servers that are careless with OpenAI's format: what their answers and streams become, for many providers at once."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.wire import Event
from proxy.errors import (
    APIConnectionError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ContentPolicyViolationError,
    GatewayError,
    InvalidProviderResponseError,
    PaymentRequiredError,
    RateLimitError,
    ServiceUnavailableError,
    TruncatedStreamError,
)
from proxy.providers.registry import PROVIDERS
from proxy.routing.retry import retryable
from proxy.transport.framing.framing import DECODERS
from tests.providers.recordings import build_call, build_deployment

# Rows and files of their own alike.
NAMES = ["openai", "azure", "azure_ai", "hosted_vllm", "openrouter", "groq", "mistral", "xai", "deepseek", "databricks"]
SSE = sorted(name for name, provider in PROVIDERS.items() if provider.framing.startswith("sse"))
FRAMED = sorted(name for name, provider in PROVIDERS.items() if provider.framing != "aws-eventstream")
CLAUDE = {"anthropic": "claude-haiku-4-5"}


@pytest.fixture(params=NAMES)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def chunk(*choices: Any, **more: Any) -> bytes:
    return json.dumps(
        {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    ).encode()


def delta(fields: Any, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


def calls(*items: Any) -> bytes:
    return chunk(delta({"tool_calls": list(items)}))


def call(arguments: Any = "", name: str = "", **more: Any) -> dict[str, Any]:
    return {**more, "function": {**({"name": name} if name else {}), "arguments": arguments}}


END = (chunk(delta({}, "tool_calls")), b"[DONE]")


def stream(name: str, *events: bytes) -> list[dict[str, Any]]:
    """The chunks that a client gets."""
    decoder = PROVIDERS[name].open_stream(
        build_call("chat", {"messages": [], "stream": True}), build_deployment(name, "m")
    )
    found = [made for data in events for made in decoder.feed(Event(data))]
    return [json.loads(made.data) for made in found + decoder.finish()]


def add_up(chunks: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The tool calls as OpenAI's own client adds them up: by index, texts after each other."""
    found: dict[int, dict[str, str]] = {}
    for each in chunks:
        for item in each["choices"][0]["delta"].get("tool_calls") or ():
            assert type(item["index"]) is int
            added = found.setdefault(item["index"], {"id": "", "name": "", "arguments": ""})
            added["id"] += item.get("id") or ""
            for member in ("name", "arguments"):
                added[member] += (item.get("function") or {}).get(member) or ""
    return [found[index] for index in sorted(found)]


TWO = [{"id": "a", "name": "f", "arguments": '{"x":1}'}, {"id": "b", "name": "g", "arguments": "{}"}]
FUNCTION = {"type": "function"}
WAYS: Mapping[str, list[bytes]] = {
    "as OpenAI": [
        calls(call("", "f", index=0, id="a", **FUNCTION)), calls(call('{"x":', index=0)), calls(call("1}", index=0)),
        calls(call("", "g", index=1, id="b", **FUNCTION)), calls(call("{}", index=1)),
    ],
    "without index": [calls(call('{"x":', "f", id="a")), calls(call("1}")), calls(call("{}", "g", id="b"))],
    "index null": [
        calls(call('{"x":', "f", id="a", index=None)),
        calls(call("1}", index=None)),
        calls(call("{}", "g", id="b", index=None)),
    ],
    "all index 0": [
        calls(call('{"x":', "f", index=0, id="a")),
        calls(call("1}", index=0)),
        calls(call("{}", "g", index=0, id="b")),
    ],
    "all index 0, later pieces too": [
        calls(call("", "f", index=0, id="a")), calls(call('{"x":', index=0)), calls(call("1}", index=0)),
        calls(call("", "g", index=0, id="b")), calls(call("{", index=0)), calls(call("}", index=0)),
    ],
    "index as text": [calls(call('{"x":1}', "f", index="0", id="a")), calls(call("{}", "g", index="1", id="b"))],
    "index far off": [calls(call('{"x":1}', "f", index=10**30, id="a")), calls(call("{}", "g", index=-1, id="b"))],
    "both in one delta": [calls(call('{"x":1}', "f", index=0, id="a"), call("{}", "g", index=0, id="b"))],
    "both in one delta without index": [calls(call('{"x":1}', "f", id="a"), call("{}", "g", id="b"))],
    "id again": [
        calls(call('{"x":', "f", index=0, id="a")), calls(call("1}", index=0, id="a")), calls(call("{}", "g", index=1, id="b")),
    ],
    "id and name again": [
        calls(call('{"x":', "f", index=0, id="a")), calls(call("1}", "f", index=0, id="a")),
        calls(call("{}", "g", index=1, id="b")),
    ],
    "id again without index": [calls(call('{"x":', "f", id="a")), calls(call("1}", id="a")), calls(call("{}", "g", id="b"))],
    "interleaved by id": [
        calls(call('{"x":', "f", id="a")), calls(call("{", "g", id="b")), calls(call("1}", id="a")), calls(call("}", id="b")),
    ],
    "each piece its own id": [
        calls(call('{"x":', "f", index=0, id="a")), calls(call("1}", index=0, id="p")), calls(call("{}", "g", index=1, id="b")),
    ],
    "arguments as objects": [calls(call({"x": 1}, "f", index=0, id="a")), calls(call({}, "g", index=1, id="b"))],
    "not a list": [chunk(delta({"tool_calls": call('{"x":1}', "f", id="a")})), calls(call("{}", "g", id="b"))],
    "nulls among them": [calls(None, call('{"x":1}', "f", index=0, id="a"), None), calls(call("{}", "g", index=1, id="b"))],
    "whole messages": [
        chunk({"index": 0, "message": {"tool_calls": [call('{"x":1}', "f", id="a"), call({}, "g", id="b")]}}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_calls_add_up_when_the_server_numbers_them_its_own_way(provider: str, way: str) -> None:
    chunks = stream(provider, *WAYS[way], *END)
    assert [{**found, "arguments": json.loads(found["arguments"])} for found in add_up(chunks)] == [
        {**expected, "arguments": json.loads(expected["arguments"])} for expected in TWO
    ]


def test_chunks_are_untouched_when_the_server_numbers_calls_as_openai_does() -> None:
    decoder = PROVIDERS["openai"].open_stream(build_call("chat", {}), build_deployment("openai", "m"))
    sent = [*WAYS["as OpenAI"], END[0]]
    assert [made.data for data in sent for made in decoder.feed(Event(data))] == sent


@pytest.mark.parametrize("wire", [{}, {"index": 0}])
def test_calls_have_ids_when_the_server_gives_none(provider: str, wire: dict[str, Any]) -> None:
    chunks = stream(provider, calls(call('{"x":1}', "f", **wire)), calls(call("{}", "g", **wire)), *END)
    found = add_up(chunks)
    assert [item["name"] for item in found] == ["f", "g"]
    assert len({item["id"] for item in found if item["id"]}) == 2
    assert chunks == stream(provider, calls(call('{"x":1}', "f", **wire)), calls(call("{}", "g", **wire)), *END)


def test_calls_of_each_choice_are_counted_apart_when_there_are_several() -> None:
    decoder = PROVIDERS["openai"].open_stream(
        build_call("chat", {"messages": [], "n": 2}), build_deployment("openai", "m")
    )
    both = [delta({"tool_calls": [call("{}", "f", id=f"call{index}")]}, "tool_calls", index) for index in (0, 1)]
    [made] = decoder.feed(Event(chunk(*both)))
    assert [choice["delta"]["tool_calls"][0]["index"] for choice in json.loads(made.data)["choices"]] == [0, 0]
    assert decoder.finish() == []


PIECES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None, "", 7]), st.sampled_from([None, 0, 1, 2, "1", -1, True]),
        st.sampled_from(["f", "g", "", None]), st.sampled_from(["", "{", "}", None, {"x": 1}]),
    ),
    max_size=8,
)  # fmt: skip


@given(pieces=PIECES)
def test_each_index_is_one_call_with_one_id_when_pieces_are_anything(pieces: list[Any]) -> None:
    items = [
        {"id": identifier, "index": index, "function": {"name": name, "arguments": arguments}}
        for identifier, index, name, arguments in pieces
    ]
    chunks = stream("openai", *[calls(item) for item in items], *END)
    ids = [
        (item["index"], item["id"])
        for each in chunks
        for item in each["choices"][0]["delta"].get("tool_calls", ())
        if item.get("id")
    ]
    assert len(ids) == len({index for index, _ in ids})
    assert [index for index, _ in sorted(ids)] == sorted({index for index, _ in ids})
    sent = {identifier for identifier, _, name, _ in pieces if identifier in ("a", "b", "c") and name}
    assert sent <= {identifier for _, identifier in ids}


@pytest.mark.parametrize(
    "choice",
    [
        {"index": 0, "finish_reason": None, "content_filter_results": {}},
        {"index": 0, "delta": None},
        {"index": 0, "delta": "x"},
        {"delta": {}},
    ],
)
def test_choice_has_a_delta_when_the_server_sends_none(provider: str, choice: dict[str, Any]) -> None:
    chunks = stream(provider, chunk(delta({"content": "a"})), chunk(choice), chunk(delta({"content": "b"}, "stop")))
    for each in chunks:
        [found] = each["choices"]
        assert type(found["delta"]) is dict
        assert found["index"] == 0
        assert "message" not in found
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks) == "ab"


@pytest.mark.parametrize("members", [{"choices": []}, {"choices": None}, {}])
def test_chunk_without_choices_is_not_shown_unless_it_has_usage(provider: str, members: dict[str, Any]) -> None:
    bare = json.dumps({"id": "x", "object": "", **members}).encode()
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    with_usage = json.dumps({"id": "x", **members, "usage": usage}).encode()
    chunks = stream(provider, bare, chunk(delta({"content": "a"}, "stop")), bare, with_usage)
    assert [len(each["choices"]) for each in chunks] == [1, 0]
    assert chunks[1]["usage"]["total_tokens"] == 2


def test_answer_is_a_chunk_when_a_stream_was_asked_for_and_a_whole_answer_came(provider: str) -> None:
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    framing = DECODERS["sse"]()
    [event] = [*framing.feed(json.dumps({**body, "choices": [choice]}, indent=1).encode()), *framing.finish()]
    [made] = stream(provider, event.data)
    assert made["object"] == "chat.completion.chunk"
    assert made["choices"][0]["delta"]["content"] == "hi"


def fail(name: str, *events: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        stream(name, *events)
    return failed.value


def fail_whole(name: str, body: Any) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        PROVIDERS[name].parse_response(
            json.dumps(body).encode(), {}, build_call("chat", {}), build_deployment(name, "m")
        )
    return failed.value


ERRORS: list[tuple[dict[str, Any], type[GatewayError]]] = [
    ({"error": {"message": "slow down", "code": 429}}, RateLimitError),
    ({"error": {"message": "slow down", "code": "429"}}, RateLimitError),
    ({"error": {"message": "slow down", "type": "rate_limit_error"}}, RateLimitError),
    ({"error": {"message": "slow down", "type": "RateLimitError"}}, RateLimitError),
    ({"error": {"message": "slow down", "status": 429}}, RateLimitError),
    ({"error": '{"code":429,"message":"slow down","type":"rate_limit"}'}, RateLimitError),
    ({"object": "error", "message": "slow down", "type": "TooManyRequests", "code": 429}, RateLimitError),
    ({"object": "error", "message": "slow down", "type": "BadRequestError"}, BadRequestError),
    ({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}, RateLimitError),
    ({"code": 503, "message": "slow down"}, ServiceUnavailableError),
    ({"status": 401, "message": "slow down"}, AuthenticationError),
    ({"detail": "slow down"}, APIConnectionError),
    ({"success": False, "message": "slow down"}, APIConnectionError),
    ({"base_resp": {"status_code": 1002, "status_msg": "slow down"}}, RateLimitError),
    ({"base_resp": {"status_code": 1008, "status_msg": "slow down"}, "choices": None}, PaymentRequiredError),
    ({"base_resp": {"status_code": 1027, "status_msg": "slow down"}}, ContentPolicyViolationError),
    (
        {"choices": [{"index": 0, "error": {"message": "slow down", "code": 429}, "finish_reason": "error"}]},
        RateLimitError,
    ),
    ({"choices": [{"index": 0, "error": {"message": "slow down"}, "message": {"content": ""}}]}, BadGatewayError),
    ({"choices": [{"index": 0, "error": "slow down", "delta": {"content": ""}}]}, BadGatewayError),
]


@pytest.mark.parametrize(("body", "kind"), ERRORS, ids=[json.dumps(body)[:60] for body, _ in ERRORS])
def test_error_keeps_class_and_message_when_it_comes_with_status_200(
    provider: str, body: dict[str, Any], kind: type[GatewayError]
) -> None:
    for error in (fail_whole(provider, body), fail(provider, json.dumps(body).encode())):
        assert type(error) is kind
        assert "slow down" in error.message


@pytest.mark.parametrize("reason", ["error", "failed", "network_error", "insufficient_system_resource", "abort"])
def test_finish_reason_that_means_a_failure_is_one_that_is_tried_again(provider: str, reason: str) -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": reason}]}
    text = {"index": 0, "text": "", "finish_reason": reason}
    for error in (
        fail_whole(provider, whole),
        fail(provider, chunk(delta({"content": ""}, reason))),
        fail(provider, chunk(text)),
    ):
        assert retryable(error, alternatives=False)
        assert isinstance(error, (BadGatewayError, ServiceUnavailableError))
        assert reason in error.message


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "function_call"])
def test_finish_reason_stays_when_it_is_openais(provider: str, reason: str) -> None:
    assert stream(provider, chunk(delta({"content": "a"}, reason)))[0]["choices"][0]["finish_reason"] == reason


def test_answer_stays_when_its_error_is_empty(provider: str) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop", "error": None}
    empties: tuple[Any, ...] = (None, {}, "", False)
    for empty in empties:
        body = json.dumps({"model": "m", "choices": [choice], "error": empty}).encode()
        PROVIDERS[provider].parse_response(body, {}, build_call("chat", {}), build_deployment(provider, "m"))
        assert stream(provider, chunk(delta({"content": "a"}, "stop"), error=empty))


@pytest.mark.parametrize("name", FRAMED)
@pytest.mark.parametrize("pretty", [None, 2])
def test_json_error_keeps_class_and_message_when_a_stream_was_asked_for(name: str, pretty: int | None) -> None:
    error = {"type": "rate_limit_error", "message": "slow down", "code": 429, "status": "RESOURCE_EXHAUSTED"}
    body = json.dumps({"type": "error", "error": error, "message": "slow down"}, indent=pretty).encode() + b"\n"
    if PROVIDERS[name].framing == "ndjson":
        body = json.dumps({"error": "slow down"}).encode() + b"\n"
    framing = DECODERS[PROVIDERS[name].framing]()
    model = CLAUDE.get(name, "m")
    decoder = PROVIDERS[name].open_stream(
        build_call("chat", {"messages": [], "stream": True}), build_deployment(name, model)
    )
    with pytest.raises(GatewayError, match="slow down") as failed:
        for event in [*framing.feed(body[:7]), *framing.feed(body[7:]), *framing.finish()]:
            decoder.feed(event)
    assert isinstance(failed.value, RateLimitError) or PROVIDERS[name].framing == "ndjson"


def test_error_line_is_an_error_when_it_stands_bare_in_a_stream() -> None:
    framing = DECODERS["sse"]()
    body = b"data: " + chunk(delta({"content": "a"})) + b'\n\n{"error": {"message": "slow down", "code": 429}}\n'
    events = [event.data for event in [*framing.feed(body), *framing.finish()]]
    assert isinstance(fail("hosted_vllm", *events), RateLimitError)


def whole(name: str, message: Mapping[str, Any], finish: str = "tool_calls") -> dict[str, Any]:
    body = {"id": "x", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    raw = json.dumps(body).encode()
    read = PROVIDERS[name].parse_response(raw, {}, build_call("chat", {}), build_deployment(name, "m"))
    answer: dict[str, Any] = json.loads(read.body)
    return answer


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"x": 1}, '{"x":1}'), ({}, "{}"), (None, "{}"), ("", "{}"), ('{"x": 1.50}', '{"x": 1.50}'),
     ({"wei": 100000000000000000001}, '{"wei":100000000000000000001}')],
)  # fmt: skip
def test_arguments_are_text_when_the_server_sends_something_else(provider: str, arguments: Any, text: str) -> None:
    answer = whole(
        provider, {"role": "assistant", "content": None, "tool_calls": [call(arguments, "f", id="a", **FUNCTION)]}
    )
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == text


def test_call_has_id_and_type_when_the_server_leaves_them_out(provider: str) -> None:
    found = whole(provider, {"tool_calls": [call("{}", "f"), call("{}", "g", id=7)]})["choices"][0]["message"][
        "tool_calls"
    ]
    assert [item["type"] for item in found] == ["function", "function"]
    assert found[0]["id"].startswith("call_")
    assert found[1]["id"] == "7"


def test_finish_reason_is_named_when_it_is_an_empty_text(provider: str) -> None:
    assert whole(provider, {"tool_calls": [call("{}", "f", id="a")]}, "")["choices"][0]["finish_reason"] == "tool_calls"
    chunks = stream(provider, calls(call("{}", "f", id="a", index=0)), chunk(delta({}, "")), b"[DONE]")
    assert [each["choices"][0]["finish_reason"] for each in chunks][-1] == "tool_calls"


def test_stream_is_cut_when_an_empty_finish_reason_is_not_its_end(provider: str) -> None:
    assert isinstance(fail(provider, chunk(delta({"content": "a"}, ""))), TruncatedStreamError)


def test_stream_is_no_answer_when_its_calls_have_no_end() -> None:
    many = [calls(*[call("", "f", id=f"{turn}-{number}") for number in range(100)]) for turn in range(11)]
    assert isinstance(fail("openai", *many), InvalidProviderResponseError)


@pytest.mark.parametrize(
    "more", [{"message": "ok", "code": 0}, {"status": "success", "msg": "fine"}, {"detail": "none"}]
)
def test_embeddings_are_an_answer_when_words_stand_beside_them(more: dict[str, Any]) -> None:
    body = {"object": "list", "model": "m", "data": [{"index": 0, "embedding": [0.5]}], **more}
    call_for = build_call("embeddings", {"input": "x"})
    read = PROVIDERS["hosted_vllm"].parse_response(
        json.dumps(body).encode(), {}, call_for, build_deployment("hosted_vllm", "m")
    )
    assert json.loads(read.body)["data"] == body["data"]
