"""Where requests for Gemini go, and with which key."""

import json
import struct
from base64 import b64decode
from typing import Any

import pytest

from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError, InvalidProviderResponseError
from proxy.providers.registry import PROVIDERS
from tests.providers.gemini.exchange import answer_to, build_call, build_deployment


def request_for(
    model: str = "gemini-2.5-flash", fields: dict[str, Any] | None = None, **connection: Any
) -> WireRequest:
    return PROVIDERS["gemini"].build_request(build_call(fields or {}), build_deployment(model, **connection))


def test_key_is_in_a_header_when_a_request_is_built() -> None:
    request = request_for(fields={"stream": True})
    assert request.headers["x-goog-api-key"] == "test-key"
    assert request.headers["accept"] == "text/event-stream"
    assert request.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    )


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/v1beta/models/m:generateContent"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1beta/models/m:generateContent"),
        ("http://127.0.0.1:9/v1beta", "http://127.0.0.1:9/v1beta/models/m:generateContent"),
        ("https://proxy.example/google/v1", "https://proxy.example/google/v1/models/m:generateContent"),
        ("https://proxy.example/google", "https://proxy.example/google/models/m:generateContent"),
    ],
)
def test_version_is_added_when_the_base_is_a_bare_host(base: str, expected: str) -> None:
    assert request_for("m", api_base=base).url == expected


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:"),
        ("tunedModels/mine-1", "/v1beta/tunedModels/mine-1:"),
        ("../../secret?x=#", "/v1beta/models/..%2F..%2Fsecret%3Fx%3D%23:"),
    ],
)
def test_name_stays_in_its_segment_when_it_is_odd(model: str, path: str) -> None:
    assert f"googleapis.com{path}generateContent" in request_for(model).url


def test_texts_are_a_batch_when_embeddings_are_asked_for() -> None:
    fields = {"input": ["one", "two"], "dimensions": 8, "task_type": "RETRIEVAL_QUERY", "encoding_format": "float"}
    request = request_for("gemini-embedding-001", fields)
    assert request.url.endswith("/models/gemini-embedding-001:batchEmbedContents")
    assert json.loads(request.body) == {
        "requests": [
            {
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_QUERY",
                "outputDimensionality": 8,
            }
            for text in ("one", "two")
        ]
    }


@pytest.mark.parametrize("given", [None, [], [1, 2], [["a"]], {"text": "a"}])
def test_error_names_the_input_when_it_is_no_text(given: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        request_for(fields={"input": given})
    assert caught.value.param == "input"


def test_vectors_are_openais_when_google_answers() -> None:
    answer = answer_to({"embeddings": [{"values": [0.5, 1]}, {"values": [0.25, 0]}]}, input=["a", "b"])
    assert [item["embedding"] for item in answer["data"]] == [[0.5, 1], [0.25, 0]]
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


def test_vector_is_base64_when_the_client_wants_it_so() -> None:
    answer = answer_to({"embedding": {"values": [0.5, 1]}}, input="a", encoding_format="base64")
    assert struct.unpack("<2f", b64decode(answer["data"][0]["embedding"])) == (0.5, 1.0)


@pytest.mark.parametrize("answer", [{}, {"embeddings": []}, {"embeddings": [{}]}, {"embedding": {"values": ["a"]}}])
def test_error_is_a_bad_gateway_when_vectors_are_missing(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidProviderResponseError):
        answer_to(answer, input="a")
