"""Rerank on DeepInfra: each model at its own address, a query for each document, bare scores as the answer.

https://deepinfra.com/docs/advanced/rerank and https://deepinfra.com/Qwen/Qwen3-Reranker-8B/api
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import build_headers, find_base
from proxy.providers.compatible.rows import ROWS
from proxy.providers.rerank.answer import BASIC, Facts, Score, build_answer, own_members, read_documents
from proxy.providers.translation.json_reading import listed, parse_object

SUPPORTED = BASIC
_ROW = ROWS["deepinfra"]
_PATH = re.compile(r"/(openai|inference)(/.*)?$")


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    documents = read_documents(call.fields)
    body = {**own_members(call.fields), "queries": [call.fields["query"]] * len(documents), "documents": documents}
    base = _PATH.sub("", find_base(deployment, deployment.provider, _ROW.base_url))
    url = f"{base}/inference/{quote(deployment.model, safe='/')}"
    return WireRequest(url, dumps(body), build_headers(call, deployment, _ROW), guarded=deployment.guarded)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    reply = parse_object(body, deployment)
    scores = [Score(index, score) for index, score in enumerate(listed(reply.get("scores")))]
    return build_answer(
        call, deployment, headers, scores, Facts(reply.get("request_id"), tokens=reply.get("input_tokens"))
    )
