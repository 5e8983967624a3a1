"""Cohere's embeddings: https://docs.cohere.com/reference/embed"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.usage import token_count
from proxy.domain.wire import WireRequest
from proxy.errors import InvalidProviderResponseError
from proxy.providers.cohere.request import build_wire
from proxy.providers.cohere.response import read_reply
from proxy.providers.translation.embeddings import build_embeddings, read_inputs
from proxy.providers.translation.json_reading import mapping

# https://docs.cohere.com/reference/embed
BATCH = 96
SUPPORTED = frozenset({"model", "input", "dimensions", "encoding_format"})


def build_embed(call: Call, deployment: Deployment) -> WireRequest:
    """Inputs that are data URLs are images. What they are for (`input_type`) is a document's text by default."""
    fields = {name: value for name, value in call.fields.items() if value is not None}
    inputs = read_inputs(fields.get("input"))
    kind = "images" if all(text.startswith("data:image/") for text in inputs) else "texts"
    body: dict[str, Any] = {
        "model": deployment.model,
        kind: inputs,
        "input_type": "image" if kind == "images" else "search_document",
        "embedding_types": ["float"],
    }
    if "dimensions" in fields:
        body["output_dimension"] = fields["dimensions"]
    body.update({name: value for name, value in fields.items() if name not in SUPPORTED and name != "user"})
    return build_wire("embed", body, deployment)


def parse_embed(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The vectors by their type, or, from hosts with the first version, alone."""
    reply = read_reply(body, deployment, "embeddings", dict, list)
    found = reply["embeddings"]
    vectors = found.get("float") if isinstance(found, Mapping) else found
    if not isinstance(vectors, list) or not vectors or not all(isinstance(vector, list) for vector in vectors):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without embeddings", provider=deployment.provider
        )
    billed = mapping(mapping(reply.get("meta")).get("billed_units"))
    tokens = token_count(billed.get("input_tokens")) + token_count(billed.get("image_tokens"))
    return build_embeddings(call, deployment.label, vectors, tokens, headers)
