"""Rerank on Vertex AI: the ranking API of its search, which ranks records.

https://cloud.google.com/generative-ai-app-builder/docs/ranking
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError
from proxy.providers.compatible.openai import JSON_HEADERS
from proxy.providers.rerank.answer import BASIC, Score, build_answer, own_members
from proxy.providers.translation.json_reading import mappings, parse_object
from proxy.providers.vertex_ai.place import key_headers, read_project

SUPPORTED = BASIC
_HOST = "https://discoveryengine.googleapis.com"
_MOST_DOCUMENTS = 200


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """Raise BadRequestError, naming the document, for one without a title and a text, and for too many."""
    fields = call.fields
    if len(fields["documents"]) > _MOST_DOCUMENTS:
        raise BadRequestError(f"Vertex AI ranks at most {_MOST_DOCUMENTS} documents.", param="documents")
    body = {
        **own_members(fields),
        "model": deployment.model,
        "query": fields["query"],
        "records": [_build_record(document, position) for position, document in enumerate(fields["documents"])],
        "ignoreRecordDetailsInResponse": True,
    }
    if fields.get("top_n") is not None:
        body["topN"] = fields["top_n"]
    base = (deployment.api_base or _HOST).removesuffix("/v1")
    path = f"projects/{read_project(deployment)}/locations/global/rankingConfigs/default_ranking_config:rank"
    headers = {**JSON_HEADERS, **key_headers(deployment.api_key)}
    return WireRequest(f"{base}/v1/{path}", dumps(body), headers, guarded=deployment.guarded)


def _build_record(document: Any, position: int) -> dict[str, str]:
    if isinstance(document, str):
        return {"id": str(position), "content": document}
    content, title = document.get("text"), document.get("title")
    named = {"title": title, "content": content}
    found = {name: value for name, value in named.items() if isinstance(value, str)}
    if not found:
        raise BadRequestError("A document has a text or a title", param=f"documents[{position}]")
    return {"id": str(position), **found}


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    records = mappings(parse_object(body, deployment).get("records"))
    return build_answer(call, deployment, headers, [Score(_read(record), record.get("score")) for record in records])


def _read(record: Mapping[str, Any]) -> object:
    identifier = record.get("id")
    return int(identifier) if isinstance(identifier, str) and identifier.isdecimal() else None
