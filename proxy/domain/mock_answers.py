"""What the fake provider answers to each operation: pure functions of a request body and of how it is to behave."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

CREATED = 1_700_000_000
# The fake provider may run within the gateway's own process: a request must not make it take much of that.
_MOST_CHOICES = 16
_MOST_DIMENSIONS = 4096
_MOST_REPEATED = 4000
# https://docs.cohere.com/docs/how-does-cohere-pricing-work
_DOCUMENTS_PER_UNIT = 100


@dataclass(frozen=True)
class Behaviour:
    """How one answer is given; times in seconds. `chunks`: how many pieces a streamed reply is cut into (0: a word each).

    `created` is in Unix seconds.
    """

    reply: str | None = None
    status: int = 200
    headers: Mapping[str, str] | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    chunks: int = 0
    fault: str | None = None
    echo_request: bool = False
    code: str | None = None
    answer: Mapping[str, Any] | None = None
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    embedding: Sequence[float] | None = None
    usage: Mapping[str, int] | None = None
    created: int = CREATED


# A whole answer: JSON as a mapping, anything else as bytes.
MockBody = Callable[[Mapping[str, Any], Behaviour], Mapping[str, Any] | bytes]
# (members that all chunks share, text, finish reason, whether it is the first) -> a chunk.
MockChunk = Callable[[Mapping[str, Any], str | None, str | None, bool], dict[str, Any]]


def reply_text(body: Mapping[str, Any], behaviour: Behaviour) -> str:
    """The text of the reply: the one that was ordered, else one that repeats the prompt's last text."""
    if behaviour.reply is not None:
        return behaviour.reply
    messages = body.get("messages") or [{"content": body.get("prompt", "")}]
    content = messages[-1].get("content") if isinstance(messages[-1], dict) else ""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return f"This is Patchbay's built-in demo model. You said: {str(content)[:_MOST_REPEATED]}"


def count_usage(body: Mapping[str, Any], reply: str) -> dict[str, int]:
    """Four characters a token."""
    prompt = _tokens(orjson.dumps(body.get("messages") or body.get("prompt") or body.get("input") or "").decode())
    completion = _tokens(reply)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _tokens(text: str) -> int:
    return max(1, len(text) // 4)


def identity(prefix: str, body: Mapping[str, Any]) -> str:
    """The id of an answer: the same for the same body."""
    return f"{prefix}-{hashlib.sha256(orjson.dumps(body, default=str)).hexdigest()[:24]}"


def chat(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    reply = reply_text(body, behaviour)
    message: dict[str, Any] = {"role": "assistant", "content": reply, "refusal": None}
    finish = "stop"
    if behaviour.tool_calls:
        message, finish = {**message, "content": behaviour.reply, "tool_calls": behaviour.tool_calls}, "tool_calls"
    return {
        "id": identity("chatcmpl", body),
        "object": "chat.completion",
        "created": behaviour.created,
        "model": body.get("model"),
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": finish}
            for index in range(min(int(body.get("n") or 1), _MOST_CHOICES))
        ],
        "usage": behaviour.usage or count_usage(body, reply),
        "system_fingerprint": None,
    }


def text_completion(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    reply = reply_text(body, behaviour)
    return {
        "id": identity("cmpl", body),
        "object": "text_completion",
        "created": behaviour.created,
        "model": body.get("model"),
        "choices": [{"index": 0, "text": reply, "logprobs": None, "finish_reason": "stop"}],
        "usage": behaviour.usage or count_usage(body, reply),
    }


def embeddings(body: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    given = body.get("input")
    texts = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    size = min(int(body.get("dimensions") or 8), _MOST_DIMENSIONS)
    data = [
        {"object": "embedding", "index": index, "embedding": behaviour.embedding or _vector(text, size)}
        for index, text in enumerate(texts)
    ]
    usage = count_usage(body, "")
    return {
        "object": "list",
        "data": data,
        "model": body.get("model"),
        "usage": {"prompt_tokens": usage["prompt_tokens"], "total_tokens": usage["prompt_tokens"]},
    }


def _vector(text: Any, size: int) -> list[float]:
    digest = hashlib.sha256(orjson.dumps(text)).digest()
    return [round(digest[position % 32] / 127.5 - 1, 6) for position in range(size)]


def rerank(body: Mapping[str, Any], _: Behaviour) -> dict[str, Any]:
    """Documents that share words with the query come first."""
    documents = list(body.get("documents") or ())
    wanted = set(str(body.get("query", "")).lower().split())
    scores = [_overlap(wanted, document) for document in documents]
    order = sorted(range(len(documents)), key=lambda index: -scores[index])[: int(body.get("top_n") or len(documents))]
    results: list[dict[str, Any]] = [{"index": index, "relevance_score": scores[index]} for index in order]
    if body.get("return_documents"):
        results = [{**result, "document": _as_object(documents[result["index"]])} for result in results]
    units = max(1, -(-len(documents) // _DOCUMENTS_PER_UNIT))
    return {"id": identity("rerank", body), "results": results, "meta": {"billed_units": {"search_units": units}}}


def _as_object(document: Any) -> Any:
    return {"text": document} if isinstance(document, str) else document


def _overlap(wanted: set[str], document: Any) -> float:
    text = document.get("text", "") if isinstance(document, Mapping) else document
    found = wanted.intersection(str(text).lower().split())
    return round(len(found) / max(1, len(wanted)), 4)


_CATEGORIES = (
    "harassment harassment/threatening hate hate/threatening self-harm self-harm/instructions self-harm/intent "
    "sexual sexual/minors violence violence/graphic"
).split()


def moderations(body: Mapping[str, Any], _: Behaviour) -> dict[str, Any]:
    given = body.get("input")
    texts = given if isinstance(given, list) and given and isinstance(given[0], str) else [given]
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0),
    }
    return {
        "id": identity("modr", body),
        "model": body.get("model") or "mock-moderation",
        "results": [result] * len(texts),
    }


def chat_chunk(base: Mapping[str, Any], text: str | None, finish: str | None, first: bool) -> dict[str, Any]:
    delta: dict[str, Any] = {"role": "assistant", "content": ""} if first else {}
    if text is not None:
        delta["content"] = text
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**base, "object": "chat.completion.chunk", "choices": [choice]}


def text_chunk(base: Mapping[str, Any], text: str | None, finish: str | None, first: bool) -> dict[str, Any]:
    choice = {"index": 0, "text": text or "", "logprobs": None, "finish_reason": finish}
    return {**base, "object": "text_completion", "choices": [choice]}
