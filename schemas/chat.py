"""POST chat/completions."""

from typing import Any

from marshmallow import ValidationError

from schemas.fields import Flag, ListOf, Number, Object, OneOf, check_object, check_text, check_texts, wrong_type
from schemas.request import RequestSchema


def check_effort(value: Any) -> None:
    check_object(value)
    effort = value.get("effort")
    if effort is not None:
        check_text(effort)


def check_message(message: Any) -> None:
    """A message has a role; its content is text, a list of typed parts, or nothing."""
    if type(message) is not dict:
        raise wrong_type(message, "an object")
    role = message.get("role")
    if type(role) is not str or not role:
        raise _at("role", "is required" if "role" not in message else "expected a non-empty string")
    content = message.get("content")
    if isinstance(content, list):
        _check_parts(content)
    elif not isinstance(content, str) and content is not None:
        raise ValidationError({"content": wrong_type(content, "a string or an array").messages})
    elif content is None and role in ("user", "system", "developer"):
        raise _at("content", "is required")
    if "tool_calls" in message and message["tool_calls"] is not None:
        _check_tool_calls(message["tool_calls"])


def _check_parts(parts: list[Any]) -> None:
    for position, part in enumerate(parts):
        if type(part) is not dict:
            raise ValidationError({"content": {position: wrong_type(part, "an object").messages}})
        if type(part.get("type")) is not str:
            raise ValidationError({"content": {position: {"type": ["expected a string"]}}})


def _check_tool_calls(tool_calls: Any) -> None:
    if type(tool_calls) is not list:
        raise ValidationError({"tool_calls": wrong_type(tool_calls, "an array").messages})
    for position, tool_call in enumerate(tool_calls):
        if type(tool_call) is not dict:
            raise ValidationError({"tool_calls": {position: wrong_type(tool_call, "an object").messages}})
        function = tool_call.get("function")
        if function is not None and type(function) is not dict:
            raise ValidationError({"tool_calls": {position: {"function": wrong_type(function, "an object").messages}}})


def check_tool(tool: Any) -> None:
    """A tool has a type; a function has a name."""
    check_object(tool)
    function = tool.get("function")
    if tool.get("type", "function") == "function" and "function" in tool:
        if type(function) is not dict:
            raise ValidationError({"function": wrong_type(function, "an object").messages})
        if type(function.get("name")) is not str:
            raise ValidationError({"function": {"name": ["expected a string"]}})
        parameters = function.get("parameters")
        if parameters is not None and type(parameters) is not dict:
            raise ValidationError({"function": {"parameters": wrong_type(parameters, "an object").messages}})


def _at(name: str, message: str) -> ValidationError:
    return ValidationError({name: [message]})


class ChatSchema(RequestSchema):
    messages = ListOf(check_message, required=True, filled=True)
    temperature = Number(allow_none=True)
    top_p = Number(allow_none=True)
    n = Number(whole=True, minimum=1, maximum=1024, allow_none=True)
    # -1 is no limit, as local servers have it.
    max_tokens = Number(whole=True, minimum=1, maximum=2**31, besides=-1, allow_none=True)
    max_completion_tokens = Number(whole=True, minimum=1, maximum=2**31, besides=-1, allow_none=True)
    stop = OneOf(check_text, check_texts, expected="a string or an array of strings", allow_none=True)
    seed = Number(whole=True, minimum=-(2**63), maximum=2**63 - 1, allow_none=True)
    presence_penalty = Number(allow_none=True)
    frequency_penalty = Number(allow_none=True)
    logit_bias = Object(allow_none=True)
    logprobs = Flag(allow_none=True)
    top_logprobs = Number(whole=True, minimum=0, maximum=1000, allow_none=True)
    stream_options = Object(allow_none=True)
    response_format = Object(allow_none=True)
    tools = ListOf(check_tool, allow_none=True)
    tool_choice = OneOf(check_text, check_object, expected="a string or an object", allow_none=True)
    parallel_tool_calls = Flag(allow_none=True)
    functions = ListOf(check_object, allow_none=True)
    function_call = OneOf(check_text, check_object, expected="a string or an object", allow_none=True)
    # The Responses API's form too: {"effort": "low", "summary": "auto"}.
    reasoning_effort = OneOf(check_text, check_effort, expected="a string", allow_none=True)
    thinking = Object(allow_none=True)
