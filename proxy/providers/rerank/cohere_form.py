"""Rerank in Cohere's form, and in that of the providers that copy it with other names: a row each."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import RERANK
from proxy.domain.wire import WireRequest
from proxy.errors import InvalidProviderResponseError
from proxy.providers.azure import foundry
from proxy.providers.cohere.request import BASE_URL as COHERE_URL
from proxy.providers.compatible.openai import Compatible, build_headers, find_base, name_model
from proxy.providers.compatible.rows import ROWS as COMPATIBLE_ROWS
from proxy.providers.contract import Form
from proxy.providers.rerank.answer import BASIC, Facts, Score, build_answer, own_members, read_documents
from proxy.providers.translation.json_reading import mapping, mappings, parse_object


@dataclass(frozen=True)
class Reranker:
    """A provider whose request has Cohere's members.

    provider: its address and key. rename: its names of them. more: the parameters that it takes beside `top_n`.
    documents: what it gets of them; texts, unless it takes objects. url, headers: where its address is not below the
    base URL, or its key is not in the usual header. results: the member of an answer that holds the scores.
    """

    provider: Compatible
    rename: Mapping[str, str] = field(default_factory=dict)
    more: frozenset[str] = frozenset()
    documents: Callable[[Mapping[str, Any]], list[Any]] = read_documents
    url: Callable[[Call, Deployment, str], str] | None = None
    headers: Callable[[Call, Deployment, str], dict[str, str]] | None = None
    results: str = "results"


def build_form(name: str, row: Reranker) -> Form:
    build = partial(build_request, name=name, row=row)
    return Form(RERANK, build, partial(parse_response, row=row), BASIC | row.more)


def build_request(call: Call, deployment: Deployment, name: str, row: Reranker) -> WireRequest:
    """Raise BadRequestError, naming the document, for one that is no text where the provider takes nothing else."""
    fields, provider = call.fields, row.provider
    body = {
        **own_members(fields),
        "model": name_model(deployment.model, provider),
        "query": fields["query"],
        "documents": row.documents(fields),
    }
    for parameter in ("top_n", *sorted(row.more)):
        if fields.get(parameter) is not None:
            body[row.rename.get(parameter, parameter)] = fields[parameter]
    base = find_base(deployment, name, provider.base_url)
    url = row.url(call, deployment, base) if row.url else _join(base)
    headers = row.headers(call, deployment, base) if row.headers else build_headers(call, deployment, provider)
    return WireRequest(url, dumps(body), headers, guarded=deployment.guarded)


def parse_response(
    body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment, row: Reranker
) -> Answer:
    reply = parse_object(body, deployment)
    if not isinstance(reply.get(row.results), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without '{row.results}'", provider=deployment.provider
        )
    usage, meta = mapping(reply.get("usage")), mapping(reply.get("meta"))
    tokens = usage.get("prompt_tokens") or usage.get("total_tokens") or mapping(meta.get("tokens")).get("input_tokens")
    scores = _read_scores(reply[row.results])
    return build_answer(call, deployment, headers, scores, Facts(reply.get("id"), meta, tokens))


def _read_scores(results: Any) -> Iterator[Score]:
    for result in mappings(results):
        yield Score(result.get("index"), result.get("relevance_score", result.get("score")))


_PATH = re.compile(r"/rerank/?$")


def _join(base: str) -> str:
    return base if _PATH.search(base) else f"{base}/rerank"


_COHERE_VERSION = re.compile(r"(/v[12])?(/(chat|embed|rerank))?$")
_FIRST_VERSION = ("rank_fields", "max_chunks_per_doc")


def _cohere_url(call: Call, deployment: Deployment, base: str) -> str:
    """The second version, but for what only the first has.

    https://docs.cohere.com/docs/rerank-overview and https://docs.cohere.com/v1/reference/rerank
    """
    return f"{_COHERE_VERSION.sub('', base)}/{'v1' if _needs_first(call.fields) else 'v2'}/rerank"


def _needs_first(fields: Mapping[str, Any]) -> bool:
    return any(fields.get(name) is not None for name in _FIRST_VERSION) or any(
        isinstance(document, Mapping) and "text" not in document for document in fields["documents"]
    )


def _cohere_documents(fields: Mapping[str, Any]) -> list[Any]:
    """The second version ranks texts only."""
    return _keep_documents(fields) if _needs_first(fields) else read_documents(fields)


def _keep_documents(fields: Mapping[str, Any]) -> list[Any]:
    documents: list[Any] = fields["documents"]
    return documents


def _azure_url(call: Call, deployment: Deployment, base: str) -> str:
    """Resources serve Cohere's models below `/providers/cohere`; a model that has its own host serves its own paths.

    https://learn.microsoft.com/azure/ai-foundry/how-to/deploy-models-cohere-rerank
    """
    base = base.partition("?")[0].rstrip("/").removesuffix("/models")
    if _PATH.search(base):
        return base
    if foundry.is_resource(base):
        return f"{base.removesuffix('/providers/cohere/v2')}/providers/cohere/v2/rerank"
    return f"{base}/rerank" if re.search(r"/v[12]$", base) else f"{base}/v1/rerank"


_ALL = RERANK.parameters - BASIC
_COHERE = Compatible(COHERE_URL)

# Sources: https://docs.cohere.com/reference/rerank, https://api.jina.ai/redoc, https://docs.voyageai.com/reference/reranker-api,
# https://docs.together.ai/reference/rerank-1, https://docs.fireworks.ai/api-reference/rerank-documents,
# https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api, https://github.com/michaelfeil/infinity,
# https://vercel.com/docs/ai-gateway/sdks-and-apis/cohere-rerank, https://inference.readthedocs.io/en/latest/models/model_abilities/rerank.html
ROWS: Mapping[str, Reranker] = {
    "azure_ai": Reranker(
        foundry.ROW, more=frozenset({"max_tokens_per_doc"}), url=_azure_url, headers=foundry.build_key_headers
    ),
    "cohere": Reranker(_COHERE, more=_ALL, documents=_cohere_documents, url=_cohere_url),
    "fireworks_ai": Reranker(COMPATIBLE_ROWS["fireworks_ai"], results="data"),
    "hosted_vllm": Reranker(COMPATIBLE_ROWS["hosted_vllm"]),
    "infinity": Reranker(COMPATIBLE_ROWS["infinity"]),
    "jina_ai": Reranker(COMPATIBLE_ROWS["jina_ai"]),
    "litellm_proxy": Reranker(COMPATIBLE_ROWS["litellm_proxy"], more=_ALL, documents=_keep_documents),
    "mock": Reranker(COMPATIBLE_ROWS["mock"], more=_ALL, documents=_keep_documents),
    "together_ai": Reranker(COMPATIBLE_ROWS["together_ai"], more=frozenset({"rank_fields"}), documents=_keep_documents),
    "vercel_ai_gateway": Reranker(COMPATIBLE_ROWS["vercel_ai_gateway"]),
    "voyage": Reranker(COMPATIBLE_ROWS["voyage"], rename={"top_n": "top_k"}, results="data"),
    "xinference": Reranker(COMPATIBLE_ROWS["xinference"]),
}
