"""Rerank on NVIDIA NIM: passages in, rankings with logits out.

https://docs.api.nvidia.com/nim/reference/nvidia-llama-3_2-nv-rerankqa-1b-v2-infer for the hosted models,
https://docs.nvidia.com/nim/nemo-retriever/text-reranking/latest/using-reranking.html for one's own
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import build_headers
from proxy.providers.compatible.rows import ROWS
from proxy.providers.rerank.answer import BASIC, Facts, Score, build_answer, own_members, read_documents
from proxy.providers.translation.json_reading import mapping, mappings, parse_object

SUPPORTED = BASIC
_ROW = ROWS["nvidia_nim"]
_HOSTED = "https://ai.api.nvidia.com/v1/retrieval"
# LiteLLM's way to ask for the path of one's own server.
_RANKING = "ranking/"
_PATH = re.compile(r"(/v1)?(/ranking)?$")


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    model = deployment.model.removeprefix(_RANKING)
    body = {
        **own_members(call.fields),
        "model": model,
        "query": {"text": call.fields["query"]},
        "passages": [{"text": text} for text in read_documents(call.fields)],
    }
    headers = build_headers(call, deployment, _ROW)
    return WireRequest(_build_url(deployment, model), dumps(body), headers, guarded=deployment.guarded)


def _build_url(deployment: Deployment, model: str) -> str:
    """Hosted models have an address each, in which a dot is an underscore."""
    if deployment.api_base and "/retrieval" not in deployment.api_base:
        return f"{_PATH.sub('', deployment.api_base)}/v1/ranking"
    if deployment.api_base and deployment.api_base.endswith("/reranking"):
        return deployment.api_base
    return f"{deployment.api_base or _HOSTED}/{quote(model.replace('.', '_'), safe='/')}/reranking"


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    reply = parse_object(body, deployment)
    scores = [Score(ranking.get("index"), ranking.get("logit")) for ranking in mappings(reply.get("rankings"))]
    return build_answer(
        call, deployment, headers, scores, Facts(tokens=mapping(reply.get("usage")).get("prompt_tokens"))
    )
