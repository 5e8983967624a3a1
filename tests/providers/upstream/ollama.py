"""Reads Ollama's /api/chat and /api/embed requests."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.providers.upstream.facts import Atom, EmbeddingFacts, Facts, media, reduce_schema

_PARAMS = {
    "num_predict": "max_tokens",
    **{name: name for name in ("temperature", "top_p", "seed", "stop", "frequency_penalty", "presence_penalty")},
}
_KNOWN = {"model", "messages", "stream", "tools", "format", "think", "options"}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts | EmbeddingFacts:
    fields = json.loads(body)
    if path.endswith("/embed"):
        return EmbeddingFacts(fields["model"], fields["input"], fields.get("dimensions"))
    options = fields.get("options") or {}
    messages = fields["messages"]
    ids = [call.get("id") for message in messages for call in message.get("tool_calls") or []]
    extra = {name: value for name, value in fields.items() if name not in _KNOWN}
    return Facts(
        model=fields["model"],
        stream=fields["stream"],
        system="\n".join(message["content"] for message in messages if message["role"] == "system"),
        atoms=[atom for message in messages for atom in _atoms(message, ids)],
        tools=[_tool(tool["function"]) for tool in fields.get("tools") or []],
        params={_PARAMS[name]: value for name, value in options.items() if name in _PARAMS},
        format=_format(fields.get("format")),
        reasoning=fields.get("think"),
        extra=extra | {name: value for name, value in options.items() if name not in _PARAMS},
    )


def _atoms(message: Mapping[str, Any], ids: list[str]) -> Iterator[Atom]:
    role = message["role"]
    if role == "system":
        return
    if role == "tool":
        yield "tool", "result", {"call": ids.index(message["tool_call_id"]), "text": message["content"]}
        return
    if message.get("thinking"):
        yield role, "think", {"text": message["thinking"]}
    if message["content"]:
        yield role, "text", message["content"]
    for image in message.get("images") or []:
        yield role, "image", media(base64.b64decode(image), "")
    for call in message.get("tool_calls") or []:
        yield role, "call", {"name": call["function"]["name"], "args": call["function"]["arguments"]}


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    schema = reduce_schema(function.get("parameters") or {"type": "object"})
    return {"name": function["name"], "description": function.get("description", ""), "schema": schema}


def _format(wanted: Any) -> dict[str, Any] | None:
    if not wanted:
        return None
    if wanted == "json":
        return {"type": "json_object", "schema": None}
    return {"type": "json_schema", "schema": reduce_schema(wanted)}
