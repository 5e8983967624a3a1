"""The client's choice among its tools, in all of OpenAI's forms, for formats that are translated."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from proxy.providers.translation.content import bad_content, list_objects

Mode = Literal["auto", "none", "required", "tool"]


class ToolChoice(NamedTuple):
    """`mode` is None where it is not set. `name`: the tool, for mode "tool". `allowed`: the tools that are left."""

    mode: Mode | None = None
    name: str | None = None
    allowed: frozenset[str] | None = None

    @property
    def is_forced(self) -> bool:
        """True if the model has no way but to call a tool."""
        return self.mode in ("required", "tool")

    def allows(self, name: object) -> bool:
        return self.allowed is None or (isinstance(name, str) and name in self.allowed)


_MODES: Mapping[str, Mode] = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def read_tool_choice(fields: Mapping[str, Any]) -> ToolChoice:
    """`tool_choice`, else the older `function_call`; Anthropic's words for a choice are understood too."""
    given = fields.get("tool_choice")
    choice = fields.get("function_call") if given is None else given
    if choice is None:
        return ToolChoice()
    if isinstance(choice, str) and choice in _MODES:
        return ToolChoice(_MODES[choice])
    found = _read_object(choice) if isinstance(choice, Mapping) else None
    if found is None:
        raise bad_content("A tool choice is auto, none, required or names a function", "tool_choice")
    return found


def _read_object(choice: Mapping[str, Any]) -> ToolChoice | None:
    kind, allowed = choice.get("type", "function"), choice.get("allowed_tools")
    if isinstance(allowed, Mapping):
        place = "tool_choice.allowed_tools.tools"
        names = frozenset(str(_name(tool)) for _, tool in list_objects(allowed.get("tools"), place))
        return ToolChoice("required" if allowed.get("mode") == "required" else "auto", allowed=names)
    if isinstance(kind, str) and kind in _MODES:
        return ToolChoice(_MODES[kind])
    name = _name(choice)
    return ToolChoice("tool", name) if isinstance(name, str) else None


def _name(tool: Mapping[str, Any]) -> Any:
    function = tool.get("function")
    return function.get("name") if isinstance(function, Mapping) else tool.get("name")
