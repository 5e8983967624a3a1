"""Tools and the choice among them, in Anthropic's form.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.providers.anthropic.model import Model
from proxy.providers.anthropic.schema import fits_unchanged
from proxy.providers.anthropic.strict_limits import StrictBudget
from proxy.providers.anthropic.structure import left_for_tools
from proxy.providers.translation.content import bad_content, list_objects, read_object
from proxy.providers.translation.tool_choice import read_tool_choice

# OpenAI's search_context_size as a number of searches (LiteLLM's figures).
_SEARCHES = {"low": 1, "medium": 5, "high": 10}
# Members of a tool that are Anthropic's own and stand beside `function`.
_BESIDE = ("cache_control", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")


def build_tools(fields: Mapping[str, Any], model: Model) -> list[dict[str, Any]]:
    """The tools of `tools`, of the older `functions`, and the one that `web_search_options` ask for."""
    tools = [_build_tool(tool, place) for place, tool in list_objects(fields.get("tools"), "tools")]
    for place, function in list_objects(fields.get("functions"), "functions"):
        tools.append(_function_tool({}, function, place))
    options = fields.get("web_search_options")
    if options is not None:
        tools.append(_web_search(read_object(options, "web_search_options")))
    choice = read_tool_choice(fields)
    allowed = [tool for tool in tools if choice.allows(tool.get("name"))]
    budget = left_for_tools(fields, model)
    return [_without_strict(tool) if _is_too_strict(tool, model, budget) else tool for tool in allowed]


def _is_too_strict(tool: Mapping[str, Any], model: Model, budget: StrictBudget) -> bool:
    """True if this model can't hold itself to the tool's schema, or not to so many of them."""
    schema = tool.get("input_schema")
    if not tool.get("strict") or not isinstance(schema, Mapping):
        return False
    return not (model.structured and fits_unchanged(schema) and budget.take(schema))


def _without_strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if name != "strict"}


def _build_tool(tool: Mapping[str, Any], place: str) -> dict[str, Any]:
    function = tool.get("function")
    if isinstance(function, Mapping):
        if tool.get("type", "function") == "function":
            return _function_tool(tool, function, place)
        # LiteLLM's spelling of Anthropic's computer tools: their settings are the function's parameters.
        settings = read_object(function.get("parameters"), f"{place}.function.parameters")
        return {"type": tool["type"], "name": function.get("name"), **settings}
    if tool.get("type") == "function" or isinstance(tool.get("custom"), Mapping):
        raise bad_content("Anthropic takes no tool of this form", place)
    return dict(tool)


def _function_tool(tool: Mapping[str, Any], function: Mapping[str, Any], place: str) -> dict[str, Any]:
    parameters = read_object(function.get("parameters"), f"{place}.function.parameters") or {"properties": {}}
    built: dict[str, Any] = {"name": function.get("name"), "input_schema": {"type": "object", **parameters}}
    if function.get("description"):
        built["description"] = function["description"]
    if function.get("strict"):
        built["strict"] = True
    built.update({name: tool[name] for name in _BESIDE if name in tool})
    if "cache_control" in function:
        built["cache_control"] = function["cache_control"]
    return built


def _web_search(options: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    size = options.get("search_context_size")
    if isinstance(size, str) and size in _SEARCHES:
        tool["max_uses"] = _SEARCHES[size]
    location = read_object(options.get("user_location"), "web_search_options.user_location")
    if location:
        place = location.get("approximate")
        tool["user_location"] = {"type": "approximate", **(place if isinstance(place, Mapping) else location)}
    return tool


_TYPES = {"auto": "auto", "none": "none", "required": "any", "tool": "tool"}


def build_tool_choice(fields: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """`tool_choice` and `parallel_tool_calls`, which Anthropic has in one object; None where nothing was said."""
    choice = read_tool_choice(fields)
    parallel = _read_parallel(fields)
    if not tools or (choice.mode is None and parallel is None):
        return None
    built: dict[str, Any] = {"type": _TYPES[choice.mode or "auto"]}
    if choice.name is not None:
        built["name"] = choice.name
    if parallel is not None and choice.mode != "none":
        built["disable_parallel_tool_use"] = not parallel
    return built


def _read_parallel(fields: Mapping[str, Any]) -> bool | None:
    parallel = fields.get("parallel_tool_calls")
    if isinstance(parallel, bool):
        return parallel
    native = fields.get("tool_choice")
    off = native.get("disable_parallel_tool_use") if isinstance(native, Mapping) else None
    return not off if isinstance(off, bool) else None
