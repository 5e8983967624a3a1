"""What all rerank formats share: the documents of a request as texts, and the answer in Cohere's form.

https://docs.cohere.com/reference/rerank
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.domain.amounts import read_usage
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import RERANK
from proxy.domain.usage import token_count
from proxy.errors import BadRequestError, InvalidProviderResponseError

# The gateway puts the documents into the answer, so every format has `return_documents`.
BASIC = frozenset({"top_n", "return_documents"})
# Members of the body that a format translates; others are the provider's own and go along.
TRANSLATED = RERANK.parameters | {"model", "query", "documents", "user", "stream"}


class Score(NamedTuple):
    """How relevant the document at `index` is."""

    index: Any
    relevance: Any


def read_documents(fields: Mapping[str, Any]) -> list[str]:
    """The documents as texts. Raise BadRequestError, naming the document, for an object without one."""
    return [_read_text(document, position) for position, document in enumerate(fields["documents"])]


def _read_text(document: Any, position: int) -> str:
    text = document.get("text") if isinstance(document, Mapping) else document
    if isinstance(text, str):
        return text
    raise BadRequestError(
        "This provider ranks texts: a document is a string, or an object with a text", param=f"documents[{position}]"
    )


def own_members(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The members that only the provider knows."""
    return {name: value for name, value in fields.items() if name not in TRANSLATED and value is not None}


class Facts(NamedTuple):
    """What a provider sends beside the scores, where it does: its id, Cohere's `meta`, the tokens that it counted."""

    answer_id: object = None
    meta: Mapping[str, Any] | None = None
    tokens: object = None


def build_answer(
    call: Call,
    deployment: Deployment,
    headers: Mapping[str, str],
    scores: Iterable[Score],
    facts: Facts = Facts(),  # noqa: B008  an immutable value
) -> Answer:
    """The answer in Cohere's form: the most relevant first, `top_n` of them, with the documents that were asked for."""
    ranked = sorted(_checked(call, deployment, scores), key=lambda score: -score.relevance)
    results = [_result(call, score) for score in ranked[: call.fields.get("top_n") or len(ranked)]]
    counted = token_count(facts.tokens)
    known = dict(facts.meta or {})
    if counted and "tokens" not in known:
        known["tokens"] = {"input_tokens": counted}
    given = facts.answer_id if isinstance(facts.answer_id, str) and facts.answer_id else _build_id(results, call)
    document = {"id": given, "results": results, "meta": known}
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    named = {"meta": known, **({"usage": usage} if counted else {})}
    return Answer(dumps(document), read_usage(call.fields, named, RERANK.amounts), deployment.label, headers)


def _checked(call: Call, deployment: Deployment, scores: Iterable[Score]) -> list[Score]:
    """The scores, each of a document that was sent. Raise InvalidProviderResponseError for anything else."""
    found = list(scores)
    count = len(call.fields["documents"])
    for score in found:
        index, relevance = score
        placed = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count
        if not placed or isinstance(relevance, bool) or not isinstance(relevance, int | float):
            raise InvalidProviderResponseError(
                f"{deployment.provider} answered without the scores of the documents", provider=deployment.provider
            )
    return found


def _result(call: Call, score: Score) -> dict[str, Any]:
    result = {"index": score.index, "relevance_score": score.relevance}
    if call.fields.get("return_documents"):
        document = call.fields["documents"][score.index]
        result["document"] = {"text": document} if isinstance(document, str) else document
    return result


def _build_id(results: Sequence[Mapping[str, Any]], call: Call) -> str:
    return "rerank-" + hashlib.sha256(dumps([call.id, results])).hexdigest()[:24]
