"""Values with one part broken, for all parts in turn: what hostile or careless clients and providers send."""

from collections.abc import Iterator
from typing import Any

JUNK = (None, -7, "x", True, [[]], {"type": {}})


def broken(value: Any) -> Iterator[Any]:
    """The value with each of its parts in turn missing or replaced by nonsense."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield {other: value[other] for other in value if other != name}
            yield from ({**value, name: junk} for junk in (*JUNK, *broken(part)))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from ([*value[:index], junk, *value[index + 1 :]] for junk in (*JUNK, *broken(part)))


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/X"}, "minItems": 2}},
    "$defs": {"X": {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}},
    "required": ["a"],
    "additionalProperties": False,
}
# A chat request that has something of everything; what a provider doesn't take is to be left out of it.
RICH_CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "u"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA==", "detail": "low"}},
            ],
        },
        {
            "role": "assistant",
            "content": "x",
            "reasoning_content": "r",
            "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
            "provider_specific_fields": {
                "content_blocks": [
                    {"type": "text", "text": "x"},
                    {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
                ],
                "tool_plan": "p",
            },
            "tool_calls": [CALL],
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "r"}]},
        {"role": "user", "content": "v"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "strict": True, "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "g"}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
    "stop": ["a"],
    "max_tokens": 2000,
    "temperature": 1,
    "top_p": 1,
    "user": "u",
    "service_tier": "auto",
    "reasoning_effort": "low",
    "web_search_options": {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"country": "NO"}},
    },
}
