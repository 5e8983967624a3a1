"""Tools and the choice among them, in Anthropic's form.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.providers.anthropic.model import Model
from proxy.providers.anthropic.schema import fits_unchanged
from proxy.providers.content import bad_content

# OpenAI's search_context_size as a number of searches (LiteLLM's figures).
_SEARCHES = {"low": 1, "medium": 5, "high": 10}
# Members of a tool that are Anthropic's own and stand beside `function`.
_BESIDE = ("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")


def build_tools(fields: Mapping[str, Any], model: Model) -> list[dict[str, Any]]:
    """The tools of `tools`, of the older `functions`, and the one that `web_search_options` ask for."""
    allowed = _allowed_names(fields.get("tool_choice"))
    tools = [_build_tool(tool, f"tools[{index}]", model) for index, tool in enumerate(fields.get("tools") or ())]
    for index, function in enumerate(fields.get("functions") or ()):
        tools.append(_build_tool({"type": "function", "function": function}, f"functions[{index}]", model))
    options = fields.get("web_search_options")
    if isinstance(options, Mapping):
        tools.append(_web_search(options))
    return tools if allowed is None else [tool for tool in tools if tool.get("name") in allowed]


def _build_tool(tool: object, place: str, model: Model) -> dict[str, Any]:
    if not isinstance(tool, Mapping):
        raise bad_content("A tool is not an object", place)
    function = tool.get("function")
    if tool.get("type", "function") == "function" and isinstance(function, Mapping):
        return _function_tool(tool, function, model)
    if isinstance(function, Mapping):
        # LiteLLM's spelling of Anthropic's computer tools: their settings are the function's parameters.
        return {"type": tool["type"], "name": function.get("name"), **(function.get("parameters") or {})}
    if tool.get("type") == "function" or isinstance(tool.get("custom"), Mapping):
        raise bad_content("Anthropic takes no tool of this form", place)
    return dict(tool)


def _function_tool(tool: Mapping[str, Any], function: Mapping[str, Any], model: Model) -> dict[str, Any]:
    parameters = function.get("parameters") or {"properties": {}}
    built: dict[str, Any] = {"name": function.get("name"), "input_schema": {"type": "object", **parameters}}
    if function.get("description"):
        built["description"] = function["description"]
    if function.get("strict") and model.structured and fits_unchanged(built["input_schema"]):
        built["strict"] = True
    built.update({name: tool[name] for name in _BESIDE if name in tool})
    if "cache_control" in function:
        built["cache_control"] = function["cache_control"]
    return built


def _web_search(options: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    searches = _SEARCHES.get(options.get("search_context_size", ""))
    if searches is not None:
        tool["max_uses"] = searches
    location = options.get("user_location")
    if isinstance(location, Mapping):
        tool["user_location"] = {"type": "approximate", **(location.get("approximate") or location)}
    return tool


def _allowed_names(choice: object) -> frozenset[str] | None:
    """The names that a choice of type allowed_tools leaves; None is all."""
    allowed = choice.get("allowed_tools") if isinstance(choice, Mapping) else None
    if not isinstance(allowed, Mapping):
        return None
    tools = [tool for tool in allowed.get("tools") or () if isinstance(tool, Mapping)]
    return frozenset(str((tool.get("function") or tool).get("name")) for tool in tools)


def build_tool_choice(fields: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """`tool_choice` and `parallel_tool_calls`, which Anthropic has in one object; None where nothing was said."""
    if not tools:
        return None
    choice = _read_choice(fields)
    parallel = fields.get("parallel_tool_calls")
    if not isinstance(parallel, bool) or (choice and choice["type"] == "none"):
        return choice
    return {**(choice or {"type": "auto"}), "disable_parallel_tool_use": not parallel}


def is_forced(fields: Mapping[str, Any]) -> bool:
    """True if the client's choice leaves the model no way but to call a tool."""
    choice = _read_choice(fields)
    return choice is not None and choice.get("type") in ("any", "tool")


_CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}


def _read_choice(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    choice = fields.get("tool_choice")
    if choice is None:
        choice = fields.get("function_call")
    if choice is None:
        return None
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    if isinstance(choice, Mapping):
        allowed, function = choice.get("allowed_tools"), choice.get("function")
        if isinstance(allowed, Mapping):
            return {"type": "any" if allowed.get("mode") == "required" else "auto"}
        if isinstance(function, Mapping) or choice.get("type", "function") == "function":
            return {"type": "tool", "name": (function or choice).get("name")}
        return dict(choice)
    raise bad_content("A tool choice is auto, none, required or names a function", "tool_choice")
