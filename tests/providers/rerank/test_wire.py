"""Rerank on the wire: what each provider is asked, and its answer in Cohere's form."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from proxy.domain.deployment import Deployment
from proxy.domain.operations import RERANK
from proxy.domain.usage import Amount
from proxy.errors import BadRequestError, ConfigurationError, InvalidProviderResponseError
from proxy.providers.registry import PROVIDERS
from tests.providers.recordings import build_call

DOCUMENTS = ["Berlin", {"text": "Paris"}, "Rome"]
TEXTS = ["Berlin", "Paris", "Rome"]
ASKED = {"model": "group", "query": "capital of France", "documents": DOCUMENTS, "top_n": 2}
AWS = {
    "aws_access_key_id": "AKID",
    "aws_secret_access_key": "secret",
    "aws_region_name": "eu-central-1",
    "api_key": None,
}
SCORES = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.4}]


class Wire(NamedTuple):
    """One provider's request and answer. `body` is what must be in the request beside the query's own spelling."""

    provider: str
    model: str
    url: str
    body: Mapping[str, Any]
    reply: Any
    tokens: int = 0
    units: float = 1
    connection: Mapping[str, Any] = {}


def cohere(model: str, documents: Any = TEXTS, **more: Any) -> dict[str, Any]:
    return {"model": model, "query": "capital of France", "documents": documents, "top_n": 2, **more}


LOCAL = {"api_base": "http://localhost:8080"}
WIRES = (
    Wire(
        "cohere", "rerank-v3.5", "https://api.cohere.com/v2/rerank", cohere("rerank-v3.5"),
        {"id": "abc", "results": SCORES, "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 3}}},
        units=3,
    ),
    Wire(
        "jina_ai", "jina-reranker-v2", "https://api.jina.ai/v1/rerank", cohere("jina-reranker-v2"),
        {"model": "jina-reranker-v2", "usage": {"total_tokens": 15, "prompt_tokens": 15}, "results": SCORES}, tokens=15,
    ),
    Wire(
        "voyage", "rerank-2.5", "https://api.voyageai.com/v1/rerank",
        {"model": "rerank-2.5", "query": "capital of France", "documents": TEXTS, "top_k": 2},
        {"object": "list", "data": SCORES, "model": "rerank-2.5", "usage": {"total_tokens": 26}}, tokens=26,
    ),
    Wire(
        "together_ai", "Salesforce/Llama-Rank-V1", "https://api.together.ai/v1/rerank",
        cohere("Salesforce/Llama-Rank-V1", DOCUMENTS),
        {"object": "rerank", "id": "9dfa1a09-ebc2-4a40-970f-586cb8f4ae47", "model": "salesforce/turboranker-0.8-3778-6328",
         "results": SCORES, "usage": {"prompt_tokens": 1837, "completion_tokens": 0, "total_tokens": 1837}}, tokens=1837,
    ),
    Wire(
        "fireworks_ai", "qwen3-reranker-8b", "https://api.fireworks.ai/inference/v1/rerank",
        cohere("accounts/fireworks/models/qwen3-reranker-8b"),
        {"object": "list", "model": "m", "data": SCORES, "usage": {"prompt_tokens": 7, "total_tokens": 7}}, tokens=7,
    ),
    Wire(
        "azure_ai", "Cohere-rerank-v4.0-pro", "https://res.services.ai.azure.com/providers/cohere/v2/rerank",
        cohere("Cohere-rerank-v4.0-pro"),
        {"id": "abc", "results": SCORES, "meta": {"billed_units": {"search_units": 1}}},
        connection={"api_base": "https://res.services.ai.azure.com/models"},
    ),
    Wire(
        "azure_ai", "rerank", "https://rerank.eastus.models.ai.azure.com/v1/rerank", cohere("rerank"),
        {"id": "abc", "results": SCORES}, connection={"api_base": "https://rerank.eastus.models.ai.azure.com"},
    ),
    Wire(
        "infinity", "bge", "http://localhost:8080/rerank", cohere("bge"),
        {"object": "rerank", "id": "1", "model": "bge", "results": SCORES, "usage": {"prompt_tokens": 5, "total_tokens": 5}},
        tokens=5, connection=LOCAL,
    ),
    Wire(
        "hosted_vllm", "bge", "http://localhost:8080/v1/rerank", cohere("bge"),
        {"id": "rerank-1", "model": "bge", "usage": {"total_tokens": 56}, "results": SCORES},
        tokens=56, connection={"api_base": "http://localhost:8080/v1"},
    ),
    Wire(
        "litellm_proxy", "group", "http://localhost:8080/rerank", cohere("group", DOCUMENTS),
        {"id": "1", "results": SCORES, "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 4}}},
        tokens=4, connection=LOCAL,
    ),
    Wire(
        "vercel_ai_gateway", "cohere/rerank-v3.5", "https://ai-gateway.vercel.sh/v1/rerank", cohere("cohere/rerank-v3.5"),
        {"id": "1", "results": SCORES},
    ),
    Wire(
        "xinference", "bge", "http://127.0.0.1:9997/v1/rerank", cohere("bge"),
        {"id": "1", "results": [{"index": 1, "relevance_score": 0.9, "document": None}, SCORES[1]]},
    ),
    Wire(
        "bedrock", "cohere.rerank-v3-5:0", "https://bedrock-agent-runtime.eu-central-1.amazonaws.com/rerank",
        {
            "queries": [{"type": "TEXT", "textQuery": {"text": "capital of France"}}],
            "sources": [
                {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}} for text in TEXTS
            ],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "modelConfiguration": {
                        "modelArn": "arn:aws:bedrock:eu-central-1::foundation-model/cohere.rerank-v3-5:0"
                    },
                    "numberOfResults": 2,
                },
            },
        },
        {"results": [{"index": 1, "relevanceScore": 0.9}, {"index": 0, "relevanceScore": 0.4}]}, connection=AWS,
    ),
    Wire(
        "vertex_ai", "semantic-ranker-default-004",
        "https://discoveryengine.googleapis.com/v1/projects/project/locations/global/rankingConfigs/default_ranking_config:rank",
        {
            "model": "semantic-ranker-default-004", "query": "capital of France", "topN": 2,
            "ignoreRecordDetailsInResponse": True,
            "records": [{"id": str(index), "content": text} for index, text in enumerate(TEXTS)],
        },
        {"records": [{"id": "1", "score": 0.9}, {"id": "0", "score": 0.4}]}, connection={"vertex_project": "project"},
    ),
    Wire(
        "nvidia_nim", "nvidia/llama-3.2-nv-rerankqa-1b-v2",
        "https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
        {
            "model": "nvidia/llama-3.2-nv-rerankqa-1b-v2", "query": {"text": "capital of France"},
            "passages": [{"text": text} for text in TEXTS],
        },
        {"rankings": [{"index": 1, "logit": 0.9}, {"index": 0, "logit": 0.4}, {"index": 2, "logit": -8.5}],
         "usage": {"prompt_tokens": 33, "total_tokens": 33}}, tokens=33,
    ),
    Wire(
        "nvidia_nim", "ranking/nvidia/x", "http://localhost:8080/v1/ranking",
        {
            "model": "nvidia/x", "query": {"text": "capital of France"}, "passages": [{"text": text} for text in TEXTS],
        },
        {"rankings": [{"index": 1, "logit": 0.9}, {"index": 0, "logit": 0.4}]},
        connection={"api_base": "http://localhost:8080/v1"},
    ),
    Wire(
        "huggingface", "BAAI/bge-reranker-large", "http://localhost:8080/rerank",
        {"query": "capital of France", "texts": TEXTS},
        [{"index": 0, "score": 0.4}, {"index": 1, "score": 0.9}, {"index": 2, "score": 0.1}], connection=LOCAL,
    ),
    Wire(
        "deepinfra", "Qwen/Qwen3-Reranker-8B", "https://api.deepinfra.com/v1/inference/Qwen/Qwen3-Reranker-8B",
        {"queries": ["capital of France"] * 3, "documents": TEXTS},
        {"scores": [0.4, 0.9, 0.1], "input_tokens": 42, "request_id": "R7X"}, tokens=42,
    ),
)  # fmt: skip
every_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: f"{wire.provider}-{wire.model}")


def deployment_of(wire: Wire) -> Deployment:
    connection = {"api_key": "test-key", **wire.connection}
    return Deployment("1", "group", wire.provider, wire.model, {k: v for k, v in connection.items() if v is not None})


def parse(wire: Wire, reply: Any, **fields: Any) -> Any:
    form = PROVIDERS[wire.provider].form_for(RERANK)
    return form.parse_response(
        json.dumps(reply).encode(), {}, build_call("rerank", {**ASKED, **fields}), deployment_of(wire)
    )


@every_wire
def test_provider_is_asked_in_its_own_form(wire: Wire) -> None:
    form = PROVIDERS[wire.provider].form_for(RERANK)
    request = form.build_request(build_call("rerank", ASKED), deployment_of(wire))
    assert (request.url, json.loads(bytes(request.body))) == (wire.url, wire.body)


@every_wire
def test_answer_is_in_coheres_form(wire: Wire) -> None:
    answer = parse(wire, wire.reply)
    body = json.loads(answer.body)
    assert body["results"] == SCORES
    assert isinstance(body["id"], str) and body["id"]
    assert answer.usage.prompt_tokens == wire.tokens
    assert answer.usage.amounts == (Amount("query", wire.units),)
    assert body["meta"].get("tokens", {}).get("input_tokens", 0) == wire.tokens


@every_wire
def test_documents_are_in_the_answer_when_they_are_asked_for(wire: Wire) -> None:
    body = json.loads(parse(wire, wire.reply, return_documents=True).body)
    assert [result["document"] for result in body["results"]] == [{"text": "Paris"}, {"text": "Berlin"}]


def misplace(reply: Any, index: Any) -> Any:
    """The reply with a wrong index in its first row; without a score where only the place is an index."""
    if "scores" in reply:
        return {**reply, "scores": [None, *reply["scores"]]}
    names = [name for name in ("results", "data", "rankings", "records") if name in reply]
    rows = reply[names[0]] if names else reply
    rows[0]["id" if names == ["records"] else "index"] = index
    return reply


@every_wire
@pytest.mark.parametrize("index", [3, -1, True, 1.5, None])
def test_answer_is_invalid_when_it_scores_what_was_not_sent(wire: Wire, index: Any) -> None:
    with pytest.raises(InvalidProviderResponseError):
        parse(wire, misplace(json.loads(json.dumps(wire.reply)), index))


def ask(provider: str, fields: Mapping[str, Any], **connection: Any) -> Any:
    deployment = Deployment("1", "group", provider, "m", {"api_key": "k", **connection})
    return PROVIDERS[provider].form_for(RERANK).build_request(build_call("rerank", {**ASKED, **fields}), deployment)


@pytest.mark.parametrize(
    "more", [{"rank_fields": ["title"]}, {"max_chunks_per_doc": 3}, {"documents": [{"title": "a"}]}]
)
def test_cohere_is_asked_in_its_first_version_when_only_that_has_the_word(more: Mapping[str, Any]) -> None:
    request = ask("cohere", more)
    assert request.url == "https://api.cohere.com/v1/rerank"
    assert json.loads(request.body)["documents"] == {**ASKED, **more}["documents"]


@pytest.mark.parametrize("provider", ["jina_ai", "voyage", "fireworks_ai", "deepinfra", "nvidia_nim"])
def test_document_is_named_when_a_provider_ranks_only_texts(provider: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask(provider, {"documents": ["a", {"title": "b"}]})
    assert caught.value.param == "documents[1]"


def test_object_is_ranked_as_json_when_bedrock_is_asked() -> None:
    request = ask("bedrock", {"documents": [{"title": "a", "text": "b"}]}, **AWS)
    source = json.loads(request.body)["sources"][0]["inlineDocumentSource"]
    assert source == {"type": "JSON", "jsonDocument": {"title": "a", "text": "b"}}


def test_own_members_go_along_when_only_the_provider_knows_them() -> None:
    assert json.loads(ask("voyage", {"truncation": False}).body)["truncation"] is False
    assert json.loads(ask("nvidia_nim", {"truncate": "END"}).body)["truncate"] == "END"


def test_configuration_is_wrong_when_tei_has_no_address() -> None:
    with pytest.raises(ConfigurationError):
        ask("huggingface", {})


@pytest.mark.parametrize(("provider", "most"), [("bedrock", 1000), ("vertex_ai", 200)])
def test_documents_are_named_when_there_are_more_than_a_provider_ranks(provider: str, most: int) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask(provider, {"documents": ["a"] * (most + 1)}, vertex_project="project")
    assert caught.value.param == "documents"
