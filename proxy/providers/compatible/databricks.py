"""Databricks: OpenAI's format, with the reasoning of Claude's models as parts of the content.

https://docs.databricks.com/machine-learning/model-serving/query-reason-models
"""

from collections.abc import Collection, Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.providers.compatible.dialect import Rewrite, detail_cached, rewrite_choices
from proxy.providers.compatible.openai import Compatible, build_provider


def ask(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """Thoughts go back as the parts that they came as, with their signatures."""
    messages = fields.get("messages")
    if not isinstance(messages, list) or not any(_has_thoughts(message) for message in messages):
        return {}, ()
    return {"messages": [_join(message) if _has_thoughts(message) else message for message in messages]}, ()


def _has_thoughts(message: Any) -> bool:
    return isinstance(message, Mapping) and isinstance(message.get("thinking_blocks"), list)


def _join(message: Mapping[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    texts = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    thoughts = [_build_thought(block) for block in message["thinking_blocks"] if isinstance(block, Mapping)]
    kept = {name: value for name, value in message.items() if name not in ("thinking_blocks", "reasoning_content")}
    return {**kept, "content": [*thoughts, *texts]} if thoughts else kept


def _build_thought(block: Mapping[str, Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {"type": "summary_text", "text": block.get("thinking") or ""}
    if block.get("type") == "redacted_thinking":
        summary = {"type": "summary_encrypted_text", "data": block.get("data")}
    elif block.get("signature"):
        summary["signature"] = block["signature"]
    return {"type": "reasoning", "summary": [summary]}


def _rewrite(split: Any) -> Rewrite:
    def rewrite(fields: Mapping[str, Any]) -> dict[str, Any]:
        choices, usage = rewrite_choices(fields.get("choices"), split), fields.get("usage")
        changes: dict[str, Any] = {} if choices is None else {"choices": choices}
        if isinstance(usage, Mapping) and detail_cached(usage) is not usage:
            changes["usage"] = detail_cached(usage)
        return changes

    return rewrite


def split_content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message whose list of parts is text, reasoning_content and thinking_blocks."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    parts = [part for part in content if isinstance(part, Mapping)]
    text = "".join(part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), str))
    blocks = [_parse_summary(summary) for part in parts for summary in _summaries(part)]
    changed: dict[str, Any] = {**message, "content": text}
    if blocks:
        changed["reasoning_content"] = "".join(block.get("thinking", "") for block in blocks)
        changed["thinking_blocks"] = blocks
    return changed


def split_delta(delta: Mapping[str, Any]) -> Mapping[str, Any]:
    """As a whole message; its reasoning deltas belong to one block, which their index shows."""
    split = split_content(delta)
    if split is delta or "thinking_blocks" not in split:
        return split
    return {**split, "thinking_blocks": [{**block, "index": 0} for block in split["thinking_blocks"]]}


def _summaries(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    summaries = part.get("summary") if part.get("type") == "reasoning" else None
    return [summary for summary in summaries if isinstance(summary, Mapping)] if isinstance(summaries, list) else []


def _parse_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    if summary.get("type") == "summary_encrypted_text":
        return {"type": "redacted_thinking", "data": summary.get("data")}
    text, signature = summary.get("text"), summary.get("signature")
    block = {"type": "thinking", "thinking": text if isinstance(text, str) else ""}
    return {**block, "signature": signature} if isinstance(signature, str) else block


ROW = Compatible(
    None,
    ("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
    ("DATABRICKS_API_BASE",),
    rename={"max_completion_tokens": "max_tokens"},
    members={"provider_specific_fields": None, "reasoning_content": None},
    ask=ask,
    answer=_rewrite(split_content),
    chunk=_rewrite(split_delta),
)
PROVIDER = build_provider("databricks", ROW)
