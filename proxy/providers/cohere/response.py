"""Cohere's answers as chat completions, and the pieces that a stream shares with them."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage, token_count
from proxy.errors import BadGatewayError, GatewayError, GatewayTimeoutError, InvalidProviderResponseError
from proxy.providers.translation.chunks import Completion, created_at
from proxy.providers.translation.errors import build_error, error_from_event
from proxy.providers.translation.json_reading import find_object, listed, mapping, text_of

_FINISH_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
    "TOOL_CALL": "tool_calls",
}
_FAILURES: Mapping[str, type[GatewayError]] = {"ERROR": BadGatewayError, "TIMEOUT": GatewayTimeoutError}
# 498 is Cohere's own number for a key that is not one.
_STATUSES = {498: 401}


def parse_chat(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """Raise InvalidProviderResponseError for what is no answer, and the error for one that failed."""
    reply = read_reply(body, deployment, "message", dict)
    message = reply["message"]
    finish = finish_reason(reply.get("finish_reason"), deployment)
    return Completion(
        str(reply.get("id") or f"chatcmpl-{call.id}"),
        created_at(call),
        deployment.label,
        _build_message(message, call),
        finish,
        usage=parse_usage(reply.get("usage")),
        logprobs=parse_logprobs(reply.get("logprobs")),
    ).to_answer(headers)


def read_reply(body: bytes, deployment: Deployment, member: str, *forms: type) -> Mapping[str, Any]:
    """The object that was sent; its `member` is of one of the forms. An error that came with 200 is raised."""
    reply = find_object(body)
    if reply is not None and isinstance(reply.get(member), forms):
        return reply
    if reply is not None and isinstance(reply.get("message"), str):
        raise error_from_event(body, deployment)
    raise InvalidProviderResponseError(
        f"{deployment.provider} answered with something that is not an answer", provider=deployment.provider
    )


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return build_error(_STATUSES.get(status, status), body, headers, deployment)


def finish_reason(reason: object, deployment: Deployment, message: object = None) -> str:
    """OpenAI's word; raise for an answer that broke off, with Cohere's `message` if there is one."""
    word = reason if isinstance(reason, str) else ""
    failure = _FAILURES.get(word)
    if failure is not None:
        reason_text = message if isinstance(message, str) and message else f"the answer ended with {word}"
        raise failure(f"{failure.__name__}: {deployment.provider} - {reason_text}", provider=deployment.provider)
    return _FINISH_REASONS.get(word, "stop")


def parse_usage(usage: object) -> Usage:
    """What the model read and wrote; where that is missing, the billed units."""
    found = mapping(usage)
    counts = mapping(found.get("tokens")) or mapping(found.get("billed_units"))
    prompt, completion = token_count(counts.get("input_tokens")), token_count(counts.get("output_tokens"))
    cached = min(token_count(found.get("cached_tokens")), prompt)
    return Usage(prompt, completion, prompt + completion, cached_tokens=cached)


def parse_logprobs(items: object) -> dict[str, Any] | None:
    """OpenAI's form. Cohere's items are pieces of text of one or more tokens; a piece's probability is their product."""
    if not isinstance(items, list) or not items:
        return None
    content = [
        {"token": text, "logprob": sum(logprobs), "bytes": list(text.encode()), "top_logprobs": []}
        for text, logprobs in (_logprob(mapping(item)) for item in items)
    ]
    return {"content": content, "refusal": None}


def _logprob(item: Mapping[str, Any]) -> tuple[str, list[float]]:
    values = item.get("logprobs")
    numbers = [value for value in values if isinstance(value, int | float)] if isinstance(values, list) else []
    return str(item.get("text") or ""), numbers


def _build_message(message: Mapping[str, Any], call: Call) -> dict[str, Any]:
    parts = [part for part in listed(message.get("content")) if isinstance(part, Mapping)]
    calls = [mapping(each) for each in listed(message.get("tool_calls"))]
    text = "".join(text_of(part.get("text")) for part in parts)
    thoughts, plan = "".join(text_of(part.get("thinking")) for part in parts), text_of(message.get("tool_plan"))
    built: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if thoughts or plan:
        built["reasoning_content"] = thoughts or plan
    if calls:
        built["tool_calls"] = [
            {"id": call_id(each, call, index), "type": "function", "function": build_function(each)}
            for index, each in enumerate(calls)
        ]
    return {**built, **specific_fields(listed(message.get("citations")), plan)}


def call_id(tool_call: Mapping[str, Any], call: Call, index: int) -> str:
    return str(tool_call.get("id") or f"call_{call.id}_{index}")


def build_function(tool_call: Mapping[str, Any]) -> dict[str, Any]:
    function = mapping(tool_call.get("function"))
    return {"name": function.get("name"), "arguments": function.get("arguments") or "{}"}


def specific_fields(citations: Sequence[Any], plan: str = "") -> dict[str, Any]:
    """What OpenAI's message has no place for, under `provider_specific_fields`; and `annotations` for cited pages."""
    specific = {**({"citations": citations} if citations else {}), **({"tool_plan": plan} if plan else {})}
    fields: dict[str, Any] = {"provider_specific_fields": specific} if specific else {}
    annotations = [annotation for citation in citations for annotation in _annotations(mapping(citation))]
    return {**fields, "annotations": annotations} if annotations else fields


def _annotations(citation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One for each source of a citation that has a web address."""
    span = {"start_index": token_count(citation.get("start")), "end_index": token_count(citation.get("end"))}
    documents = [mapping(mapping(source).get("document")) for source in listed(citation.get("sources"))]
    return [
        {"type": "url_citation", "url_citation": {**span, "url": page["url"], "title": str(page.get("title") or "")}}
        for page in documents
        if isinstance(page.get("url"), str)
    ]
