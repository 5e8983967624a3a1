"""Embeddings by InvokeModel: Titan's, Cohere's and Nova's own bodies.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html, .../titan-embed-mm.html,
.../model-parameters-embed.html and https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.errors import ConfigurationError, InvalidProviderResponseError
from proxy.providers.bedrock.models import answer_model, model_url, read_family
from proxy.providers.bedrock.request import build_headers
from proxy.providers.translation.content import bad_content, parse_data_url
from proxy.providers.translation.embeddings import build_embeddings, read_inputs
from proxy.providers.translation.json_reading import parse_object

SUPPORTED = frozenset({"model", "input", "dimensions", "encoding_format"})
_TOKEN_HEADER = "x-amzn-bedrock-input-token-count"  # noqa: S105


class Family(NamedTuple):
    """One family of embedding models. `batch` is the most inputs that a request takes."""

    prefixes: tuple[str, ...]
    build: Callable[[Sequence[str], Mapping[str, Any]], dict[str, Any]]
    batch: int = 1
    dimensions: bool = True


def build_embedding(call: Call, deployment: Deployment) -> WireRequest:
    """The InvokeModel request. Fields that OpenAI doesn't have go into the model's body."""
    family = _find(deployment)
    inputs = read_inputs(call.fields.get("input"))
    if len(inputs) > family.batch:
        raise bad_content(f"This model embeds at most {family.batch} input(s) a request", "input")
    body = family.build(inputs, call.fields)
    own = {name: value for name, value in call.fields.items() if name not in SUPPORTED}
    return WireRequest(
        url=model_url(deployment, "invoke"),
        headers=build_headers(deployment, "application/json"),
        body=dumps(body | own),
        guarded=deployment.guarded,
    )


def batch_size(deployment: Deployment) -> int:
    return _find(deployment).batch


def refused_dimensions(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """`dimensions`, where the model has but one size."""
    wrong = fields.get("dimensions") is not None and not _find(deployment).dimensions
    return frozenset({"dimensions"}) if wrong else frozenset()


def parse_embedding(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The vectors in any of the three forms; tokens from the body, else from the header."""
    reply = parse_object(body, deployment)
    vectors = _read_vectors(reply)
    if not vectors:
        raise InvalidProviderResponseError("Bedrock answered without an embedding", provider=deployment.provider)
    tokens = reply.get("inputTextTokenCount")
    if not isinstance(tokens, int):
        header = headers.get(_TOKEN_HEADER, "")
        tokens = int(header) if header.isdigit() else 0
    return build_embeddings(call, answer_model(deployment), vectors, tokens, headers)


def _titan_v1(inputs: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"inputText": inputs[0]}


def _titan_v2(inputs: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = fields.get("dimensions")
    return {"inputText": inputs[0], **({} if dimensions is None else {"dimensions": dimensions})}


def _titan_multimodal(inputs: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """An input that is a data URL is an image."""
    image = inputs[0].startswith("data:")
    body: dict[str, Any] = (
        {"inputImage": parse_data_url(inputs[0], "input").data} if image else {"inputText": inputs[0]}
    )
    if fields.get("dimensions") is not None:
        body["embeddingConfig"] = {"outputEmbeddingLength": fields["dimensions"]}
    return body


def _cohere(inputs: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    kind = "images" if all(text.startswith("data:") for text in inputs) else "texts"
    body: dict[str, Any] = {kind: list(inputs), "input_type": "image" if kind == "images" else "search_document"}
    if fields.get("dimensions") is not None:
        body["output_dimension"] = fields["dimensions"]
    return body


def _nova(inputs: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {
        "embeddingPurpose": "GENERIC_INDEX",
        "text": {"truncationMode": "NONE", "value": inputs[0]},
    }
    if fields.get("dimensions") is not None:
        params["embeddingDimension"] = fields["dimensions"]
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


# The first whose prefix fits.
_FAMILIES = (
    Family(("amazon.titan-embed-image",), _titan_multimodal),
    Family(("amazon.titan-embed-text-v1", "amazon.titan-embed-g1"), _titan_v1, dimensions=False),
    Family(("amazon.titan-embed",), _titan_v2),
    Family(("cohere.embed-v4",), _cohere, batch=96),
    Family(("cohere.embed",), _cohere, batch=96, dimensions=False),
    Family(("amazon.nova",), _nova),
)


def _find(deployment: Deployment) -> Family:
    model = read_family(deployment)
    found = next((family for family in _FAMILIES if model.starts(*family.prefixes)), None)
    if found is None:
        raise ConfigurationError(
            f"No embeddings are known for the Bedrock model {model.name!r}",
            status_code=400,
            provider=deployment.provider,
        )
    return found


def _read_vectors(reply: Mapping[str, Any]) -> list[list[float]]:
    single = reply.get("embedding")
    if isinstance(single, list):
        return [single]
    many = reply.get("embeddings")
    if isinstance(many, Mapping):
        many = many.get("float") or next(iter(many.values()), [])
    vectors = [
        one.get("embedding") if isinstance(one, Mapping) else one for one in (many if isinstance(many, list) else ())
    ]
    return [vector for vector in vectors if isinstance(vector, list)]
