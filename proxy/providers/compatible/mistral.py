"""Mistral: OpenAI's format with thinking inside `content`, other names, and tool call ids of nine characters.

https://docs.mistral.ai/api/ and https://docs.mistral.ai/capabilities/reasoning/
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.providers.compatible.dialect import detail_cached, rewrite_choices
from proxy.providers.compatible.openai import Compatible, build_provider

_TOOL_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")


def ask(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """Thinking goes back into the content that it came from, ids get Mistral's form, and `required` is called `any`."""
    changes: dict[str, Any] = {}
    messages = fields.get("messages")
    if isinstance(messages, list):
        adapted = [_adapt(message) for message in messages]
        if any(new is not old for new, old in zip(adapted, messages, strict=True)):
            changes["messages"] = adapted
    if fields.get("tool_choice") == "required":
        changes["tool_choice"] = "any"
    return changes, ()


def _adapt(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    changes: dict[str, Any] = {}
    thinking = message.get("reasoning_content")
    if isinstance(thinking, str) and thinking:
        changes["content"] = [build_thinking(thinking), *_parts(message.get("content"))]
    elif isinstance(message.get("content"), list):
        changes["content"] = [_adapt_part(part) for part in message["content"]]
    if isinstance(message.get("tool_calls"), list):
        changes["tool_calls"] = [_adapt_call(call) for call in message["tool_calls"]]
    if isinstance(message.get("tool_call_id"), str):
        changes["tool_call_id"] = name_call(message["tool_call_id"])
    if "reasoning_content" not in message and all(message[name] == value for name, value in changes.items()):
        return message
    return {name: value for name, value in {**message, **changes}.items() if name != "reasoning_content"}


def build_thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_adapt_part(part) for part in content] if isinstance(content, list) else []


def _adapt_part(part: Any) -> Any:
    """A file is a `document_url`: https://docs.mistral.ai/capabilities/document_ai/document_qna/"""
    file = part.get("file") if isinstance(part, Mapping) and part.get("type") == "file" else None
    if not isinstance(file, Mapping) or not isinstance(file.get("file_data"), str):
        return part
    return {"type": "document_url", "document_url": file["file_data"]}


def _adapt_call(call: Any) -> Any:
    if not isinstance(call, Mapping) or not isinstance(call.get("id"), str):
        return call
    return {**call, "id": name_call(call["id"])}


def name_call(identifier: str) -> str:
    """An id that Mistral takes: the same for the same, so that a result still finds its call."""
    if _TOOL_CALL_ID.fullmatch(identifier):
        return identifier
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:9]


def answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    choices = rewrite_choices(fields.get("choices"), split_content)
    if choices is not None:
        changes["choices"] = choices
    usage = fields.get("usage")
    if isinstance(usage, Mapping) and detail_cached(usage) is not usage:
        changes["usage"] = detail_cached(usage)
    return changes


def split_content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message or delta whose list of content parts is text, and reasoning apart."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    parts = [part for part in content if isinstance(part, Mapping)]
    thinking = "".join(_text(piece) for part in parts for piece in _pieces(part))
    text = "".join(_text(part) for part in parts if part.get("type") == "text")
    reasoning = {"reasoning_content": thinking} if thinking else {}
    references = [part for part in parts if part.get("type") == "reference"]
    more = {"provider_specific_fields": {"references": references}} if references else {}
    return {**message, "content": text, **reasoning, **more}


def _pieces(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    pieces = part.get("thinking") if part.get("type") == "thinking" else None
    if isinstance(pieces, str):
        return [{"text": pieces}]
    return [piece for piece in pieces if isinstance(piece, Mapping)] if isinstance(pieces, list) else []


def _text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""


# Mistral refuses unknown members with a 422, so those without an equivalent are named unsupported.
_UNSUPPORTED = frozenset(
    (
        "audio", "function_call", "functions", "logit_bias", "logprobs", "modalities", "prompt_cache_retention",
        "safety_identifier", "service_tier", "store", "top_logprobs", "user", "verbosity", "web_search_options",
    )
)  # fmt: skip
_ROW = Compatible(
    "https://api.mistral.ai/v1",
    ("MISTRAL_AZURE_API_KEY", "MISTRAL_API_KEY"),
    ("MISTRAL_AZURE_API_BASE", "MISTRAL_API_BASE"),
    rename={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
    members={
        "thinking_blocks": None,
        "provider_specific_fields": None,
        "reasoning": None,
        "reasoning_details": None,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
    },
    unsupported=_UNSUPPORTED,
    ask=ask,
    answer=answer,
    chunk=answer,
    operations=(CHAT, EMBEDDINGS),
)
PROVIDER = build_provider("mistral", _ROW)
CODESTRAL = build_provider("codestral", replace(_ROW, base_url="https://codestral.mistral.ai/v1"))
