"""Chat and embeddings requests in OpenAI's form as Ollama's own.

https://docs.ollama.com/api/chat and https://docs.ollama.com/api/embed
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.providers.translation.content import (
    bad_content,
    list_messages,
    list_objects,
    list_parts,
    parse_data_url,
    read_text,
    read_url,
)
from proxy.providers.translation.effort import read_effort
from proxy.providers.translation.embeddings import read_inputs
from proxy.providers.translation.json_reading import parse_arguments

SUPPORTED = frozenset(
    {
        "messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "seed", "stop", "frequency_penalty", "presence_penalty", "n", "tools", "tool_choice", "parallel_tool_calls",
        "response_format", "reasoning_effort", "thinking", "logprobs", "top_logprobs",
    }
)  # fmt: skip
EMBEDDING_SUPPORTED = frozenset({"model", "input", "dimensions", "encoding_format"})

# OpenAI's names for Ollama's `options`; later ones win.
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
}
# Ollama's own members beside OpenAI's; what is neither is an option (num_ctx, min_p, mirostat ...).
_NATIVE = ("keep_alive", "think", "format", "truncate", "shift")
_TEXTS = ("text", "input_text", "output_text")
# Models that take a level of thinking, not just yes or no.
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def find_refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """What can't be asked of Ollama: a forced tool, single calls only, several choices."""
    refused = set()
    if fields.get("tool_choice") not in (None, "auto", "none"):
        refused.add("tool_choice")
    if fields.get("parallel_tool_calls") is False:
        refused.add("parallel_tool_calls")
    if fields.get("n") not in (None, 1):
        refused.add("n")
    return frozenset(refused)


def build_chat(fields: Mapping[str, Any], model: str, *, stream: bool) -> dict[str, Any]:
    """The body of /api/chat. `stream` is always set: Ollama's default is true."""
    body: dict[str, Any] = {"model": model, "messages": list(_build_messages(fields)), "stream": stream}
    tools = fields.get("tools")
    if tools and fields.get("tool_choice") != "none":
        body["tools"] = tools
    for name, value in (
        ("format", _format(fields.get("response_format"))),
        ("think", _think(fields, model)),
        ("logprobs", fields.get("logprobs") or None),
        ("top_logprobs", fields.get("top_logprobs")),
        ("options", _options(fields, SUPPORTED)),
    ):
        if value is not None:
            body[name] = value
    body.update(_native(fields))
    return body


def build_embedding(fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The body of /api/embed."""
    body: dict[str, Any] = {"model": model, "input": read_inputs(fields.get("input")), **_native(fields)}
    if fields.get("dimensions") is not None:
        body["dimensions"] = fields["dimensions"]
    options = _options(fields, EMBEDDING_SUPPORTED)
    return body if options is None else {**body, "options": options}


def _native(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in _NATIVE if name in fields}


def _options(fields: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any] | None:
    own = fields.get("options") or {}
    if not isinstance(own, Mapping):
        raise bad_content("Not an object", "options")
    options = {theirs: fields[ours] for ours, theirs in _OPTIONS.items() if fields.get(ours) is not None}
    stop = fields.get("stop")
    if stop:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    taken = known | {"options", "user", *_NATIVE}
    options.update((name, value) for name, value in fields.items() if name not in taken and value is not None)
    return {**options, **own} or None


def _format(wanted: object) -> Any:
    """`json`, or the schema itself."""
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if not isinstance(wanted, Mapping) or kind in (None, "text"):
        return None
    if kind == "json_object":
        return wanted.get("schema") or "json"
    schema = wanted.get("json_schema")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("schema"), Mapping):
        raise bad_content("A json_schema format has no schema", "response_format.json_schema")
    return schema["schema"]


def _think(fields: Mapping[str, Any], model: str) -> bool | str | None:
    effort, thinking = read_effort(fields), fields.get("thinking")
    if effort is None:
        return thinking.get("type") != "disabled" if isinstance(thinking, Mapping) else None
    if effort == "none":
        return False
    if "gpt-oss" in model:
        return _LEVELS[effort]
    return effort != "minimal"


def _build_messages(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ollama's messages: text in one string, images beside it, a tool's name with its result."""
    called: dict[str, str] = {}
    for param, message in list_messages(fields):
        role = message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool"):
            raise bad_content(f"Unknown role {role!r}", f"{param}.role")
        texts, images = _read_content(message, param)
        built: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": "\n".join(texts)}
        if images:
            built["images"] = images
        if role == "assistant":
            built.update(_assistant(message, param, called))
        elif role == "tool":
            built.update(_result(message, param, called))
        yield built


def _read_content(message: Mapping[str, Any], param: str) -> tuple[list[str], list[str]]:
    texts, images = [], []
    for place, part in list_parts(message.get("content"), param):
        if part.get("type") in _TEXTS:
            texts.append(read_text(part, place))
        elif part.get("type") == "refusal":
            texts.append(str(part.get("refusal") or ""))
        elif part.get("type") == "image_url":
            images.append(_image(read_url(part, place), place))
        elif part.get("type") not in ("thinking", "redacted_thinking"):
            raise bad_content(f"Ollama takes no content of type {part.get('type')!r}", place)
    return texts, images


def _image(url: str, place: str) -> str:
    """The image's base64: of a data URL, or as some clients send it, bare."""
    if ":" in url[:8]:
        return parse_data_url(url, place).data
    return parse_data_url(f"data:image/png;base64,{url}", place).data


def _assistant(message: Mapping[str, Any], param: str, called: dict[str, str]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    thinking = message.get("reasoning_content")
    if isinstance(thinking, str) and thinking:
        built["thinking"] = thinking
    calls = [
        _call(call, place, called) for place, call in list_objects(message.get("tool_calls"), f"{param}.tool_calls")
    ]
    if calls:
        built["tool_calls"] = calls
    return built


def _call(call: object, param: str, called: dict[str, str]) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content("A tool call has no function with a name", param)
    arguments = parse_arguments(function.get("arguments"), f"{param}.function.arguments")
    built: dict[str, Any] = {"function": {"name": function["name"], "arguments": arguments}}
    if isinstance(call.get("id"), str):
        called[call["id"]] = function["name"]
        built["id"] = call["id"]
    return built


def _result(message: Mapping[str, Any], param: str, called: Mapping[str, str]) -> dict[str, Any]:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or call_id not in called:
        raise bad_content("A tool message answers no tool call before it", f"{param}.tool_call_id")
    return {"tool_name": called[call_id], "tool_call_id": call_id}
