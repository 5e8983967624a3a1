"""Perplexity: OpenAI's format with usage in every chunk, sources beside the text, and whole messages in chunks.

https://docs.perplexity.ai/api-reference/chat-completions-post
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT
from proxy.errors import ContextWindowExceededError
from proxy.providers.compatible.dialect import rewrite_choices
from proxy.providers.compatible.openai import Compatible, build_provider
from proxy.providers.translation.errors import WordRules


def ask(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """A file is a `file_url`, whose bytes have no data URL around them."""
    messages = fields.get("messages")
    adapted = [_adapt(message) for message in messages] if isinstance(messages, list) else []
    return ({"messages": adapted}, ()) if adapted != (messages or []) else ({}, ())


def _adapt(message: Any) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    return {**message, "content": [_adapt_part(part) for part in content]} if isinstance(content, list) else message


def _adapt_part(part: Any) -> Any:
    file = part.get("file") if isinstance(part, Mapping) and part.get("type") == "file" else None
    data = file.get("file_data") if isinstance(file, Mapping) else None
    if not isinstance(file, Mapping) or not isinstance(data, str):
        return part
    url = data.partition(",")[2] if data.startswith("data:") else data
    return {"type": "file_url", "file_url": {"url": url}, "file_name": file.get("filename")}


WORDS: WordRules = (
    (re.compile(r"total length of all messages is too long", re.IGNORECASE), ContextWindowExceededError),
)


def answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Sources are OpenAI's annotations as well."""
    sources = list_sources(fields)
    choices = rewrite_choices(fields.get("choices"), lambda message: _annotate(message, sources))
    return {} if choices is None else {"choices": choices}


def chunk(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Chunks look like chunks, whatever their object is called, tokens are counted once, and sources come at the end."""
    if not isinstance(fields.get("choices"), list):
        return {}
    last = any(isinstance(choice, Mapping) and choice.get("finish_reason") for choice in fields["choices"])
    sources = list_sources(fields) if last else []
    choices = [_without_message(choice, sources) for choice in fields["choices"]]
    changes: dict[str, Any] = {"object": "chat.completion.chunk", "choices": choices}
    if not last and fields.get("usage"):
        changes["usage"] = None
    return changes


def _without_message(choice: Any, sources: list[dict[str, Any]]) -> Any:
    """A choice of a chunk without the whole message so far, which clients would add to the text they have."""
    if not isinstance(choice, Mapping):
        return choice
    delta = choice.get("delta")
    delta = _annotate(delta, sources) if isinstance(delta, Mapping) else {}
    return {**{name: value for name, value in choice.items() if name != "message"}, "delta": delta}


def _annotate(message: Mapping[str, Any], sources: list[dict[str, Any]]) -> Mapping[str, Any]:
    if not sources or message.get("annotations"):
        return message
    return {**message, "annotations": sources}


def list_sources(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`search_results`, or the older `citations`, as OpenAI's url_citation annotations."""
    results = fields.get("search_results") or fields.get("citations")
    sources = []
    for result in results if isinstance(results, list) else ():
        url, title = (result.get("url"), result.get("title")) if isinstance(result, Mapping) else (result, None)
        if isinstance(url, str):
            sources.append({"type": "url_citation", "url_citation": {"url": url, "title": title or url}})
    return sources


PROVIDER = build_provider(
    "perplexity",
    Compatible(
        "https://api.perplexity.ai",
        ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        ("PERPLEXITY_API_BASE",),
        rename={"max_completion_tokens": "max_tokens"},
        unsupported=frozenset({"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"}),
        ask=ask,
        answer=answer,
        chunk=chunk,
        words=WORDS,
        operations=(CHAT,),
    ),
)
