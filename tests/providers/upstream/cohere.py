"""Reads requests in the form of Cohere's second version."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.providers.upstream.facts import Atom, EmbeddingFacts, Facts, media, reduce_schema

_PARAMS = {
    "p": "top_p",
    "stop_sequences": "stop",
    **{name: name for name in ("max_tokens", "temperature", "seed", "frequency_penalty", "presence_penalty")},
}
_KNOWN = {"model", "messages", "stream", "tools", "tool_choice", "thinking", "response_format"}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts | EmbeddingFacts:
    fields = json.loads(body)
    if path.endswith("/embed"):
        given = fields.get("texts") or fields["images"]
        return EmbeddingFacts(fields["model"], given, fields.get("output_dimension"))
    messages = fields["messages"]
    return Facts(
        model=fields["model"],
        stream=bool(fields.get("stream")),
        system="\n".join(_texts(message["content"]) for message in messages if message["role"] == "system"),
        atoms=list(_atoms(messages)),
        tools=[_tool(tool["function"]) for tool in fields.get("tools") or []],
        tool_choice=(fields.get("tool_choice") or "").lower() or None,
        params={_PARAMS[name]: value for name, value in fields.items() if name in _PARAMS},
        format=_format(fields.get("response_format")),
        reasoning=fields.get("thinking"),
        extra={name: value for name, value in fields.items() if name not in _PARAMS and name not in _KNOWN},
    )


def _texts(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _atoms(messages: list[Mapping[str, Any]]) -> Iterator[Atom]:
    calls = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    for message in messages:
        role = message["role"]
        if role == "tool":
            text = _texts(message["content"])
            yield "tool", "result", {"call": calls.index(message["tool_call_id"]), "text": text}
        elif role != "system":
            yield from _spoken(role, message)


def _spoken(role: str, message: Mapping[str, Any]) -> Iterator[Atom]:
    if message.get("tool_plan"):
        yield role, "think", {"text": message["tool_plan"]}
    content = message.get("content") or []
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "thinking":
            yield role, "think", {"text": part["thinking"]}
        elif part["type"] == "image_url":
            yield role, "image", _image(part["image_url"]["url"])
        elif part["text"]:
            yield role, "text", part["text"]
    for call in message.get("tool_calls") or []:
        function = call["function"]
        yield role, "call", {"name": function["name"], "args": json.loads(function["arguments"])}


def _image(url: str) -> dict[str, str]:
    head, _, content = url.partition(",")
    return media(base64.b64decode(content), head[5:].partition(";")[0]) if content else {"url": url}


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "schema": reduce_schema(function["parameters"]),
    }


def _format(wanted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    schema = wanted.get("schema") or wanted.get("json_schema")
    return {"type": "json_schema" if schema else wanted["type"], "schema": reduce_schema(schema)}
