"""Anthropic's tools and the choice among them, in OpenAI's form."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proxy.errors import BadRequestError

Fields = Mapping[str, Any]

TOOL_ADDITION, TOOL_REMOVAL = "tool_addition", "tool_removal"
_SEARCH = "web_search_"
_TOOL_SEARCH = "tool_search_tool"
_CHOICES: Mapping[str, str] = {"auto": "auto", "any": "required", "none": "none"}
# Of web search's settings, those that have a place elsewhere.
_SEARCH_SETTINGS = frozenset({"type", "name", "max_uses", "user_location", "cache_control"})


class Tools(NamedTuple):
    """`functions`: the client's own tools. `web_search`: the options, None where it is not asked for.

    `parallel` is None where nothing is said of it. `left_out` names settings without a place.
    """

    functions: tuple[dict[str, Any], ...] = ()
    web_search: dict[str, Any] | None = None
    choice: str | dict[str, Any] | None = None
    parallel: bool | None = None
    left_out: tuple[str, ...] = ()


def build_tools(fields: Fields) -> Tools:
    """Raise BadRequestError, naming the tool, for one that only Anthropic runs."""
    tools = [*(fields.get("tools") or []), *added_tools(fields["messages"])]
    shown = _shown(tools, fields["messages"])
    functions, search, left_out = [], None, []
    for index, tool in enumerate(tools):
        kind = tool.get("type") or "custom"
        if kind == "custom":
            functions.extend([_function(tool)] if shown is None or tool["name"] in shown else [])
        elif kind.startswith(_SEARCH):
            search = _web_search(tool)
            left_out += [f"tools[{index}].{name}" for name in tool if name not in _SEARCH_SETTINGS]
        elif kind.startswith(_TOOL_SEARCH):
            left_out.append(f"tools[{index}]")
        else:
            raise BadRequestError(
                f"The tool '{tool.get('name', kind)}' ({kind}) is not available for this model: only Anthropic's run it.",
                param=f"tools[{index}]",
            )
    choice, parallel = _choice(fields.get("tool_choice"))
    if isinstance(choice, dict) and search is not None and choice["function"]["name"] == "web_search":
        choice = None
    return Tools(tuple(functions), search, choice, parallel, tuple(left_out))


def _shown(tools: list[Fields], turns: list[Fields]) -> frozenset[str] | None:
    """The names of the tools that the model sees; None for all.

    A deferred tool is shown once a client's own search has referred to it. Where Anthropic would search, all are shown.
    """
    if any(str(tool.get("type") or "").startswith(_TOOL_SEARCH) for tool in tools):
        return None
    if not any(tool.get("defer_loading") for tool in tools):
        return None
    names = {tool["name"] for tool in tools if not tool.get("defer_loading") and "name" in tool}
    return frozenset(names.union(_references(turns)))


def _references(turns: list[Fields]) -> Iterator[str]:
    """The names in the tool references of tool results, and of additions amid the conversation."""
    for turn in turns:
        content = turn.get("content")
        for block in content if isinstance(content, list) else ():
            inner = block.get("content") if block.get("type") == "tool_result" else [block.get("tool")]
            for each in inner if isinstance(inner, list) else ():
                if isinstance(each, Mapping) and each.get("type") == "tool_reference":
                    yield str(each.get("tool_name") or each.get("name"))


def added_tools(turns: list[Fields]) -> list[Fields]:
    """The tools that system turns define: https://platform.claude.com/docs/build-with-claude/mid-conversation-system-messages"""
    added: list[Fields] = []
    for turn in turns:
        content = turn.get("content") if turn.get("role") == "system" else None
        for block in content if isinstance(content, list) else ():
            tool = block.get("tool") if block.get("type") == TOOL_ADDITION else None
            definition = tool.get("definition") if isinstance(tool, Mapping) else None
            if isinstance(definition, Mapping) and isinstance(definition.get("name"), str):
                added.append({"input_schema": {"type": "object"}, **definition})
    return added


def _function(tool: Fields) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool["name"], "parameters": tool["input_schema"]}
    if tool.get("description"):
        function["description"] = tool["description"]
    if tool.get("strict"):
        function["strict"] = True
    built: dict[str, Any] = {"type": "function", "function": function}
    return {**built, "cache_control": tool["cache_control"]} if tool.get("cache_control") else built


def _web_search(tool: Fields) -> dict[str, Any]:
    location = tool.get("user_location")
    if not isinstance(location, Mapping):
        return {}
    place = {name: value for name, value in location.items() if name != "type"}
    return {"user_location": {"type": "approximate", "approximate": place}}


def _choice(choice: object) -> tuple[str | dict[str, Any] | None, bool | None]:
    """(the choice, whether several tools may be called at once)"""
    if not isinstance(choice, Mapping):
        return None, None
    parallel = False if choice.get("disable_parallel_tool_use") else None
    if choice["type"] == "tool":
        return {"type": "function", "function": {"name": choice["name"]}}, parallel
    return _CHOICES[choice["type"]], parallel
