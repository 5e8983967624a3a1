"""A chat request as a Responses request: messages as items, parameters under their names there."""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.operations import CHAT
from proxy.providers.translation.content import bad_content, list_messages, list_objects, list_parts, read_url

# Chat's parameters that have no place there.
_UNKNOWN = frozenset(
    "audio frequency_penalty function_call functions logit_bias modalities n prediction presence_penalty seed stop".split()
)
SUPPORTED = CHAT.parameters - _UNKNOWN
# Under the same name there.
_SHARED = frozenset(
    "temperature top_p user metadata service_tier prompt_cache_key prompt_cache_retention safety_identifier "
    "parallel_tool_calls top_logprobs".split()
)
_LIMITS = ("max_completion_tokens", "max_tokens")
# A shorter limit is refused there.
_LEAST_TOKENS = 16
# Whose encrypted reasoning a thinking block holds.
MAKER = "openai"


def build_body(fields: Mapping[str, Any], model: str, *, stream: bool) -> dict[str, Any]:
    """Raise BadRequestError, naming the place, for what has no form there."""
    body: dict[str, Any] = {"model": model, "input": list(_build_items(fields)), "store": bool(fields.get("store"))}
    body["include"] = ["reasoning.encrypted_content"]
    if stream:
        body["stream"] = True
    for name, value in fields.items():
        if name in _SHARED or (name not in CHAT.parameters and name not in ("model", "messages", "stream")):
            body[name] = value
    body.pop("stream_options", None)
    limit = next((fields[name] for name in _LIMITS if fields.get(name)), None)
    if limit is not None:
        body["max_output_tokens"] = max(_LEAST_TOKENS, limit)
    if fields.get("reasoning_effort") is not None:
        body["reasoning"] = {"effort": fields["reasoning_effort"]}
    if fields.get("logprobs"):
        body["include"].append("message.output_text.logprobs")
    return body | _build_text(fields) | _build_tools(fields)


def _build_text(fields: Mapping[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {}
    form = fields.get("response_format")
    if isinstance(form, Mapping):
        schema = form.get("json_schema")
        text["format"] = {"type": form.get("type"), **schema} if isinstance(schema, Mapping) else dict(form)
    if fields.get("verbosity") is not None:
        text["verbosity"] = fields["verbosity"]
    return {"text": text} if text else {}


def _build_tools(fields: Mapping[str, Any]) -> dict[str, Any]:
    tools = [_build_tool(tool) for _, tool in list_objects(fields.get("tools"), "tools")]
    search = fields.get("web_search_options")
    if isinstance(search, Mapping):
        place = search.get("user_location")
        inner = place.get("approximate") if isinstance(place, Mapping) else None
        located = {"user_location": {"type": "approximate", **inner}} if isinstance(inner, Mapping) else {}
        tools.append({"type": "web_search", **search, **located})
    built: dict[str, Any] = {"tools": tools} if tools else {}
    choice = fields.get("tool_choice")
    if choice is not None and tools:
        built["tool_choice"] = _build_choice(choice)
    return built


def _build_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Chat nests what is flat there. Chat's functions are lenient unless they say `strict`."""
    kind = tool.get("type", "function")
    inner = tool.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, Mapping):
        return dict(tool)
    if kind == "function":
        return {"type": kind, "strict": False, "parameters": {"type": "object", "properties": {}}, **inner}
    form = inner.get("format")
    grammar = form.get("grammar") if isinstance(form, Mapping) else None
    flat = {"format": {"type": "grammar", **grammar}} if isinstance(grammar, Mapping) else {}
    return {"type": kind, **inner, **flat}


def _build_choice(choice: Any) -> Any:
    if not isinstance(choice, Mapping):
        return choice
    kind = choice.get("type")
    inner = choice.get(kind) if isinstance(kind, str) else None
    if kind == "allowed_tools" and isinstance(inner, Mapping):
        return {"type": kind, **inner, "tools": [_build_choice(tool) for tool in inner.get("tools") or ()]}
    return {"type": kind, **inner} if isinstance(inner, Mapping) else dict(choice)


def _build_items(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for place, message in list_messages(fields):
        role = message.get("role")
        if role == "tool":
            yield _build_output(message, place)
        elif role == "assistant":
            yield from _build_turn(message, place)
        elif role in ("user", "system", "developer"):
            content = [_build_part(part, here) for here, part in list_parts(message.get("content"), place)]
            yield {"type": "message", "role": role, "content": content}
        else:
            raise bad_content("A message's role is system, developer, user, assistant or tool", f"{place}.role")


def _build_turn(message: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
    """Reasoning first, then text, then calls."""
    blocks = message.get("thinking_blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, Mapping) and block.get("signed_by") == MAKER and block.get("signature"):
            summary = [{"type": "summary_text", "text": block["thinking"]}] if block.get("thinking") else []
            yield {"type": "reasoning", "summary": summary, "encrypted_content": block["signature"]}
    parts = [_said(part, here) for here, part in list_parts(message.get("content"), place)]
    if isinstance(message.get("refusal"), str):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    if parts:
        yield {"type": "message", "role": "assistant", "content": parts}
    for here, call in list_objects(message.get("tool_calls"), f"{place}.tool_calls"):
        custom = call.get("custom")
        if isinstance(custom, Mapping):
            given = {"name": custom.get("name"), "input": custom.get("input") or ""}
            yield {"type": "custom_tool_call", "call_id": call.get("id"), **given}
            continue
        function = call.get("function")
        if not isinstance(function, Mapping) or not isinstance(call.get("id"), str):
            raise bad_content("A tool call needs an id and a function", here)
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) and arguments else "{}"
        yield {"type": "function_call", "call_id": call["id"], "name": function.get("name"), "arguments": text}


def _build_output(message: Mapping[str, Any], place: str) -> dict[str, Any]:
    content = message.get("content")
    output: Any = content
    if not isinstance(content, str):
        output = [_build_part(part, here) for here, part in list_parts(content, place)]
    return {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": output}


def _said(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    if part.get("type") == "refusal":
        return {"type": "refusal", "refusal": part.get("refusal")}
    if not isinstance(part.get("text"), str):
        raise bad_content("An assistant's message holds text only", place)
    return {"type": "output_text", "text": part["text"]}


def _build_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "input_text", "text": part.get("text")}
    if kind == "image_url":
        image = part.get("image_url")
        detail = image.get("detail") if isinstance(image, Mapping) else None
        return {"type": "input_image", "image_url": read_url(part, place), **({"detail": detail} if detail else {})}
    if kind == "file" and isinstance(part.get("file"), Mapping):
        return {"type": "input_file", **part["file"]}
    if kind == "input_audio":
        return dict(part)
    raise bad_content(f"A part of type '{kind}' has no form there", place)
