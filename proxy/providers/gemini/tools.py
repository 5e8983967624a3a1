"""Functions, Google's own tools and the choice among them.

https://ai.google.dev/api/caching#Tool
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.providers.gemini.schema import reduce_schema
from proxy.providers.translation.content import bad_content

# Google's own tools, in the spellings that clients use.
_NATIVE: Mapping[str, str] = {
    "googleSearch": "googleSearch",
    "google_search": "googleSearch",
    "web_search": "googleSearch",
    "web_search_preview": "googleSearch",
    "googleSearchRetrieval": "googleSearchRetrieval",
    "google_search_retrieval": "googleSearchRetrieval",
    "enterpriseWebSearch": "enterpriseWebSearch",
    "enterprise_web_search": "enterpriseWebSearch",
    "codeExecution": "codeExecution",
    "code_execution": "codeExecution",
    "urlContext": "urlContext",
    "url_context": "urlContext",
    "googleMaps": "googleMaps",
    "google_maps": "googleMaps",
    "fileSearch": "fileSearch",
    "file_search": "fileSearch",
    "computerUse": "computerUse",
    "computer_use": "computerUse",
    "retrieval": "retrieval",
}
_MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY", "validated": "VALIDATED"}


def build_tools(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`tools`: one entry for all functions, one for each tool of Google's."""
    functions: list[dict[str, Any]] = []
    native: dict[str, Any] = {}
    for place, tool in _list_tools(fields):
        if tool.get("type") == "function" or "function" in tool:
            functions.append(_build_function(tool.get("function"), f"{place}.function"))
        else:
            native |= _build_native(tool, place)
    if fields.get("web_search_options") is not None:
        native.setdefault("googleSearch", {})
    return [*([{"functionDeclarations": functions}] if functions else []), *({name: native[name]} for name in native)]


def has_functions(fields: Mapping[str, Any]) -> bool:
    """True if a function is declared: Gemini refuses a choice among none."""
    return any("function" in tool or tool.get("type") == "function" for _, tool in _list_tools(fields))


def _list_tools(fields: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tools, legacy = fields.get("tools") or [], fields.get("functions") or []
    if not isinstance(tools, list) or not isinstance(legacy, list):
        raise bad_content("The tools are not a list", "tools")
    for index, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise bad_content("A tool is not an object", f"tools[{index}]")
        yield f"tools[{index}]", tool
    for index, function in enumerate(legacy):
        yield f"functions[{index}]", {"type": "function", "function": function}


def _build_function(function: object, place: str) -> dict[str, Any]:
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content("A function has no name", place)
    declaration: dict[str, Any] = {"name": function["name"]}
    if function.get("description"):
        declaration["description"] = function["description"]
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise bad_content("The parameters of a function are not a JSON schema", f"{place}.parameters")
    if parameters:
        declaration["parametersJsonSchema"] = reduce_schema(parameters)
    return declaration


def _build_native(tool: Mapping[str, Any], place: str) -> dict[str, Any]:
    """{"googleSearch": {...}} as Google spells it, or {"type": "google_search", ...} as OpenAI would.

    OpenAI's settings of a web search (its size, the user's place) are nothing that Google's search takes.
    """
    kind = tool.get("type")
    if isinstance(kind, str) and kind in _NATIVE:
        name = _NATIVE[kind]
        beside = {} if name == "googleSearch" else {word: value for word, value in tool.items() if word != "type"}
        return {name: tool.get(kind, beside)}
    found = {_NATIVE[name]: settings for name, settings in tool.items() if name in _NATIVE}
    if not found:
        raise bad_content(f"Gemini has no tool of type {kind!r}", place)
    return found


def build_tool_config(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """`toolConfig` for `tool_choice`; None leaves the choice to the model, as it is where there are no functions.

    https://ai.google.dev/api/caching#FunctionCallingConfig
    """
    choice = fields.get("tool_choice")
    if choice is None:
        choice = fields.get("function_call")
    if choice is None:
        return None
    mode, names = _read_choice(choice)
    if not has_functions(fields):
        return None
    return {"functionCallingConfig": {"mode": mode, **({"allowedFunctionNames": names} if names else {})}}


def _read_choice(choice: object) -> tuple[str, list[str]]:
    if isinstance(choice, str) and choice in _MODES:
        return _MODES[choice], []
    if not isinstance(choice, Mapping):
        raise bad_content(f"Unknown tool_choice {choice!r}", "tool_choice")
    if choice.get("type") != "allowed_tools":
        return "ANY", [_function_name(choice)]
    allowed = choice.get("allowed_tools", choice)
    tools = allowed.get("tools") if isinstance(allowed, Mapping) else None
    if not isinstance(tools, list):
        raise bad_content("The tool_choice lists no tools", "tool_choice")
    return "ANY" if allowed.get("mode") == "required" else "VALIDATED", [_function_name(tool) for tool in tools]


def _function_name(choice: object) -> str:
    function = choice.get("function", choice) if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise bad_content("The tool_choice names no function", "tool_choice")
    return name
