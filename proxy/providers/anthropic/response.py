"""A whole message of Anthropic's as an OpenAI chat completion."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.errors import InvalidProviderResponseError
from proxy.providers.anthropic.errors import message_error
from proxy.providers.anthropic.model import find_model
from proxy.providers.anthropic.structure import ANSWER_TOOL, build_answer_tool, without_fence
from proxy.providers.anthropic.usage import parse_usage, shown_usage
from proxy.providers.compatible.stream import prefixed
from proxy.providers.translation.chunks import Completion, created_at
from proxy.providers.translation.json_reading import dump_arguments, find_object, mapping

Block = Mapping[str, Any]

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
# Reasons that OpenAI's words say fully; the others are told beside them.
_PLAIN_REASONS = (None, "end_turn", "tool_use", "max_tokens")
_TIERS = {"standard": "default"}
_PLAIN_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """Raise InvalidProviderResponseError for what is no message, and the error that a 200 may hold."""
    message = find_object(body)
    if message is not None and (message.get("type") == "error" or "error" in message):
        raise message_error(body, deployment)
    if message is None or not isinstance(message.get("content"), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is not a message", provider=deployment.provider
        )
    return parse_message(message, headers, call, deployment)


def parse_message(message: Mapping[str, Any], headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The answer in a message object, however it came."""
    blocks = [block for block in message["content"] if isinstance(block, Mapping)]
    by_tool = answers_by_tool(call, deployment)
    usage = mapping(message.get("usage"))
    tier = usage.get("service_tier")
    return Completion(
        str(message.get("id") or f"msg_{call.id}"),
        created_at(call),
        model_name(message, deployment),
        {**_build_message(blocks, by_tool), **specific_fields(message, [] if by_tool else blocks)},
        finish_reason(message.get("stop_reason"), any(is_call(block, by_tool) for block in blocks)),
        usage=parse_usage(usage),
        more={"service_tier": _TIERS.get(tier, tier)} if isinstance(tier, str) else {},
        more_usage=shown_usage(usage),
    ).to_answer(headers)


def answers_by_tool(call: Call, deployment: Deployment) -> bool:
    """True if the answer was asked for as a tool's arguments."""
    return build_answer_tool(call.fields, find_model(deployment.model)) is not None


def model_name(message: Mapping[str, Any], deployment: Deployment) -> str:
    return prefixed(message.get("model"), deployment) or deployment.label


def finish_reason(stop_reason: object, has_calls: bool) -> str:
    """OpenAI's word. An answer that came as a tool's arguments has stopped, not called."""
    if stop_reason == "tool_use" and not has_calls:
        return "stop"
    return FINISH_REASONS.get(stop_reason, "stop") if isinstance(stop_reason, str) else "stop"


def is_call(block: Block, by_tool: bool) -> bool:
    """True for a block that the client is to answer."""
    return block.get("type") == "tool_use" and not (by_tool and block.get("name") == ANSWER_TOOL)


def _build_message(blocks: Sequence[Block], by_tool: bool) -> dict[str, Any]:
    calls = [block for block in blocks if is_call(block, by_tool)]
    built: dict[str, Any] = {"role": "assistant", "content": _content(blocks, by_tool) or (None if calls else "")}
    thoughts = [block for block in blocks if block.get("type") in ("thinking", "redacted_thinking")]
    if thoughts:
        built["reasoning_content"] = "".join(str(block.get("thinking") or "") for block in thoughts) or None
        built["thinking_blocks"] = thoughts
    if calls:
        built["tool_calls"] = [_build_call(block) for block in calls]
    return built


def _content(blocks: Sequence[Block], by_tool: bool) -> str:
    """The text; only the answer's arguments where it came as a tool's, whatever the model said before."""
    for block in blocks:
        if block.get("type") == "tool_use" and not is_call(block, by_tool):
            return dumps(block.get("input")).decode()
    text = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
    return without_fence(text) if by_tool else text


def _build_call(block: Block) -> dict[str, Any]:
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block.get("name"), "arguments": dump_arguments(block.get("input"))},
    }


def specific_fields(message: Mapping[str, Any], blocks: Sequence[Block]) -> dict[str, Any]:
    """What OpenAI's message has no place for, or a loose one: `annotations`, `refusal`, `provider_specific_fields`.

    `content_blocks` is the answer in Anthropic's own form, where the order of its blocks or their further members
    would be lost; sent back with the message, it goes to Anthropic as it is.
    """
    fields: dict[str, Any] = {}
    specific: dict[str, Any] = {}
    citations = [citation for block in blocks for citation in _cited(block)]
    if citations:
        specific["citations"] = citations
        fields["annotations"] = _annotations(blocks)
    if not _is_plain(blocks):
        specific["content_blocks"] = blocks
    if message.get("stop_reason") not in _PLAIN_REASONS:
        names = ("stop_reason", "stop_sequence", "stop_details")
        specific.update({name: message[name] for name in names if message.get(name)})
    if isinstance(message.get("container"), Mapping):
        specific["container"] = message["container"]
    explanation = mapping(message.get("stop_details")).get("explanation")
    if message.get("stop_reason") == "refusal" and explanation:
        fields["refusal"] = explanation
    if specific:
        fields["provider_specific_fields"] = specific
    return fields


def _is_plain(blocks: Sequence[Block]) -> bool:
    """True if OpenAI's message holds it all: thinking, then at most one text without citations, then direct calls."""
    order = [_PLAIN_ORDER.get(str(block.get("type")), -1) for block in blocks]
    if -1 in order or order != sorted(order) or order.count(1) > 1:
        return False
    return not any(
        block.get("citations") or mapping(block.get("caller")).get("type", "direct") != "direct" for block in blocks
    )


def _annotations(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """OpenAI's annotations for the citations of web pages; the indices are those of the cited text in the content."""
    found: list[dict[str, Any]] = []
    position = 0
    for block in blocks:
        if block.get("type") != "text":
            continue
        end = position + len(str(block.get("text") or ""))
        for citation in _cited(block):
            if isinstance(citation.get("url"), str):
                cited = {"url": citation["url"], "title": citation.get("title") or ""}
                span = {"start_index": position, "end_index": end}
                found.append({"type": "url_citation", "url_citation": {**span, **cited}})
        position = end
    return found


def _cited(block: Block) -> list[Mapping[str, Any]]:
    citations = block.get("citations")
    return [each for each in citations if isinstance(each, Mapping)] if isinstance(citations, list) else []
