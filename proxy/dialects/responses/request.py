"""A Responses request as a chat request. https://platform.openai.com/docs/api-reference/responses/create"""

from collections.abc import Mapping
from typing import Any

from proxy.dialects.responses.items import Messages
from proxy.dialects.responses.tools import Tools, read_tool_choice, read_tools
from proxy.domain.bridged import Pivot
from proxy.domain.json_text.document import Document
from proxy.domain.sealing import Sealer
from proxy.errors import BadRequestError

# Members that are chat's as well.
_SHARED = (
    "model stream temperature top_p user service_tier safety_identifier prompt_cache_key prompt_cache_retention".split()
)
# Read below, or without effect on the answer: the client's own bookkeeping, and what is shown beside the answer.
_READ = frozenset(
    "input instructions tools tool_choice parallel_tool_calls max_output_tokens text reasoning top_logprobs "
    "previous_response_id store include metadata client_metadata stream_options conversation prompt background "
    "truncation".split()
)
# What only a provider that speaks the Responses API can do.
_REFUSED = ("conversation", "prompt", "background")
# What the answer may go without where a provider lacks it.
OPTIONAL = frozenset(
    "web_search_options parallel_tool_calls prompt_cache_key prompt_cache_retention verbosity service_tier "
    "safety_identifier user reasoning_effort logprobs top_logprobs".split()
)
_NO_PLACE = frozenset({"max_tool_calls", "context_management", "moderation", "prompt_cache_options"})


def read_request(document: Document, sealer: Sealer | None = None) -> Pivot:
    """The request in chat's form. Raise BadRequestError that names the client's field.

    `sealer`: see Messages.
    """
    fields = document.fields
    for name in _REFUSED:
        if fields.get(name):
            raise BadRequestError(f"'{name}' is not available for this model.", param=name)
    tools = read_tools(fields)
    messages = Messages(sealer)
    messages.add_instructions(fields.get("instructions"))
    messages.add_items(fields.get("input"))
    pivot = {name: fields[name] for name in _SHARED if fields.get(name) is not None}
    pivot["messages"] = messages.finish()
    if not pivot["messages"]:
        raise BadRequestError("There is no input.", param="input")
    pivot |= _read_tooling(fields, tools) | _read_text(fields.get("text")) | _read_limits(fields)
    left_out = [*messages.left_out, *tools.left_out]
    for name, value in fields.items():
        if name in _NO_PLACE and value is not None:
            left_out.append(name)
        elif name not in _READ and name not in _NO_PLACE and value is not None:
            pivot.setdefault(name, value)
    if fields.get("truncation") not in (None, "disabled"):
        left_out.append("truncation")
    return Pivot(pivot, tuple(dict.fromkeys(left_out)), OPTIONAL)


def _read_tooling(fields: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    found: dict[str, Any] = {} if tools.search is None else {"web_search_options": tools.search}
    choice, functions = read_tool_choice(fields.get("tool_choice"), tools)
    if functions:
        found["tools"] = functions
        if choice is not None:
            found["tool_choice"] = choice
        if fields.get("parallel_tool_calls") is not None:
            found["parallel_tool_calls"] = fields["parallel_tool_calls"]
    return found


def _read_text(text: Any) -> dict[str, Any]:
    if not isinstance(text, Mapping):
        return {}
    found: dict[str, Any] = {} if text.get("verbosity") is None else {"verbosity": text["verbosity"]}
    form = text.get("format")
    if not isinstance(form, Mapping):
        return found
    kind = form.get("type")
    if kind == "json_schema":
        schema = {name: value for name, value in form.items() if name != "type" and value is not None}
        found["response_format"] = {"type": kind, "json_schema": {"name": "answer", **schema}}
    elif kind is not None and kind != "text":
        found["response_format"] = {"type": kind}
    return found


def _read_limits(fields: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if fields.get("max_output_tokens") is not None:
        found["max_tokens"] = fields["max_output_tokens"]
    reasoning = fields.get("reasoning")
    if isinstance(reasoning, Mapping) and reasoning.get("effort") is not None:
        found["reasoning_effort"] = reasoning["effort"]
    if fields.get("top_logprobs") or "message.output_text.logprobs" in (fields.get("include") or ()):
        found |= {"logprobs": True, "top_logprobs": fields.get("top_logprobs") or 0}
    return found
