"""Embeddings: OpenAI's request as texts, vectors as OpenAI's answer, whichever of Google's methods is asked.

https://ai.google.dev/api/embeddings
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage, token_count
from proxy.errors import BadRequestError, InvalidProviderResponseError
from proxy.providers.gemini.errors import event_error
from proxy.providers.gemini.usage import parse_usage
from proxy.providers.translation.embeddings import pack_vector
from proxy.providers.translation.json_reading import find_object

# "At most 100 requests can be in one batch", says the API of more.
BATCH = 100
SUPPORTED = frozenset({"model", "input", "dimensions", "encoding_format"})
_KNOWN = SUPPORTED | {"task_type", "input_type", "title", "auto_truncate"}


def read_texts(fields: Mapping[str, Any]) -> list[str]:
    """The texts of `input`; Gemini has no tokens as input."""
    given = fields.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadRequestError("Gemini embeds a text or a list of texts, not tokens", param="input")
    return texts


def build_batch(fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The body of `batchEmbedContents`. Settings of Gemini's own go along."""
    settings = build_settings(fields)
    own = {name: value for name, value in fields.items() if name not in _KNOWN and value is not None}
    return {
        "requests": [
            {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **settings, **own}
            for text in read_texts(fields)
        ]
    }


def build_settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`taskType`, `title`, `outputDimensionality`."""
    settings = {
        "taskType": fields.get("task_type") or fields.get("input_type"),
        "title": fields.get("title"),
        "outputDimensionality": fields.get("dimensions"),
    }
    return {name: value for name, value in settings.items() if value is not None}


def parse_embeddings(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The answer of embedContent, batchEmbedContents or predict."""
    fields = find_object(body) or {}
    if fields.get("error"):
        raise event_error(body, deployment)
    rows = _rows(fields)
    if not rows or not all(_is_vector(row.get("values")) for row in rows):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without embeddings", provider=deployment.provider
        )
    usage = parse_usage(fields.get("usageMetadata")) or _counted(rows)
    encode = pack_vector if call.fields.get("encoding_format") == "base64" else list
    document = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": encode(row["values"])}
            for index, row in enumerate(rows)
        ],
        "model": deployment.label,
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens},
    }
    return Answer(dumps(document), usage, deployment.label, headers)


def _rows(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    predictions = fields.get("predictions")
    if isinstance(predictions, list):
        rows = [item.get("embeddings") if isinstance(item, Mapping) else None for item in predictions]
    else:
        rows = fields.get("embeddings") or [fields.get("embedding")]
    return [row if isinstance(row, Mapping) else {} for row in rows] if isinstance(rows, list) else []


def _counted(rows: Sequence[Mapping[str, Any]]) -> Usage:
    """`predict` counts each text; the Gemini API counts nothing."""
    statistics = [row["statistics"] for row in rows if isinstance(row.get("statistics"), Mapping)]
    counts = [found.get("token_count") or found.get("tokenCount") for found in statistics]
    tokens = sum(token_count(count) for count in counts)
    return Usage(prompt_tokens=tokens, total_tokens=tokens)


def _is_vector(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, int | float) for value in values)
