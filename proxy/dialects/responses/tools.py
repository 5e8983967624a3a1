"""The tools of a Responses request as chat functions, and their calls taken back: custom tools, namespaces, tool search.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.domain.json_text.codec import dumps, loads
from proxy.errors import BadRequestError

# A function's name in chat completions.
_LONGEST_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
# Hosted tools that a model can go without: the answer is a worse one, not another one.
_DISPENSABLE = frozenset({"image_generation", "code_interpreter"})
_SEARCHES = ("web_search", "web_search_preview")
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
SEARCH_NAME = "tool_search"


class ToolName(NamedTuple):
    """A tool as the client names it. `kind` is function, custom or tool_search."""

    kind: str
    name: str
    namespace: str | None = None


class Tools(NamedTuple):
    """`functions`: chat's tools. `names`: the client's by the functions' names. `search`: chat's web_search_options, None
    where no web search is wanted. `left_out`: hosted tools without a place."""

    functions: list[dict[str, Any]]
    names: Mapping[str, ToolName]
    search: Mapping[str, Any] | None
    left_out: tuple[str, ...]


def read_tools(fields: Mapping[str, Any]) -> Tools:
    """All tools of a request: those of `tools`, and those that its input items bring.

    Raise BadRequestError, naming the place, for a hosted tool without which the answer would be another one.
    """
    functions: dict[str, dict[str, Any]] = {}
    names: dict[str, ToolName] = {}
    search: Mapping[str, Any] | None = None
    left_out: list[str] = []
    for place, namespace, tool in _all_tools(fields):
        kind = tool.get("type")
        if isinstance(kind, str) and kind.startswith(_SEARCHES):
            search = _read_search(tool)
        elif kind == "tool_search" and tool.get("execution") != "client":
            # The provider would load tools when they are needed: all are loaded.
            continue
        elif kind in ("function", "custom", "tool_search"):
            name = ToolName(kind, _name_of(tool, kind, place), _text(namespace.get("name")))
            chat_name = find_chat_name(name.name, name.namespace)
            names[chat_name] = name
            functions[chat_name] = _build_function(chat_name, kind, tool, _text(namespace.get("description")))
        elif kind in _DISPENSABLE:
            left_out.append(f"tools.{kind}")
        else:
            raise BadRequestError(f"The tool '{kind}' is not available for this model.", param=f"{place}.type")
    return Tools(list(functions.values()), names, search, tuple(dict.fromkeys(left_out)))


def find_chat_name(name: str, namespace: str | None) -> str:
    """A function's name for a tool; long names are cut, and stay different from each other."""
    full = f"{namespace}__{name}" if namespace else name
    clean = _NOT_IN_NAMES.sub("_", full)
    if clean == full and len(clean) <= _LONGEST_NAME:
        return clean
    digest = hashlib.blake2s(full.encode(), digest_size=4).hexdigest()
    return f"{clean[: _LONGEST_NAME - 9]}_{digest}"


def read_tool_choice(choice: Any, tools: Tools) -> tuple[Any, list[dict[str, Any]]]:
    """Chat's tool_choice, and the functions that are left of the tools."""
    functions = tools.functions
    if not isinstance(choice, Mapping):
        return choice, functions
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = {_chosen(one) for one in choice.get("tools") or () if isinstance(one, Mapping)}
        return choice.get("mode") or "auto", [one for one in functions if one["function"]["name"] in allowed]
    if kind in ("function", "custom", "tool_search"):
        return {"type": "function", "function": {"name": _chosen(choice)}}, functions
    if isinstance(kind, str) and kind.startswith(_SEARCHES) and tools.search is not None and not functions:
        return "auto", functions
    raise BadRequestError(f"The tool choice '{kind}' is not available for this model.", param="tool_choice.type")


def _chosen(choice: Mapping[str, Any]) -> str:
    if choice.get("type") == "tool_search":
        return SEARCH_NAME
    return find_chat_name(_text(choice.get("name")) or "", _text(choice.get("namespace")))


def _all_tools(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """(place, namespace, tool) of each; a tool of no namespace has an empty one."""
    yield from _flat(fields.get("tools"), "tools")
    items = fields.get("input")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping) and item.get("type") in ("additional_tools", "tool_search_output"):
            yield from _flat(item.get("tools"), f"input[{index}].tools")


def _flat(tools: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for index, tool in enumerate(tools if isinstance(tools, Sequence) else ()):
        here = f"{place}[{index}]"
        if not isinstance(tool, Mapping):
            raise BadRequestError(f"A tool is not an object ({here})", param=here)
        if tool.get("type") == "namespace":
            inner = tool.get("tools")
            for position, one in enumerate(inner if isinstance(inner, list) else ()):
                if not isinstance(one, Mapping):
                    raise BadRequestError(f"A tool is not an object ({here})", param=f"{here}.tools[{position}]")
                yield f"{here}.tools[{position}]", tool, one
        else:
            yield here, {}, tool


def _name_of(tool: Mapping[str, Any], kind: str, place: str) -> str:
    name = SEARCH_NAME if kind == "tool_search" else tool.get("name")
    # Chat's own spelling, which some clients send here.
    function = tool.get("function")
    if name is None and isinstance(function, Mapping):
        name = function.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequestError(f"A tool has no name ({place})", param=f"{place}.name")
    return name


def _build_function(name: str, kind: str, tool: Mapping[str, Any], about: str | None) -> dict[str, Any]:
    inner = tool.get("function")
    given: Mapping[str, Any] = inner if isinstance(inner, Mapping) else tool
    description = "\n\n".join(part for part in (about, _describe(kind, given)) if part)
    function: dict[str, Any] = {"name": name}
    if description:
        function["description"] = description
    function["parameters"] = _custom_parameters() if kind == "custom" else given.get("parameters") or _NO_PARAMETERS
    if kind == "function" and given.get("strict") is True:
        function["strict"] = True
    return {"type": "function", "function": function}


def _describe(kind: str, tool: Mapping[str, Any]) -> str:
    """A custom tool's grammar follows its description: there is no other place for it."""
    description = _text(tool.get("description")) or ""
    form = tool.get("format")
    if kind != "custom" or not isinstance(form, Mapping) or form.get("type") != "grammar":
        return description
    # The Responses API's form, and chat's.
    inner = form.get("grammar")
    grammar: Mapping[str, Any] = inner if isinstance(inner, Mapping) else form
    rule = f"The input must match this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
    return f"{description}\n\n{rule}" if description else rule


def _custom_parameters() -> dict[str, Any]:
    text = {"type": "string", "description": "The tool's whole input, as plain text."}
    return {"type": "object", "properties": {"input": text}, "required": ["input"], "additionalProperties": False}


def _read_search(tool: Mapping[str, Any]) -> dict[str, Any]:
    """https://platform.openai.com/docs/guides/tools-web-search, as chat's web_search_options."""
    options: dict[str, Any] = {}
    if tool.get("search_context_size"):
        options["search_context_size"] = tool["search_context_size"]
    place = tool.get("user_location")
    if isinstance(place, Mapping):
        approximate = {name: value for name, value in place.items() if name != "type" and value is not None}
        options["user_location"] = {"type": "approximate", "approximate": approximate}
    return options


def custom_arguments(text: str) -> str:
    """A custom tool's input as its function's arguments."""
    return dumps({"input": text}).decode()


def read_custom_input(arguments: str) -> str:
    """The input of a custom tool in its function's arguments; a model that wrote none of its JSON wrote the input."""
    try:
        fields = loads(arguments)
    except ValueError:
        return arguments
    if isinstance(fields, Mapping):
        texts = [value for value in fields.values() if isinstance(value, str)]
        if isinstance(fields.get("input"), str):
            return str(fields["input"])
        if len(fields) == 1 and texts:
            return texts[0]
    return fields if isinstance(fields, str) else arguments


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
