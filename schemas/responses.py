"""POST responses, OpenAI's Responses API. Items are looked at for their outer shape only: clients send kinds and members
that no document names."""

from typing import Any, ClassVar

from marshmallow import ValidationError

from schemas.fields import (
    Check,
    Flag,
    ListOf,
    Number,
    Object,
    OneOf,
    Shape,
    Text,
    check_list,
    check_object,
    check_text,
    wrong_type,
)
from schemas.request import RequestSchema

# Members of an item that are texts where they are there, by the item's type.
_TEXTS = {
    "function_call": ("call_id", "name"),
    "custom_tool_call": ("call_id", "name", "input"),
    "function_call_output": ("call_id",),
    "custom_tool_call_output": ("call_id",),
    "item_reference": ("id",),
}


def check_item(item: Any) -> None:
    """An item has a type or a role; a message's content is a text or a list of typed parts."""
    if type(item) is str:
        return
    if type(item) is not dict:
        raise wrong_type(item, "an object")
    for name in ("type", "role"):
        if item.get(name) is not None and type(item[name]) is not str:
            raise _at(name, wrong_type(item[name], "a string"))
    kind, content = item.get("type"), item.get("content")
    if kind is None and item.get("role") is None:
        raise ValidationError({"type": ["is required"]})
    if kind in (None, "message"):
        _check_content(content)
    for name in _TEXTS.get(kind or "", ()):
        if item.get(name) is None:
            raise ValidationError({name: ["is required"]})
        if type(item[name]) is not str:
            raise _at(name, wrong_type(item[name], "a string"))
    if kind in ("additional_tools", "tool_search_output") and type(item.get("tools")) is not list:
        raise _at("tools", wrong_type(item.get("tools"), "an array"))


def _check_content(content: Any) -> None:
    if content is None or type(content) is str:
        return
    if type(content) is not list:
        raise _at("content", wrong_type(content, "a string or an array"))
    for position, part in enumerate(content):
        if type(part) is dict and type(part.get("type")) is str:
            continue
        fault = ["expected an object with a type"] if type(part) is not dict else {"type": ["expected a string"]}
        raise ValidationError({"content": {position: fault}})


def _at(name: str, error: ValidationError) -> ValidationError:
    return ValidationError({name: error.messages})


def check_items(items: Any) -> None:
    check_list(items)
    for position, item in enumerate(items):
        try:
            check_item(item)
        except ValidationError as error:
            raise ValidationError({position: error.messages}) from None


def check_tool(tool: Any) -> None:
    """A tool has a type; functions, custom tools and namespaces have names."""
    check_object(tool)
    if type(tool.get("type")) is not str:
        raise ValidationError({"type": ["is required" if "type" not in tool else "expected a string"]})
    named = tool["type"] in ("function", "custom", "namespace") and "function" not in tool
    if named and type(tool.get("name")) is not str:
        raise ValidationError({"name": ["is required" if "name" not in tool else "expected a string"]})
    if tool.get("parameters") is not None and type(tool["parameters"]) is not dict:
        raise _at("parameters", wrong_type(tool["parameters"], "an object"))
    if tool["type"] == "namespace" and type(tool.get("tools")) is not list:
        raise _at("tools", wrong_type(tool.get("tools"), "an array"))


def check_format(value: Any) -> None:
    """`text`: its format has a type; a JSON schema is an object."""
    check_object(value)
    form = value.get("format")
    if form is None:
        return
    if type(form) is not dict:
        raise _at("format", wrong_type(form, "an object"))
    if type(form.get("type")) is not str:
        raise ValidationError({"format": {"type": ["is required" if "type" not in form else "expected a string"]}})
    if form["type"] == "json_schema" and type(form.get("schema")) is not dict:
        raise ValidationError({"format": {"schema": wrong_type(form.get("schema"), "an object").messages}})


def check_reasoning(value: Any) -> None:
    check_object(value)
    for name in ("effort", "summary"):
        if value.get(name) is not None and type(value[name]) is not str:
            raise _at(name, wrong_type(value[name], "a string"))


class Checked(Shape):
    """What `check` lets pass; a text as well where `or_text` is set."""

    def __init__(self, check: Check, *, or_text: bool = False, **options: Any) -> None:
        super().__init__(*((str,) if or_text else ()), **options)
        self._check, self._or_text = check, or_text

    def check(self, value: Any) -> None:
        if self._or_text and type(value) is str:
            return
        if self._or_text and type(value) not in (list, dict):
            raise wrong_type(value, "a string or an array")
        self._check(value)


class ResponsesSchema(RequestSchema):
    provider_members: ClassVar[frozenset[str]] = frozenset({"metadata"})

    input = Checked(check_items, or_text=True, allow_none=True)
    instructions = Checked(check_items, or_text=True, allow_none=True)
    tools = ListOf(check_tool, allow_none=True)
    tool_choice = OneOf(check_text, check_object, expected="a string or an object", allow_none=True)
    parallel_tool_calls = Flag(allow_none=True)
    text = Checked(check_format, allow_none=True)
    reasoning = Checked(check_reasoning, allow_none=True)
    max_output_tokens = Number(whole=True, minimum=1, maximum=2**31, allow_none=True)
    max_tool_calls = Number(whole=True, minimum=0, maximum=2**31, allow_none=True)
    temperature = Number(allow_none=True)
    top_p = Number(allow_none=True)
    top_logprobs = Number(whole=True, minimum=0, maximum=1000, allow_none=True)
    include = ListOf(check_text, allow_none=True)
    metadata = Object(allow_none=True)
    client_metadata = Object(allow_none=True)
    previous_response_id = Text(allow_none=True)
    prompt_cache_key = Text(allow_none=True)
    safety_identifier = Text(allow_none=True)
    service_tier = Text(allow_none=True)
    truncation = Text(allow_none=True)
    prompt = Object(allow_none=True)
    store = Flag(allow_none=True)
    background = Flag(allow_none=True)
    stream_options = Object(allow_none=True)
