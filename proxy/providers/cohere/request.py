"""A chat request in the form of Cohere's second version: https://docs.cohere.com/reference/chat"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.translation.content import (
    bad_content,
    list_messages,
    list_objects,
    list_parts,
    read_text,
    read_url,
    with_true_type,
)
from proxy.providers.translation.effort import BUDGETS, read_effort
from proxy.providers.translation.tool_choice import read_tool_choice

BASE_URL = "https://api.cohere.com"

# OpenAI's name -> Cohere's. Of two with one name the later wins.
_RENAMED = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logprobs": "logprobs",
}
_TRANSLATED = frozenset(
    {"messages", "model", "stream", "stream_options", "n", "stop", "tools", "tool_choice", "response_format"}
    | {"reasoning_effort"}
)
# `n` is known, and not to be had.
SUPPORTED = (_TRANSLATED | _RENAMED.keys()) - {"top_k", "n"}

_LEAST_P, _MOST_P = 0.01, 0.99

# What a base may have at its end that is not the host's.
_VERSION = re.compile(r"(/v[12])?(/(chat|embed))?$")
_ROLES = {"developer": "system"}
# Models from before Cohere's reasoning ones: they refuse thinking parts.
_UNTHINKING = re.compile(r"command-(r|light|nightly|a-03|a-vision|a-translate)|aya")


def build_chat(call: Call, deployment: Deployment) -> WireRequest:
    """Raise BadRequestError, naming the place, for what Cohere's form can't express."""
    fields = {name: value for name, value in call.fields.items() if value is not None}
    own = {name: value for name, value in fields.items() if name not in _TRANSLATED and name not in _RENAMED}
    body = {**own, "model": deployment.model, "messages": build_messages(fields, deployment.model)}
    body.update({_RENAMED[name]: fields[name] for name in _RENAMED if name in fields})
    body.update(_bound_sampling(body))
    body.update({**_stop(fields), **_tools(fields), **_format(fields), **_thinking(fields)})
    if call.stream:
        body["stream"] = True
    return build_wire("chat", body, deployment, stream=call.stream)


def _bound_sampling(body: Mapping[str, Any]) -> dict[str, float]:
    """OpenAI's `top_p` runs from 0 to 1, Cohere's `p` from 0.01 to 0.99: the ends become the nearest value.

    https://docs.cohere.com/reference/chat. What OpenAI does not take either is left for Cohere to refuse.
    """
    p = body.get("p")
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        return {}
    return {"p": min(max(p, _LEAST_P), _MOST_P)}


def build_wire(operation: str, body: Mapping[str, Any], deployment: Deployment, *, stream: bool = False) -> WireRequest:
    """`body` to one of the operations, chat or embed."""
    if not deployment.api_key:
        raise AuthenticationError(f"{deployment.provider} has no api_key", provider=deployment.provider)
    base = _VERSION.sub("", deployment.api_base or BASE_URL)
    headers = {**(STREAM_HEADERS if stream else JSON_HEADERS), "authorization": f"Bearer {deployment.api_key}"}
    return WireRequest(f"{base}/v2/{operation}", dumps(body), headers, guarded=deployment.guarded)


def build_messages(fields: Mapping[str, Any], model: str) -> list[dict[str, Any]]:
    return [_build_message(message, param, model) for param, message in list_messages(fields)]


def _build_message(message: Mapping[str, Any], param: str, model: str) -> dict[str, Any]:
    role = message.get("role")
    if role == "assistant":
        return _assistant(message, param, model)
    if role == "tool":
        if not isinstance(message.get("tool_call_id"), str):
            raise bad_content("A tool message names no tool call", f"{param}.tool_call_id")
        return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": _content(message, param)}
    if role in ("system", "developer", "user"):
        return {"role": _ROLES.get(role, role), "content": _content(message, param)}
    raise bad_content("A message's role is system, developer, user, assistant or tool", f"{param}.role")


def _content(message: Mapping[str, Any], param: str) -> str | list[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, str) else [_part(part, place) for place, part in list_parts(content, param)]


def _part(part: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": read_text(part, place)}
    if kind == "image_url":
        image = part["image_url"] if isinstance(part.get("image_url"), Mapping) else {}
        detail = {"detail": image["detail"]} if image.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": with_true_type(read_url(part, place), place), **detail}}
    if kind in ("document", "thinking"):
        return part
    raise bad_content(f"Cohere takes no content part of type {kind!r}", place)


def _assistant(message: Mapping[str, Any], param: str, model: str) -> dict[str, Any]:
    """Thoughts go back as a part, the plan that came with tool calls as `tool_plan`."""
    built: dict[str, Any] = {"role": "assistant"}
    plan, thoughts = _split_reasoning(message, model)
    content = _content(message, param) if message.get("content") else []
    if thoughts:
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        content = [{"type": "thinking", "thinking": thoughts}, *parts]
    if content:
        built["content"] = content
    calls = list(_tool_calls(message, param))
    if calls:
        built["tool_calls"] = calls
        if plan:
            built["tool_plan"] = plan
    return built if content or calls else {**built, "content": ""}


def _split_reasoning(message: Mapping[str, Any], model: str) -> tuple[str, str]:
    """The plan and the thoughts in `reasoning_content`: an answer of Cohere's separates them."""
    reasoning = message.get("reasoning_content")
    thoughts = reasoning if isinstance(reasoning, str) else ""
    specific = message.get("provider_specific_fields")
    plan = specific.get("tool_plan") if isinstance(specific, Mapping) else None
    unthinking = _UNTHINKING.search(model) is not None
    if isinstance(plan, str) and plan:
        return plan, "" if unthinking or thoughts == plan else thoughts
    return (thoughts, "") if unthinking else ("", thoughts)


def _tool_calls(message: Mapping[str, Any], param: str) -> Iterator[dict[str, Any]]:
    for place, call in list_objects(message.get("tool_calls"), f"{param}.tool_calls"):
        function = call.get("function")
        if not isinstance(function, Mapping):
            raise bad_content("A tool call has no function", place)
        named = {"name": function.get("name"), "arguments": function.get("arguments") or "{}"}
        yield {"id": call.get("id"), "type": "function", "function": named}


def _stop(fields: Mapping[str, Any]) -> dict[str, Any]:
    stop = fields.get("stop")
    return {"stop_sequences": [stop] if isinstance(stop, str) else stop} if stop else {}


def _tools(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The tools and the choice. Cohere can't force one tool, so the others are left out."""
    choice = read_tool_choice(fields)
    given = [_read_function(tool, place) for place, tool in list_objects(fields.get("tools"), "tools")]
    kept = [
        function for function in given if choice.allows(function["name"]) and choice.name in (None, function["name"])
    ]
    if not kept:
        return {}
    built: dict[str, Any] = {"tools": [_tool(function) for function in kept]}
    if choice.mode in _CHOICES:
        built["tool_choice"] = _CHOICES[choice.mode]
    if all(function.get("strict") for function in kept):
        built["strict_tools"] = True
    return built


_CHOICES = {"none": "NONE", "required": "REQUIRED", "tool": "REQUIRED"}


def _read_function(tool: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content("Cohere takes tools of type function only, and they have a name", place)
    return function


def _tool(function: Mapping[str, Any]) -> dict[str, Any]:
    built = {name: function[name] for name in ("name", "description") if name in function}
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return {"type": "function", "function": {**built, "parameters": parameters}}


def _format(fields: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.cohere.com/docs/structured-outputs: a schema is beside the type json_object."""
    wanted = fields.get("response_format")
    if wanted is None:
        return {}
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind in ("text", "json_object"):
        return {"response_format": wanted}
    wrapper = wanted.get("json_schema") if isinstance(wanted, Mapping) else None
    if kind != "json_schema" or not isinstance(wrapper, Mapping) or not isinstance(wrapper.get("schema"), Mapping):
        raise bad_content("A response format is text, json_object or json_schema with a schema", "response_format")
    return {"response_format": {"type": "json_object", "schema": wrapper["schema"]}}


def _thinking(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`thinking` in Anthropic's form or Cohere's, else `reasoning_effort` as a budget."""
    thinking = fields.get("thinking")
    if isinstance(thinking, Mapping):
        kind = "disabled" if thinking.get("type") == "disabled" else "enabled"
        budget = thinking.get("token_budget") or thinking.get("budget_tokens")
        return {"thinking": {"type": kind, **({"token_budget": budget} if budget else {})}}
    effort = read_effort(fields)
    if effort is None:
        return {}
    return {
        "thinking": {"type": "disabled"} if effort == "none" else {"type": "enabled", "token_budget": BUDGETS[effort]}
    }
