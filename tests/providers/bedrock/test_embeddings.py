"""Embeddings by InvokeModel."""

import base64
import json
import struct
from typing import Any

import pytest

from proxy.domain.operations import EMBEDDINGS
from proxy.errors import (
    BadRequestError,
    InvalidProviderResponseError,
    UnsupportedParamsError,
)
from proxy.providers.bedrock import PROVIDER
from proxy.providers.parameters import fit
from tests.providers.bedrock.asking import PNG, call, deployment


def embed(model: str, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(PROVIDER.build_request(call(EMBEDDINGS, **fields), deployment(model)).body)
    return body


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("amazon.titan-embed-text-v1", {"input": "a"}, {"inputText": "a"}),
        (
            "amazon.titan-embed-text-v2:0",
            {"input": ["a"], "dimensions": 256, "normalize": True},
            {"inputText": "a", "dimensions": 256, "normalize": True},
        ),
        (
            "amazon.titan-embed-image-v1",
            {"input": f"data:image/png;base64,{PNG}", "dimensions": 384},
            {"inputImage": PNG, "embeddingConfig": {"outputEmbeddingLength": 384}},
        ),
        ("cohere.embed-english-v3", {"input": ["a", "b"]}, {"texts": ["a", "b"], "input_type": "search_document"}),
        (
            "us.cohere.embed-v4:0",
            {"input": "a", "dimensions": 512, "input_type": "search_query"},
            {"texts": ["a"], "input_type": "search_query", "output_dimension": 512},
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {"input": "a", "dimensions": 256},
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "text": {"truncationMode": "NONE", "value": "a"},
                    "embeddingDimension": 256,
                },
            },
        ),
    ],
)
def test_embedding_request_is_the_models_own(model: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert embed(model, **fields) == expected


@pytest.mark.parametrize(
    ("body", "headers", "vectors", "tokens"),
    [
        ({"embedding": [0.5, 1.0], "inputTextTokenCount": 4}, {}, [[0.5, 1.0]], 4),
        ({"embeddings": [[0.5], [1.0]]}, {"x-amzn-bedrock-input-token-count": "6"}, [[0.5], [1.0]], 6),
        ({"embeddings": {"float": [[0.5]]}, "response_type": "embeddings_by_type"}, {}, [[0.5]], 0),
        ({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5]}]}, {}, [[0.5]], 0),
    ],
)
def test_embedding_answer_is_read_in_each_form(body: Any, headers: dict[str, str], vectors: Any, tokens: int) -> None:
    asked = call(EMBEDDINGS, input="a")
    answer = PROVIDER.parse_response(
        json.dumps(body).encode(), headers, asked, deployment("amazon.titan-embed-text-v2:0")
    )
    parsed = json.loads(answer.body)
    assert [one["embedding"] for one in parsed["data"]] == vectors
    assert parsed["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_embedding_is_packed_when_the_client_wants_base64() -> None:
    asked = call(EMBEDDINGS, input="a", encoding_format="base64")
    answer = PROVIDER.parse_response(b'{"embedding":[0.5,1]}', {}, asked, deployment("amazon.titan-embed-text-v2:0"))
    packed = json.loads(answer.body)["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(packed)) == (0.5, 1.0)


@pytest.mark.parametrize("value", [["a", "b"], [], None, [1, 2], {}])
def test_bad_request_when_the_input_is_not_one_that_titan_takes(value: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        embed("amazon.titan-embed-text-v2:0", input=value)
    assert (caught.value.param or "").startswith("input")


def test_dimensions_are_named_when_the_model_has_one_size() -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        fit(call(EMBEDDINGS, input="a", dimensions=3), deployment("amazon.titan-embed-text-v1"), PROVIDER)
    assert caught.value.param == "dimensions"


@pytest.mark.parametrize(
    "body", [b"{}", b'{"embeddings":[]}', b'{"embeddings":{"float":"x"}}', b"oops", b'{"embeddings":[1]}']
)
def test_invalid_response_when_there_is_no_embedding(body: bytes) -> None:
    with pytest.raises(InvalidProviderResponseError):
        PROVIDER.parse_response(body, {}, call(EMBEDDINGS, input="a"), deployment("cohere.embed-english-v3"))
