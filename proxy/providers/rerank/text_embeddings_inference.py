"""Rerank by Hugging Face's Text Embeddings Inference: texts in, a bare list of scores out.

https://huggingface.github.io/text-embeddings-inference/#/Text%20Embeddings%20Inference/rerank
"""

from collections.abc import Mapping

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.wire import WireRequest
from proxy.errors import ConfigurationError, InvalidProviderResponseError
from proxy.providers.compatible import huggingface
from proxy.providers.compatible.openai import build_headers
from proxy.providers.rerank.answer import BASIC, Score, build_answer, own_members, read_documents
from proxy.providers.translation.json_reading import mappings

SUPPORTED = BASIC


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """Raise ConfigurationError without an address: the router serves no rerankers."""
    if not deployment.api_base:
        raise ConfigurationError(
            f"{deployment.provider} needs an api_base for rerank: set litellm_params.api_base",
            provider=deployment.provider,
        )
    body = {**own_members(call.fields), "query": call.fields["query"], "texts": read_documents(call.fields)}
    base = deployment.api_base.removesuffix("/rerank").removesuffix("/v1")
    headers = build_headers(call, deployment, huggingface.ROW)
    return WireRequest(f"{base}/rerank", dumps(body), headers, guarded=deployment.guarded)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    try:
        ranked = loads(body)
    except ValueError:
        ranked = None
    if not isinstance(ranked, list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without a list of scores", provider=deployment.provider
        )
    scores = [Score(item.get("index"), item.get("score")) for item in mappings(ranked)]
    return build_answer(call, deployment, headers, scores)
