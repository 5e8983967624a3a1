"""Reads requests of the Gemini API and of Vertex AI, chat and embeddings."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.providers.upstream.facts import Atom, EmbeddingFacts, Facts, media, reduce_schema

_PARAMS = {
    "maxOutputTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "candidateCount": "n",
    "stopSequences": "stop",
    "seed": "seed",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
_READ = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig"}
_FORMAT = {"responseMimeType", "responseJsonSchema", "responseSchema", "thinkingConfig"}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts | EmbeddingFacts:
    fields = json.loads(body)
    found = re.search(r"/models/([^/:]+):(\w+)", path)
    assert found is not None
    model, method = found.groups()
    if method in ("predict", "embedContent", "batchEmbedContents"):
        return _read_embeddings(model, fields)
    config = fields.get("generationConfig") or {}
    return Facts(
        model=model,
        stream=method == "streamGenerateContent",
        system="\n".join(part["text"] for part in (fields.get("systemInstruction") or {}).get("parts", [])),
        atoms=list(_atoms(fields["contents"])),
        tools=[_tool(tool) for entry in fields.get("tools", []) for tool in entry.get("functionDeclarations", [])],
        tool_choice=_tool_choice((fields.get("toolConfig") or {}).get("functionCallingConfig")),
        params={_PARAMS[name]: value for name, value in config.items() if name in _PARAMS},
        format=_format(config),
        reasoning={"gemini": config["thinkingConfig"]} if "thinkingConfig" in config else None,
        extra={
            **{name: value for name, value in config.items() if name not in _PARAMS and name not in _FORMAT},
            **{name: value for name, value in fields.items() if name not in _READ},
        },
    )


def _read_embeddings(model: str, fields: Mapping[str, Any]) -> EmbeddingFacts:
    if "instances" in fields:
        texts = [instance["content"] for instance in fields["instances"]]
        return EmbeddingFacts(model, texts, (fields.get("parameters") or {}).get("outputDimensionality"))
    requests = fields.get("requests") or [fields]
    texts = [request["content"]["parts"][0]["text"] for request in requests]
    settings = requests[0].get("embedContentConfig", requests[0])
    return EmbeddingFacts(model, texts, settings.get("outputDimensionality"))


def _atoms(contents: list[Mapping[str, Any]]) -> Iterator[Atom]:
    calls: list[str] = []
    answered: set[int] = set()
    for content in contents:
        role = "assistant" if content["role"] == "model" else "user"
        for part in content["parts"]:
            if "functionCall" in part:
                calls.append(part["functionCall"]["name"])
                yield role, "call", _call(part)
            elif "functionResponse" in part:
                response = part["functionResponse"]
                position = next(n for n, name in enumerate(calls) if name == response["name"] and n not in answered)
                answered.add(position)
                yield "tool", "result", {"call": position, "text": _result(response["response"])}
            else:
                yield _part(role, part)


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    call = {"name": part["functionCall"]["name"], "args": part["functionCall"]["args"]}
    return {**call, "signature": part["thoughtSignature"]} if "thoughtSignature" in part else call


def _result(response: Mapping[str, Any]) -> str:
    values = list(response.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else json.dumps(response)


def _part(role: str, part: Mapping[str, Any]) -> Atom:
    if "inlineData" in part:
        mime = part["inlineData"]["mimeType"]
        kind = "image" if mime.startswith("image/") else "file"
        return role, kind, media(base64.b64decode(part["inlineData"]["data"]), mime)
    if "fileData" in part:
        return role, "file", {"url": part["fileData"]["fileUri"]}
    return role, "think" if part.get("thought") else "text", part["text"]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": tool["name"],
        "description": tool.get("description", ""),
        "schema": reduce_schema(tool.get("parametersJsonSchema") or {"type": "object"}),
    }


def _tool_choice(config: Mapping[str, Any] | None) -> Any:
    if config is None:
        return None
    names = config.get("allowedFunctionNames") or []
    if len(names) == 1:
        return {"name": names[0]}
    return {"ANY": "required", "AUTO": "auto", "NONE": "none"}[config["mode"]]


def _format(config: Mapping[str, Any]) -> dict[str, Any] | None:
    if config.get("responseMimeType") != "application/json":
        return None
    if "responseJsonSchema" not in config:
        return {"type": "json_object", "schema": None}
    return {"type": "json_schema", "schema": reduce_schema(config["responseJsonSchema"])}
