"""A Converse answer as a chat completion.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (response)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.usage import Usage, token_count
from proxy.errors import InvalidProviderResponseError
from proxy.providers.bedrock.models import answer_model, read_family
from proxy.providers.bedrock.tools import JSON_TOOL, wants_json_tool
from proxy.providers.translation.chunks import Completion, created_at
from proxy.providers.translation.json_reading import dump_arguments, mapping, parse_object

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def parse_chat(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The answer; raises InvalidProviderResponseError when there is no message in it."""
    reply = parse_object(body, deployment)
    message = mapping(mapping(reply.get("output")).get("message"))
    content = message.get("content")
    if not isinstance(content, list):
        raise InvalidProviderResponseError("Bedrock answered without a message", provider=deployment.provider)
    json_tool = wants_json_tool(call.fields, read_family(deployment))
    parts = _Parts(call.id, json_tool)
    for block in content:
        if isinstance(block, Mapping):
            parts.add(block)
    return Completion(
        answer_id(call),
        created_at(call),
        answer_model(deployment),
        parts.message(provider_fields(reply)),
        finish_reason(reply.get("stopReason"), called=bool(parts.calls)),
        usage=read_usage(reply.get("usage")) or Usage(),
    ).to_answer(headers)


def answer_id(call: Call) -> str:
    return f"chatcmpl-{call.id}"


def finish_reason(stop: object, *, called: bool) -> str:
    """OpenAI's word; `tool_calls` only if the client sees a call (the JSON tool's is the answer's text)."""
    reason = FINISH_REASONS.get(str(stop), "stop")
    return "stop" if reason == "tool_calls" and not called else reason


def read_usage(usage: object) -> Usage | None:
    """Bedrock's inputTokens leave out what was read from and written to the cache; OpenAI's prompt_tokens don't."""
    if not isinstance(usage, Mapping):
        return None
    read, write = token_count(usage.get("cacheReadInputTokens")), token_count(usage.get("cacheWriteInputTokens"))
    prompt, completion = token_count(usage.get("inputTokens")) + read + write, token_count(usage.get("outputTokens"))
    details = usage.get("cacheDetails")
    hour = sum(
        token_count(detail.get("inputTokens"))
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping) and detail.get("ttl") == "1h"
    )
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=min(hour, write),
    )


def provider_fields(reply: Mapping[str, Any]) -> dict[str, Any]:
    """What Bedrock sends beside the answer and OpenAI's form has no place for."""
    names = ("trace", "additionalModelResponseFields")
    fields = {name: reply[name] for name in names if reply.get(name)}
    if reply.get("stopReason") in ("malformed_model_output", "malformed_tool_use", "guardrail_intervened"):
        fields["stop_reason"] = reply["stopReason"]
    return fields


def read_citation(citation: Mapping[str, Any]) -> dict[str, Any] | None:
    """An annotation for a citation that has a web address; others have only their place in a document."""
    web = mapping(mapping(citation.get("location")).get("web"))
    url = web.get("url")
    if not isinstance(url, str):
        return None
    return {
        "type": "url_citation",
        "url_citation": {"url": url, "title": citation.get("title") or web.get("domain") or url},
    }


def read_image(image: Mapping[str, Any]) -> dict[str, Any] | None:
    """A picture that the model made, as a part with a data URL."""
    data = mapping(image.get("source")).get("bytes")
    if not isinstance(data, str):
        return None
    url = f"data:image/{image.get('format') or 'png'};base64,{data}"
    return {"type": "image_url", "image_url": {"url": url}}


@dataclass
class _Parts:
    """The message's members, gathered block by block."""

    call_id: str
    json_tool: bool
    texts: list[str] = field(default_factory=list)
    thoughts: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    citations: list[Mapping[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)

    def add(self, block: Mapping[str, Any]) -> None:
        if isinstance(block.get("text"), str):
            self.texts.append(block["text"])
        elif "toolUse" in block:
            self._tool(mapping(block["toolUse"]))
        elif "reasoningContent" in block:
            self._thought(mapping(block["reasoningContent"]))
        elif "citationsContent" in block:
            self._cited(mapping(block["citationsContent"]))
        elif "image" in block and (image := read_image(mapping(block["image"]))):
            self.images.append(image)

    def message(self, extra: dict[str, Any]) -> dict[str, Any]:
        content = "".join(self.texts)
        message: dict[str, Any] = {"role": "assistant", "content": content if content or not self.calls else None}
        if self.calls:
            message["tool_calls"] = self.calls
        if self.thoughts:
            message["reasoning_content"] = "".join(thought.get("thinking", "") for thought in self.thoughts)
            message["thinking_blocks"] = self.thoughts
        if self.images:
            message["images"] = self.images
        if self.citations:
            extra["citations"] = self.citations
            message["annotations"] = [note for one in self.citations if (note := read_citation(one))]
        if extra:
            message["provider_specific_fields"] = extra
        return message

    def _tool(self, use: Mapping[str, Any]) -> None:
        arguments = dump_arguments(use.get("input"))
        if self.json_tool and use.get("name") == JSON_TOOL:
            self.texts.append(arguments)
        elif use.get("type") != "server_tool_use":
            self.calls.append(
                {
                    "id": use.get("toolUseId") or f"call_{self.call_id}_{len(self.calls)}",
                    "type": "function",
                    "function": {"name": use.get("name") or "", "arguments": arguments},
                }
            )

    def _thought(self, reasoning: Mapping[str, Any]) -> None:
        redacted, text_part = reasoning.get("redactedContent"), mapping(reasoning.get("reasoningText"))
        if isinstance(redacted, str):
            self.thoughts.append({"type": "redacted_thinking", "data": redacted})
        elif isinstance(text_part.get("text"), str):
            signature = {"signature": text_part["signature"]} if text_part.get("signature") else {}
            self.thoughts.append({"type": "thinking", "thinking": text_part["text"], **signature})

    def _cited(self, cited: Mapping[str, Any]) -> None:
        self.texts.extend(
            one["text"]
            for one in cited.get("content") or ()
            if isinstance(one, Mapping) and isinstance(one.get("text"), str)
        )
        self.citations.extend(one for one in cited.get("citations") or () if isinstance(one, Mapping))
