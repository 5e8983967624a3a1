"""Reads requests in Anthropic's Messages format."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.providers.upstream.facts import Atom, Facts, media, reduce_schema

_PARAMS = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "stop_sequences": "stop"}
_KNOWN = {"model", "messages", "system", "stream", "tools", "tool_choice", "thinking", "output_config", "output_format"}


def read(path: str, headers: Mapping[str, str], body: bytes) -> Facts:
    fields = json.loads(body)
    choice = fields.get("tool_choice") or {}
    off = choice.get("disable_parallel_tool_use")
    return Facts(
        model=fields.get("model") or path.rpartition("/")[2].partition(":")[0],
        stream=bool(fields.get("stream")),
        system=_texts(fields.get("system") or ""),
        atoms=list(_atoms(fields["messages"])),
        tools=[_tool(tool) for tool in fields.get("tools") or []],
        tool_choice=_tool_choice(choice),
        parallel=None if off is None else not off,
        params={_PARAMS[name]: value for name, value in fields.items() if name in _PARAMS},
        format=_format(fields),
        reasoning=fields.get("thinking"),
        extra={name: value for name, value in fields.items() if name not in _PARAMS and name not in _KNOWN},
        cache=body.count(b'"cache_control"'),
    )


def _texts(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content if "text" in block)


def _atoms(messages: list[Mapping[str, Any]]) -> Iterator[Atom]:
    blocks = [(message["role"], block) for message in messages for block in _blocks(message["content"])]
    positions = {block["id"]: n for n, (_, block) in enumerate(b for b in blocks if b[1]["type"] == "tool_use")}
    for role, block in blocks:
        yield _atom(role, block, positions)


def _blocks(content: Any) -> list[Mapping[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _atom(role: str, block: Mapping[str, Any], positions: Mapping[str, int]) -> Atom:
    kind = block["type"]
    if kind == "tool_use":
        return role, "call", {"name": block["name"], "args": block["input"]}
    if kind == "tool_result":
        return "tool", "result", {"call": positions[block["tool_use_id"]], "text": _texts(block.get("content") or "")}
    if kind == "thinking":
        return role, "think", {"text": block["thinking"], "signature": block["signature"]}
    if kind in ("image", "document"):
        return role, "image" if kind == "image" else "file", _source(block["source"])
    return (role, "text", block["text"]) if kind == "text" else (role, kind, block)


def _source(source: Mapping[str, Any]) -> dict[str, str]:
    if source["type"] == "base64":
        return media(base64.b64decode(source["data"]), source["media_type"])
    return {name: value for name, value in source.items() if name != "type"}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if "input_schema" not in tool:
        return dict(tool)
    return {
        "name": tool["name"],
        "description": tool.get("description", ""),
        "schema": reduce_schema(tool["input_schema"]),
    }


def _tool_choice(choice: Mapping[str, Any]) -> Any:
    if choice.get("type") == "tool":
        return {"name": choice["name"]}
    return {"any": "required"}.get(choice.get("type", ""), choice.get("type"))


def _format(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = fields.get("output_format") or (fields.get("output_config") or {}).get("format")
    return {"type": wanted["type"], "schema": reduce_schema(wanted["schema"])} if wanted else None
