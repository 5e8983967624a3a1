"""Embeddings in OpenAI's form, for formats of their own: what is to be embedded, and the vectors that came back."""

import base64
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.usage import Usage
from proxy.providers.content import bad_content


def read_inputs(fields: Mapping[str, Any]) -> list[str]:
    """The texts of `input`; a BadRequestError for token numbers, which only OpenAI's own models can read."""
    given = fields.get("input")
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not inputs or not all(isinstance(text, str) for text in inputs):
        raise bad_content("The input is neither a text nor a list of texts", "input")
    return inputs


def build_embeddings(
    vectors: Sequence[Sequence[float]], model: str, tokens: int, call: Call, headers: Mapping[str, str]
) -> Answer:
    """The answer, its vectors packed as base64 where the client asks for that (as OpenAI's SDK does by default)."""
    packed = call.fields.get("encoding_format") == "base64"
    document = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _pack(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Answer(orjson.dumps(document), Usage(prompt_tokens=tokens, total_tokens=tokens), model, headers)


def _pack(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats in base64."""
    values = array("f", vector)
    if sys.byteorder == "big":
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
