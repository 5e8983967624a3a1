"""Tools, the choice among them, and structured answers.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.domain.json_text.codec import dumps
from proxy.providers.anthropic.schema import close, fits, fits_unchanged
from proxy.providers.anthropic.strict_limits import NOTHING, StrictBudget, measure
from proxy.providers.bedrock.messages import cache_point
from proxy.providers.bedrock.models import Model
from proxy.providers.translation.content import bad_content
from proxy.providers.translation.tool_choice import read_tool_choice

# A model without structured outputs is made to call this tool; its arguments are the answer.
JSON_TOOL = "json_tool_call"
_JSON_ORDER = "Answer with one JSON object and nothing else."
_SCHEMA_ORDER = "Answer with JSON of this JSON schema and nothing else: "
_TOOL_ORDER = f"Give the answer by calling {JSON_TOOL}."
_NATIVE_TOOLS = ("toolSpec", "systemTool", "cachePoint")
# Anthropic's own tools (computer_20250124 ...) are not in Converse's vocabulary and travel as additional fields.
_ANTHROPIC_TOOL = re.compile(r"[a-z_]+_20\d{6}")


def read_schema(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The `json_schema` member of the response_format; None where there is none."""
    wanted = fields.get("response_format")
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema":
        return None
    schema = wanted.get("json_schema")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("schema"), Mapping):
        raise bad_content("A json_schema format has no schema", "response_format.json_schema")
    return schema


def has_native_format(schema: Mapping[str, Any], model: Model) -> bool:
    """Whether the model holds itself to this json_schema: see families.py, and Anthropic's limits."""
    if not model.family.structured or not fits(schema["schema"]):
        return False
    return not (model.claude and measure(schema["schema"]).is_too_much)


def wants_json_tool(fields: Mapping[str, Any], model: Model) -> bool:
    """Whether the structured answer is asked for as a tool call: the model, or this schema, can't have it otherwise."""
    schema = read_schema(fields)
    return schema is not None and model.family.tools and not has_native_format(schema, model)


def wants_json(fields: Mapping[str, Any], model: Model, *, may_force: bool) -> str | None:
    """The instruction where the client wants JSON and nothing else in the request ensures it."""
    wanted = fields.get("response_format")
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_object":
        return _JSON_ORDER
    schema = read_schema(fields)
    if schema is None or has_native_format(schema, model):
        return None
    if not model.family.tools:
        return _SCHEMA_ORDER + dumps(schema["schema"]).decode()
    return None if may_force or model.claude else _TOOL_ORDER


def is_refused_choice(choice: object, model: Model) -> bool:
    """True for a forced tool that the family doesn't take; `any` with one tool does for a certain one."""
    wanted = _build_choice(choice)
    if wanted is None or "auto" in wanted or not model.vendor:
        return False
    return not model.family.forced or (model.claude and not model.traits.forced_tools)


def build_output_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The native form; the schema travels as text."""
    definition: dict[str, Any] = {"schema": dumps(close(schema["schema"])).decode()}
    for name in ("name", "description"):
        if isinstance(schema.get(name), str):
            definition[name] = schema[name]
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}


def build_tool_config(
    fields: Mapping[str, Any], model: Model, called: Sequence[str], *, may_force: bool
) -> dict[str, Any] | None:
    """Tools and choice. `called` are the tools in the history, for which Bedrock demands a definition.

    Where no tool may be forced, the JSON tool is only offered.
    """
    choice = fields.get("tool_choice")
    wanted = _fitted_choice(_build_choice(choice), model)
    only = _allowed_names(choice, model)
    tools = [tool for tool in _build_tools(fields, model) if _is_left(tool, only)]
    if choice == "none" and not called:
        tools = []
    schema = read_schema(fields)
    if schema is not None and wants_json_tool(fields, model):
        wanted = _json_choice(wanted, tools, model, may_force)
        tools.append(_json_tool(schema))
    if not any("cachePoint" not in tool for tool in tools):
        tools = [_spec(name, None, None) for name in called]
    if not tools:
        return None
    config: dict[str, Any] = {"tools": tools}
    if wanted is not None:
        config["toolChoice"] = wanted
    return config


def _fitted_choice(wanted: dict[str, Any] | None, model: Model) -> dict[str, Any] | None:
    """The choice in the words that the family takes. `auto` is the default: it is not sent where it may be unknown."""
    forced = model.family.forced
    if wanted is not None and "tool" in wanted and forced and "tool" not in forced:
        return {"any": {}}
    return None if wanted is not None and "auto" in wanted and model.vendor and not forced else wanted


def _allowed_names(choice: object, model: Model) -> frozenset[str] | None:
    """The only tools that are left: those of `allowed_tools`, or the certain one where there is no word for it."""
    allowed = read_tool_choice({"tool_choice": choice}).allowed
    if allowed is not None:
        return allowed
    wanted, forced = _build_choice(choice), model.family.forced
    is_certain = wanted is not None and "tool" in wanted and forced and "tool" not in forced
    return frozenset({wanted["tool"]["name"]}) if wanted is not None and is_certain else None


def _is_left(tool: Mapping[str, Any], only: frozenset[str] | None) -> bool:
    """False for a function that is not among `only`."""
    return only is None or "toolSpec" not in tool or tool["toolSpec"].get("name") in only


def anthropic_tools(fields: Mapping[str, Any], model: Model) -> list[Any]:
    """The tools that are Anthropic's own, in Anthropic's form."""
    tools = fields.get("tools")
    return [_flat(tool) for tool in tools if _is_anthropic(tool, model)] if isinstance(tools, list) else []


def _flat(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """LiteLLM's spelling puts name and options into `function`."""
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    return {"type": tool["type"], "name": function.get("name"), **(function.get("parameters") or {})}


def _build_tools(fields: Mapping[str, Any], model: Model) -> Iterator[dict[str, Any]]:
    tools = fields.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise bad_content("The tools are not a list", "tools")
    budget = _budget(fields, model)
    for index, tool in enumerate(tools):
        param = f"tools[{index}]"
        if not isinstance(tool, Mapping):
            raise bad_content("A tool is not an object", param)
        if any(name in tool for name in _NATIVE_TOOLS):
            yield dict(tool)
        elif not _is_anthropic(tool, model):
            yield _function(tool, model, param, budget)
            yield from cache_point(tool) or cache_point(tool.get("function"))


def _budget(fields: Mapping[str, Any], model: Model) -> StrictBudget:
    schema = read_schema(fields)
    spent = schema is not None and has_native_format(schema, model)
    return StrictBudget(measure(schema["schema"]) if schema is not None and spent else NOTHING)


def _function(tool: Mapping[str, Any], model: Model, param: str, budget: StrictBudget) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise bad_content(f"Bedrock takes functions, not tools of type {tool.get('type')!r}", param)
    spec = _spec(function["name"], function.get("description"), function.get("parameters"))
    parameters = spec["toolSpec"]["inputSchema"]["json"]
    if function.get("strict") and model.family.structured and fits_unchanged(parameters) and budget.take(parameters):
        spec["toolSpec"]["strict"] = True
    return spec


def _spec(name: str, description: object, schema: object) -> dict[str, Any]:
    parameters = schema if isinstance(schema, Mapping) else {}
    spec: dict[str, Any] = {"name": name}
    if isinstance(description, str) and description:
        spec["description"] = description
    if "type" not in parameters:
        parameters = {"type": "object", "properties": {}, **parameters}
    spec["inputSchema"] = {"json": parameters}
    return {"toolSpec": spec}


def _json_tool(schema: Mapping[str, Any]) -> dict[str, Any]:
    return _spec(JSON_TOOL, schema.get("description") or "Give the answer in this form.", schema["schema"])


def _json_choice(
    wanted: dict[str, Any] | None, tools: Sequence[Mapping[str, Any]], model: Model, may_force: bool
) -> dict[str, Any] | None:
    """The client's own tool if it names one; else the JSON tool, or one of all. Only offered where none may be forced."""
    if wanted is not None and "tool" in wanted:
        return wanted
    if not may_force:
        return {"auto": {}} if model.family.forced else None
    return {"any": {}} if tools or "tool" not in model.family.forced else {"tool": {"name": JSON_TOOL}}


_CHOICES: Mapping[str | None, dict[str, Any] | None] = {
    None: None,
    "auto": {"auto": {}},
    "required": {"any": {}},
    "none": None,
}


def _build_choice(choice: object) -> dict[str, Any] | None:
    chosen = read_tool_choice({"tool_choice": choice})
    return {"tool": {"name": chosen.name}} if chosen.mode == "tool" else _CHOICES[chosen.mode]


def _is_anthropic(tool: object, model: Model) -> bool:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    return model.claude and isinstance(kind, str) and _ANTHROPIC_TOOL.fullmatch(kind) is not None
