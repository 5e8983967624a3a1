"""Reads Bedrock's Converse requests, and InvokeModel's for embeddings."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from tests.providers.upstream.facts import Atom, EmbeddingFacts, Facts, media, reduce_schema

_PARAMS = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
_REASONING = ("thinking", "reasoning_config", "reasoningConfig", "reasoning_effort", "reasoning", "output_config")
_KNOWN = {"messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields"}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts | EmbeddingFacts:
    fields = json.loads(body)
    found = re.search(r"/model/([^/]+)/(converse-stream|converse|invoke)$", path)
    assert found is not None, path
    model = unquote(found[1])
    if found[2] == "invoke":
        return _read_embeddings(model, fields)
    config = fields.get("toolConfig") or {}
    additional = fields.get("additionalModelRequestFields") or {}
    ids = [use["toolUseId"] for turn in fields["messages"] for use in _members(turn, "toolUse")]
    return Facts(
        model=model,
        stream=found[2] == "converse-stream",
        system="\n".join(block["text"] for block in fields.get("system") or [] if "text" in block),
        atoms=[atom for turn in fields["messages"] for atom in _atoms(turn, ids)],
        tools=[_tool(tool["toolSpec"]) for tool in config.get("tools") or [] if "toolSpec" in tool],
        tool_choice=_choice(config.get("toolChoice")),
        parallel=False if (additional.get("tool_choice") or {}).get("disable_parallel_tool_use") else None,
        params={_PARAMS[name]: value for name, value in (fields.get("inferenceConfig") or {}).items()},
        format=_format(fields.get("outputConfig")),
        reasoning=next((additional[name] for name in _REASONING if name in additional), None),
        extra=_extra(fields, additional),
        cache=body.count(b'"cachePoint"'),
    )


def _read_embeddings(model: str, fields: Mapping[str, Any]) -> EmbeddingFacts:
    nova = fields.get("singleEmbeddingParams") or {}
    text = fields.get("inputText") or (nova.get("text") or {}).get("value")
    dimensions = fields.get("dimensions") or fields.get("output_dimension") or nova.get("embeddingDimension")
    return EmbeddingFacts(model=model, input=fields.get("texts") or [text], dimensions=dimensions)


def _members(turn: Mapping[str, Any], name: str) -> list[Any]:
    return [block[name] for block in turn["content"] if name in block]


def _atoms(turn: Mapping[str, Any], ids: list[str]) -> Iterator[Atom]:
    for block in turn["content"]:
        yield from _atom(turn["role"], block, ids)


def _atom(role: str, block: Mapping[str, Any], ids: list[str]) -> Iterator[Atom]:
    if "text" in block:
        yield role, "text", block["text"]
    elif "toolUse" in block:
        yield role, "call", {"name": block["toolUse"]["name"], "args": block["toolUse"]["input"]}
    elif "toolResult" in block:
        result = block["toolResult"]
        text = "\n".join(part["text"] for part in result["content"] if "text" in part)
        yield "tool", "result", {"call": ids.index(result["toolUseId"]), "text": text}
    elif "reasoningContent" in block:
        yield role, "think", _thought(block["reasoningContent"])
    elif "image" in block:
        yield role, "image", _media(block["image"], "image")
    elif "document" in block:
        yield role, "file", _media(block["document"], "application")


def _thought(content: Mapping[str, Any]) -> dict[str, Any]:
    if "redactedContent" in content:
        return {"text": "", "signature": content["redactedContent"]}
    return dict(content["reasoningText"])


def _media(block: Mapping[str, Any], major: str) -> dict[str, str]:
    return media(base64.b64decode(block["source"]["bytes"]), f"{major}/{block['format']}")


def _tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    schema = reduce_schema(spec["inputSchema"]["json"])
    return {"name": spec["name"], "description": spec.get("description", ""), "schema": schema}


def _choice(choice: Mapping[str, Any] | None) -> Any:
    if choice is None:
        return None
    return (
        {"name": choice["tool"]["name"]}
        if "tool" in choice
        else {"auto": "auto", "any": "required"}[next(iter(choice))]
    )


def _format(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not config:
        return None
    schema = json.loads(config["textFormat"]["structure"]["jsonSchema"]["schema"])
    return {"type": "json_schema", "schema": reduce_schema(schema)}


def _extra(fields: Mapping[str, Any], additional: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in fields.items() if name not in _KNOWN}
    return own | {name: value for name, value in additional.items() if name not in (*_REASONING, "tool_choice")}
