"""Google's tools and the choice among them, in OpenAI's form. https://ai.google.dev/api/caching#Tool"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.dialects.gemini.reading import entries, read_object
from proxy.dialects.gemini.schema import to_json_schema
from proxy.errors import BadRequestError

Fields = Mapping[str, Any]

_SEARCH = ("googleSearch", "googleSearchRetrieval")
_CHOICES: Mapping[str, str] = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}


class Tools(NamedTuple):
    """`functions`: the client's own tools; `searches`: a web search is asked for; `choice`: None where nothing is said."""

    functions: tuple[dict[str, Any], ...] = ()
    searches: bool = False
    choice: str | dict[str, Any] | None = None


def build_tools(fields: Fields) -> Tools:
    """`fields` is the request's. Raise BadRequestError, naming the tool, for one that only Google runs."""
    functions: list[dict[str, Any]] = []
    searches = False
    for place, tool in entries(fields.get("tools", []), "tools"):
        for name, value in tool.items():
            if name == "functionDeclarations":
                found = entries(value, f"{place}.functionDeclarations")
                functions += [_function(declared, where) for where, declared in found]
            elif name in _SEARCH:
                searches = True
            else:
                raise BadRequestError(
                    f"The tool '{name}' is not available for this model: only Google's run it.", param=f"{place}.{name}"
                )
    choice, allowed = _choice(fields.get("toolConfig"))
    if allowed:
        functions = [function for function in functions if function["function"]["name"] in allowed]
    if choice == "required" and len(allowed) == 1 and functions:
        return Tools(tuple(functions), searches, {"type": "function", "function": {"name": next(iter(allowed))}})
    return Tools(tuple(functions), searches, choice if functions else None)


def _function(declared: Fields, place: str) -> dict[str, Any]:
    name = declared.get("name")
    if not isinstance(name, str) or not name:
        raise BadRequestError(f"A function has a name ({place}.name).", param=f"{place}.name")
    function: dict[str, Any] = {"name": name}
    if declared.get("description"):
        function["description"] = declared["description"]
    given = next((key for key in ("parametersJsonSchema", "parameters") if key in declared), None)
    if given is not None:
        if not isinstance(declared[given], Mapping):
            raise BadRequestError(f"Expected a schema ({place}.{given}).", param=f"{place}.{given}")
        function["parameters"] = to_json_schema(declared[given])
    return {"type": "function", "function": function}


def _choice(config: object) -> tuple[str | None, frozenset[str]]:
    """(the choice, the names that may be called, where not all may)"""
    if config is None:
        return None, frozenset()
    calling = read_object(config, "toolConfig").get("functionCallingConfig")
    if calling is None:
        return None, frozenset()
    place = "toolConfig.functionCallingConfig"
    read = read_object(calling, place)
    mode = read.get("mode", "AUTO")
    if mode == "MODE_UNSPECIFIED":
        mode = "AUTO"
    if not isinstance(mode, str) or mode.upper() not in _CHOICES:
        raise BadRequestError(f"The mode is one of {', '.join(_CHOICES)} ({place}.mode).", param=f"{place}.mode")
    names = read.get("allowedFunctionNames", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        where = f"{place}.allowedFunctionNames"
        raise BadRequestError(f"Expected an array of strings ({where}).", param=where)
    return _CHOICES[mode.upper()], frozenset(names)
