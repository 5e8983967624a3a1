"""Embeddings in OpenAI's form, for formats that are translated.

https://platform.openai.com/docs/api-reference/embeddings/object
"""

import base64
import struct
from collections.abc import Mapping, Sequence

import orjson

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.usage import Usage
from proxy.errors import BadRequestError, InvalidProviderResponseError
from proxy.providers.content import bad_content


def read_inputs(value: object) -> list[str]:
    """The texts to embed: the `input` of a request, which may be one. Raise BadRequestError for tokens and the like."""
    inputs = [value] if isinstance(value, str) else value
    if not isinstance(inputs, list) or not inputs:
        raise bad_content("The input is neither text nor a list of texts", "input")
    for index, text in enumerate(inputs):
        if not isinstance(text, str):
            raise BadRequestError("This provider embeds texts, not tokens", param=f"input[{index}]")
    return inputs


def build_embeddings(
    call: Call, model: str, vectors: Sequence[Sequence[float]], prompt_tokens: int, headers: Mapping[str, str]
) -> Answer:
    """The answer; each vector as base64 of 32-bit floats where the client asked for that, as OpenAI's SDK does."""
    packed = call.fields.get("encoding_format") == "base64"
    document = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _pack(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
    }
    usage = Usage(prompt_tokens=prompt_tokens, total_tokens=prompt_tokens)
    return Answer(orjson.dumps(document), usage, model, headers)


def _pack(vector: Sequence[float]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except struct.error:
        raise InvalidProviderResponseError("The provider's embedding is not a list of numbers") from None
