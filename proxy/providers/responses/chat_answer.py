"""A response as a chat completion."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.usage import Usage
from proxy.errors import InvalidProviderResponseError
from proxy.providers.compatible.stream import prefixed
from proxy.providers.responses.chat_request import MAKER
from proxy.providers.translation.chunks import Completion, created_at
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import mapping, mappings, parse_object, text_of


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    fields = parse_object(body, deployment)
    if fields.get("error"):
        raise error_from_event(dumps({"error": fields["error"]}), deployment)
    if not isinstance(fields.get("output"), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is not a response", provider=deployment.provider
        )
    items = mappings(fields["output"])
    message = build_message(items)
    tier = fields.get("service_tier")
    created = fields.get("created_at")
    return Completion(
        str(fields.get("id") or f"resp_{call.id}"),
        int(created) if isinstance(created, int | float) else created_at(call),
        prefixed(fields.get("model"), deployment) or deployment.label,
        message,
        finish_reason(fields, bool(message.get("tool_calls"))),
        usage=Usage.from_openai(fields.get("usage")),
        logprobs=_logprobs(items),
        more={"service_tier": tier} if isinstance(tier, str) else {},
    ).to_answer(headers)


def finish_reason(response: Mapping[str, Any], has_calls: bool) -> str:
    reason = mapping(response.get("incomplete_details")).get("reason")
    if reason == "max_output_tokens":
        return "length"
    if reason == "content_filter":
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def build_message(items: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The message of all output items together."""
    parts = [part for item in items if item.get("type") == "message" for part in mappings(item.get("content"))]
    text = "".join(text_of(part.get("text")) for part in parts if part.get("type") == "output_text")
    refusal = "".join(text_of(part.get("refusal")) for part in parts if part.get("type") == "refusal")
    calls = [call for item in items if (call := build_call(item)) is not None]
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls or refusal else "")}
    if refusal:
        message["refusal"] = refusal
    blocks = [block for item in items if (block := build_thought(item)) is not None]
    thoughts = "".join(reasoning_text(item) for item in items)
    if thoughts:
        message["reasoning_content"] = thoughts
    if blocks:
        message["thinking_blocks"] = blocks
    notes = [note for part in parts for note in build_annotations(part.get("annotations"))]
    if notes:
        message["annotations"] = notes
    images = [image for item in items if (image := build_image(item)) is not None]
    if images:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    return message


def build_call(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Chat's tool call; None for an item that is none."""
    kind, name = item.get("type"), item.get("name")
    if kind == "function_call":
        function = {"name": name, "arguments": text_of(item.get("arguments"))}
        return {"id": item.get("call_id"), "type": "function", "function": function}
    if kind == "custom_tool_call":
        custom = {"name": name, "input": text_of(item.get("input"))}
        return {"id": item.get("call_id"), "type": "custom", "custom": custom}
    return None


def reasoning_text(item: Mapping[str, Any]) -> str:
    if item.get("type") != "reasoning":
        return ""
    parts = [*mappings(item.get("summary")), *mappings(item.get("content"))]
    return "\n\n".join(text_of(part.get("text")) for part in parts)


def build_thought(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Encrypted reasoning as a thinking block, which a client sends back unchanged."""
    encrypted = item.get("encrypted_content")
    if item.get("type") != "reasoning" or not isinstance(encrypted, str) or not encrypted:
        return None
    return {"type": "thinking", "thinking": reasoning_text(item), "signature": encrypted, "signed_by": MAKER}


def build_annotations(annotations: Any) -> Iterator[dict[str, Any]]:
    for note in mappings(annotations):
        if note.get("type") == "url_citation":
            yield {"type": "url_citation", "url_citation": {name: note[name] for name in note if name != "type"}}


def build_image(item: Mapping[str, Any]) -> dict[str, Any] | None:
    result = item.get("result")
    if item.get("type") != "image_generation_call" or not isinstance(result, str):
        return None
    return {
        "type": "image_url",
        "image_url": {"url": f"data:image/{item.get('output_format') or 'png'};base64,{result}"},
    }


def _logprobs(items: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    found = [
        probability
        for item in items
        for part in mappings(item.get("content"))
        if item.get("type") == "message"
        for probability in mappings(part.get("logprobs"))
    ]
    return {"content": found, "refusal": None} if found else None
