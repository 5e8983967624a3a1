"""Embeddings on Vertex AI: `predict` for the text models, `embedContent` for the newer ones of Gemini's.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from proxy.providers.gemini.embeddings import build_settings, read_texts
from proxy.providers.vertex_ai.place import Resource


class Embedding(NamedTuple):
    resource: Resource
    body: dict[str, Any]


def build_embedding(fields: Mapping[str, Any], model: str) -> Embedding:
    """`gemini-embedding-001` takes one text by `predict`; several, and the later ones, go to embedContent."""
    texts = read_texts(fields)
    path = f"publishers/google/models/{quote(model.removeprefix('google/'), safe='@')}"
    if "gemini" not in model or (len(texts) == 1 and "gemini-embedding-001" in model):
        return Embedding(Resource(path, ":predict"), _predict(texts, fields))
    settings = {**build_settings(fields), **_truncate(fields)}
    requests = [{"content": {"parts": [{"text": text}]}} for text in texts]
    with_settings = [{**request, "embedContentConfig": settings} if settings else request for request in requests]
    if len(texts) == 1:
        return Embedding(Resource(path, ":embedContent"), with_settings[0])
    return Embedding(Resource(path, ":batchEmbedContents", "v1beta1"), {"requests": with_settings})


def _predict(texts: list[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    settings = build_settings(fields)
    named = {"task_type": settings.get("taskType"), "title": settings.get("title")}
    more = {name: value for name, value in named.items() if value is not None}
    parameters = {name: settings[name] for name in ("outputDimensionality",) if name in settings} | _truncate(fields)
    body: dict[str, Any] = {"instances": [{"content": text, **more} for text in texts]}
    return {**body, "parameters": parameters} if parameters else body


def _truncate(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"autoTruncate": fields["auto_truncate"]} if fields.get("auto_truncate") is not None else {}
