"""Rerank on Bedrock: the Rerank action of its agents' runtime, for Amazon's and Cohere's models.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.aws import read_model, service_host
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError
from proxy.providers.bedrock.request import build_headers
from proxy.providers.rerank.answer import BASIC, Score, build_answer, own_members
from proxy.providers.translation.json_reading import mappings, parse_object

SUPPORTED = BASIC
_MOST_DOCUMENTS = 1000


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """Members of the client's own go to the model beside the request. Raise BadRequestError for too many documents."""
    fields, model = call.fields, read_model(deployment)
    if len(fields["documents"]) > _MOST_DOCUMENTS:
        raise BadRequestError(f"Bedrock ranks at most {_MOST_DOCUMENTS} documents.", param="documents")
    configuration: dict[str, Any] = {"modelArn": _build_arn(model.model_id, model.region)}
    own = own_members(fields)
    if own:
        configuration["additionalModelRequestFields"] = own
    ranking = {
        "modelConfiguration": configuration,
        "numberOfResults": min(fields.get("top_n") or len(fields["documents"]), len(fields["documents"])),
    }
    body = {
        "queries": [{"type": "TEXT", "textQuery": {"text": fields["query"]}}],
        "sources": [_build_source(document) for document in fields["documents"]],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": ranking,
        },
    }
    url = f"{_find_base(deployment, model.region)}/rerank"
    headers = build_headers(deployment, "application/json")
    return WireRequest(url, dumps(body), headers, guarded=deployment.guarded)


def _build_source(document: Any) -> dict[str, Any]:
    """Objects with more than a text are ranked as JSON."""
    text = document if isinstance(document, str) else document.get("text") if len(document) == 1 else None
    if isinstance(text, str):
        return {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
    return {"type": "INLINE", "inlineDocumentSource": {"type": "JSON", "jsonDocument": document}}


def _build_arn(model_id: str, region: str) -> str:
    if model_id.startswith("arn:"):
        return model_id
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:bedrock:{region}::foundation-model/{model_id}"


def _find_base(deployment: Deployment, region: str) -> str:
    """Another host than that of the models."""
    return deployment.api_base or f"https://{service_host('bedrock-agent-runtime', region)}"


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    results = mappings(parse_object(body, deployment).get("results"))
    scores = [Score(result.get("index"), result.get("relevanceScore")) for result in results]
    return build_answer(call, deployment, headers, scores)
