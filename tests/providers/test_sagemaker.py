"""SageMaker endpoints: addresses, errors in errors, and streams in streams."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import Event
from proxy.errors import (
    BadGatewayError,
    ContextWindowExceededError,
    GatewayError,
    RateLimitError,
    ServiceUnavailableError,
    TruncatedStreamError,
)
from proxy.providers.sagemaker import PROVIDER

HELLO = [{"role": "user", "content": "hello"}]


def deployment(model: str = "my-endpoint", **connection: Any) -> Deployment:
    return Deployment("1", "group", "sagemaker_chat", model, {"aws_region_name": "eu-west-1", **connection})


def call(**fields: Any) -> Call:
    body = json.dumps({"model": "group", "messages": HELLO, **fields}).encode()
    return Call("call-1", CHAT, "group", Document.parse(body), stream=bool(fields.get("stream")))


@pytest.mark.parametrize(
    ("deployed", "stream", "url"),
    [
        (deployment(), False, "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-endpoint/invocations"),
        (
            deployment("us-east-2/other"),
            True,
            "https://runtime.sagemaker.us-east-2.amazonaws.com/endpoints/other/invocations-response-stream",
        ),
        (deployment(api_base="http://127.0.0.1:1/"), False, "http://127.0.0.1:1/endpoints/my-endpoint/invocations"),
        (deployment(sagemaker_base_url="http://127.0.0.1:1/x"), False, "http://127.0.0.1:1/x"),
    ],
)
def test_url_names_the_endpoint(deployed: Deployment, stream: bool, url: str) -> None:
    assert PROVIDER.build_request(call(stream=stream), deployed).url == url


def test_body_is_openais_when_it_is_sent() -> None:
    body = json.loads(PROVIDER.build_request(call(top_k=3), deployment()).body)
    assert body == {"model": "my-endpoint", "messages": HELLO, "top_k": 3}


@pytest.mark.parametrize(
    ("original", "message", "expected"),
    [
        (400, '{"error":"Input is too long","error_type":"validation"}', ContextWindowExceededError),
        (429, "slow down", RateLimitError),
    ],
)
def test_error_is_the_containers_when_the_model_failed(
    original: int, message: str, expected: type[GatewayError]
) -> None:
    body = json.dumps({"Message": "failed", "OriginalStatusCode": original, "OriginalMessage": message}).encode()
    assert type(PROVIDER.parse_error(424, body, {}, deployment())) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [(424, b"{}", BadGatewayError), (424, b"<x>", BadGatewayError), (500, b'{"Message":"x"}', ServiceUnavailableError)],
)
def test_error_is_sagemakers_when_the_container_said_nothing(
    status: int, body: bytes, expected: type[GatewayError]
) -> None:
    assert type(PROVIDER.parse_error(status, body, {}, deployment())) is expected


def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": choices}).encode() + b"\n\n"


STREAM = chunk({"content": "é"}) + chunk({"content": "b"}) + chunk({}, "stop") + b"data: [DONE]\n\n"


def run(pieces: list[bytes]) -> list[dict[str, Any]]:
    decoder = PROVIDER.open_stream(call(stream=True), deployment())
    chunks = [one for piece in pieces for one in decoder.feed(Event(piece, "PayloadPart"))]
    return [json.loads(one.data) for one in [*chunks, *decoder.finish()]]


@given(st.lists(st.integers(min_value=1, max_value=60), max_size=20))
def test_chunks_are_the_same_when_the_payload_is_cut_anywhere(cuts: list[int]) -> None:
    raw, pieces = STREAM, []
    for size in cuts:
        pieces.append(raw[:size])
        raw = raw[size:]
    found = run([*pieces, raw])
    assert [one["choices"][0]["delta"] for one in found] == [{"content": "é"}, {"content": "b"}, {}]
    assert found[0]["model"] == "sagemaker_chat/m"


def test_truncated_stream_when_nothing_has_finished() -> None:
    with pytest.raises(TruncatedStreamError):
        run([chunk({"content": "a"})])


@pytest.mark.parametrize("name", ["ModelStreamError", "InternalStreamFailure"])
def test_error_is_raised_when_a_frame_brings_one(name: str) -> None:
    decoder = PROVIDER.open_stream(call(stream=True), deployment())
    with pytest.raises(GatewayError, match="broken"):
        decoder.feed(Event(b'{"Message":"broken"}', name))
