"""Embeddings in OpenAI's form, for formats that are translated.

https://platform.openai.com/docs/api-reference/embeddings/object
"""

import base64
import struct
from collections.abc import Mapping, Sequence

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.usage import Usage
from proxy.errors import BadRequestError, InvalidProviderResponseError
from proxy.providers.translation.content import bad_content

# OpenAI's own limit: https://platform.openai.com/docs/api-reference/embeddings/create#embeddings-create-input
MOST_INPUTS = 2048


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
            {"object": "embedding", "index": index, "embedding": pack_vector(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
    }
    usage = Usage(prompt_tokens=prompt_tokens, total_tokens=prompt_tokens)
    return Answer(dumps(document), usage, model, headers)


def split_inputs(call: Call, size: int) -> list[Call]:
    """The call as calls of at most `size` texts each; a single one as it is. Raise BadRequestError for too many texts."""
    inputs = call.fields.get("input")
    if not isinstance(inputs, list) or len(inputs) <= size or not isinstance(inputs[0], str):
        return [call]
    if len(inputs) > MOST_INPUTS:
        raise BadRequestError(f"An embeddings call takes at most {MOST_INPUTS} texts.", param="input")
    parts = [inputs[start : start + size] for start in range(0, len(inputs), size)]
    return [call.asking(call.model, call.document.edit({"input": part})) for part in parts]


def join_answers(answers: Sequence[Answer]) -> Answer:
    """The answers to the parts of one call as one, in their order. `provider_seconds` is their sum."""
    first = answers[0]
    if len(answers) == 1:
        return first
    documents = [loads(answer.body) for answer in answers]
    items = [item for document in documents for item in document["data"]]
    tokens = sum(answer.usage.prompt_tokens for answer in answers if answer.usage)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    data = [{**item, "index": index} for index, item in enumerate(items)]
    body = dumps({**documents[0], "data": data, "usage": usage})
    seconds = sum(answer.provider_seconds for answer in answers)
    return Answer(body, Usage(tokens, 0, tokens), first.model, first.headers, first.dropped, seconds)


def pack_vector(vector: Sequence[float]) -> str:
    """Base64 of 32-bit floats. Raise InvalidProviderResponseError for anything but numbers in their range."""
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError):
        raise InvalidProviderResponseError("The provider's embedding is not a list of numbers") from None
