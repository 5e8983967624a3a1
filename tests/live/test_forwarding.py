"""Where client and provider speak one dialect, bytes go through: only the model's name is another."""

import hashlib
import http.client
import re
from collections.abc import Iterator

import pytest

from tests.live.raw_upstream import RawUpstream, Reply
from tests.live.servers import Server, gateway

# Numbers that a parser would spell otherwise or lose, members that nobody knows, names twice and in no order.
ODD = (
    b'"temperature":1.0,"zz":1e2,"a":12345678901234567890123,"tiny":1.0e-7,"minus":-0.0,"deep":{"z":[1.50,{"y":null}],"b":true},'
    b'"escaped":"\\u00e9\\/\\ud83d\\ude00","plain":"\xc3\xa9","seed":9007199254740993'
)
QUESTION = b'"messages":[{"role":"user","content":"\\u2713 caf\xc3\xa9","weight":1.00}]'
CHOICES = b'"choices":[{"index":0,"message":{"role":"assistant","content":"\\u00e9","odd":1.0},"finish_reason":"stop"}]'
DELTA = b'"choices":[{"index":0,"delta":{"content":"\\u00e9","odd":1.0},"finish_reason":"stop"}]'

# What the gateway adds to a whole answer, at its end.
ADDED = re.compile(rb',"_response_ms":[\d.]+}$')


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawUpstream]:
    with RawUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def server(upstream: RawUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    places = {"openai": "gpt-4o", "groq": "llama-3.3-70b-versatile", "xai": "grok-4"}
    models = [
        {"model_name": name, "litellm_params": {"model": f"{name}/{model}", "api_key": "k", "api_base": upstream.url}}
        for name, model in places.items()
    ]
    with gateway({"model_list": models}, tmp_path_factory.mktemp("forwarding")) as running:
        yield running


def post(server: Server, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    answer = connection.getresponse().read()
    connection.close()
    return answer


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", b"gpt-4o"), ("groq", b"llama-3.3-70b-versatile"), ("xai", b"grok-4")],
)
def test_request_is_the_clients_own_but_for_the_model(
    server: Server, upstream: RawUpstream, provider: str, model: bytes
) -> None:
    upstream.reply = Reply([b'{"id":"1",' + CHOICES + b"}"])
    post(server, b'{"model":"' + provider.encode() + b'",' + QUESTION + b"," + ODD + b"}")
    head = b'{"model":"' + model + b'",'
    sent = upstream.bodies[-1]
    assert sent.startswith(head)
    assert digest(sent[len(head) :]) == digest(QUESTION + b"," + ODD + b"}")


def test_answer_is_the_providers_own_when_nothing_must_change(server: Server, upstream: RawUpstream) -> None:
    reply = b'{ "id" : "1",' + CHOICES + b',"model":"gpt-4o-2024",' + ODD + b' ,"usage":{"prompt_tokens":1,"x":2.0}}'
    upstream.reply = Reply([reply])
    answer = post(server, b'{"model":"openai",' + QUESTION + b"}")
    assert digest(ADDED.sub(b"}", answer)) == digest(reply)


def test_answer_differs_in_its_model_only_when_that_has_a_prefix(server: Server, upstream: RawUpstream) -> None:
    tail = b'",' + ODD + b"," + CHOICES + b"}"
    upstream.reply = Reply([b'{"model":"llama3' + tail])
    answer = post(server, b'{"model":"groq",' + QUESTION + b"}")
    assert digest(ADDED.sub(b"}", answer)) == digest(b'{"model":"groq/llama3' + tail)


def test_chunks_are_the_providers_own_when_nothing_must_change(server: Server, upstream: RawUpstream) -> None:
    chunk = b'{"id":"1", "object":"chat.completion.chunk",' + DELTA + b',"model":"gpt-4o-2024",' + ODD + b"}"
    upstream.reply = Reply([b"data: " + chunk + b"\n\ndata: [DONE]\n\n"], "text/event-stream")
    answer = post(server, b'{"model":"openai","stream":true,' + QUESTION + b"}")
    assert digest(answer) == digest(b"data: " + chunk + b"\n\ndata: [DONE]\n\n")
