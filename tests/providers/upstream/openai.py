"""Reads OpenAI's chat and embeddings requests, and those of the providers who speak the same."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.providers.upstream.facts import Atom, EmbeddingFacts, Facts, media, reduce_schema

_PARAMS = {
    "max_completion_tokens": "max_tokens",
    "random_seed": "seed",
    **{
        name: name
        for name in ("max_tokens", "temperature", "top_p", "n", "stop", "seed", "frequency_penalty", "presence_penalty")
    },
    "reasoning_effort": "reasoning_effort",
}
_KNOWN = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts | EmbeddingFacts:
    fields = json.loads(body)
    if "input" in fields:
        return _read_embeddings(fields)
    messages = fields["messages"]
    return Facts(
        model=fields.get("model") or _model_in(path),
        stream=bool(fields.get("stream")),
        system="\n".join(_texts(message) for message in messages if message["role"] in ("system", "developer")),
        atoms=[atom for message in messages for atom in _atoms(message, _positions(messages))],
        tools=[_tool(tool) for tool in fields.get("tools") or []],
        tool_choice=_tool_choice(fields.get("tool_choice")),
        parallel=fields.get("parallel_tool_calls"),
        params={_PARAMS[name]: value for name, value in fields.items() if name in _PARAMS},
        format=_format(fields.get("response_format")),
        extra={name: value for name, value in fields.items() if name not in _PARAMS and name not in _KNOWN},
        cache=body.count(b'"cache_control"'),
    )


def _read_embeddings(fields: Mapping[str, Any]) -> EmbeddingFacts:
    given = fields["input"]
    return EmbeddingFacts(
        model=fields["model"],
        input=given if isinstance(given, list) else [given],
        dimensions=fields.get("dimensions"),
        encoding_format=fields.get("encoding_format"),
    )


def _model_in(path: str) -> str:
    found = re.search(r"/deployments/([^/]+)/", path)
    return found.group(1) if found else ""


def _texts(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _positions(messages: list[Mapping[str, Any]]) -> dict[str, int]:
    identifiers = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    return {identifier: position for position, identifier in enumerate(identifiers)}


def _atoms(message: Mapping[str, Any], positions: Mapping[str, int]) -> Iterator[Atom]:
    role = message["role"]
    if role in ("system", "developer"):
        return
    if role == "tool":
        yield "tool", "result", {"call": positions[message["tool_call_id"]], "text": _texts(message)}
        return
    yield from _thoughts(message)
    content = message.get("content") or []
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        yield _part(role, part)
    for call in message.get("tool_calls") or []:
        function = call["function"]
        yield role, "call", {"name": function["name"], "args": json.loads(function["arguments"] or "{}")}


def _thoughts(message: Mapping[str, Any]) -> Iterator[Atom]:
    text = message.get("reasoning_content") or message.get("reasoning") or ""
    details = message.get("reasoning_details")
    if details:
        yield message["role"], "think", {"text": "", "details": details}
    elif text:
        yield message["role"], "think", {"text": text}


def _part(role: str, part: Mapping[str, Any]) -> Atom:
    if part["type"] == "image_url":
        url = part["image_url"]["url"]
        head, _, content = url.partition(",")
        if not head.startswith("data:"):
            return role, "image", {"url": url}
        return role, "image", media(base64.b64decode(content), head[5:].partition(";")[0])
    if part["type"] == "thinking":
        return role, "think", {"text": "".join(piece["text"] for piece in part["thinking"])}
    return role, "text", part["text"]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "schema": reduce_schema(function.get("parameters") or {"type": "object"}),
    }


def _tool_choice(choice: Any) -> Any:
    if choice == "any":
        return "required"
    return {"name": choice["function"]["name"]} if isinstance(choice, Mapping) else choice


def _format(wanted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    schema = wanted.get("json_schema", {}).get("schema")
    return {"type": wanted["type"], "schema": reduce_schema(schema)}
