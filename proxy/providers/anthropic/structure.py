"""`response_format`: JSON by structured outputs where the model has them, else by a tool that holds the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.providers.anthropic.model import Model
from proxy.providers.anthropic.schema import close, fits
from proxy.providers.anthropic.strict_limits import NOTHING, StrictBudget, measure
from proxy.providers.translation.content import bad_content

# The tool whose arguments are the answer; LiteLLM's name for it.
ANSWER_TOOL = "json_tool_call"

_ANY_OBJECT: Mapping[str, Any] = {"type": "object", "additionalProperties": True}


def read_schema(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that the answer must have; any object's for `json_object`, None where the answer is text."""
    response_format = fields.get("response_format")
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if kind == "text":
        return None
    if kind == "json_object":
        # LiteLLM's extension: a schema beside the type.
        schema = response_format.get("response_schema", _ANY_OBJECT)
    elif kind == "json_schema":
        wrapper = response_format.get("json_schema")
        schema = wrapper.get("schema") if isinstance(wrapper, Mapping) else None
    else:
        raise bad_content("A response format is text, json_object or json_schema", "response_format.type")
    if not isinstance(schema, Mapping):
        raise bad_content("The response format has no schema", "response_format.json_schema.schema")
    return schema


def build_format(fields: Mapping[str, Any], model: Model) -> dict[str, Any] | None:
    """The value of output_config.format; None where it is not for this model, this schema or this request."""
    schema = read_schema(fields)
    if schema is None or not _is_native(schema, model):
        return None
    return {"type": "json_schema", "schema": close(schema)}


def build_answer_tool(fields: Mapping[str, Any], model: Model) -> dict[str, Any] | None:
    """The tool that stands in for a format that the model does not have; None where it has it or none is asked for."""
    schema = read_schema(fields)
    if schema is None or _is_native(schema, model):
        return None
    return {
        "name": ANSWER_TOOL,
        "description": "Gives the final answer as JSON: the arguments are the whole answer, in the form asked for.",
        "input_schema": {"type": "object", **schema},
    }


def choose_answer_tool(
    choice: Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]], may_force: bool
) -> dict[str, Any]:
    """The tool choice with the answer tool: forced alone, one of all where the client has tools of its own.

    A model that is thinking, or that can't be forced, is left the choice.
    """
    if choice is not None and choice["type"] == "tool":
        return dict(choice)
    parallel = {name: value for name, value in (choice or {}).items() if name == "disable_parallel_tool_use"}
    if not may_force:
        return {"type": "auto", **parallel}
    if tools and (choice is None or choice["type"] != "none"):
        return {"type": "any", **parallel}
    return {"type": "tool", "name": ANSWER_TOOL}


def without_fence(text: str) -> str:
    """An answer that was to be JSON and came as text, out of the fence that models like to put around it."""
    plain = text.strip()
    first_line, newline, rest = plain.partition("\n")
    fenced = newline and first_line.strip() in ("```", "```json") and rest.endswith("```")
    return rest.removesuffix("```").strip() if fenced else text


def left_for_tools(fields: Mapping[str, Any], model: Model) -> StrictBudget:
    """What of the limits of structured outputs the request's format leaves to its tools."""
    schema = read_schema(fields)
    return StrictBudget(measure(schema) if schema is not None and _is_native(schema, model) else NOTHING)


def _is_native(schema: Mapping[str, Any], model: Model) -> bool:
    return model.structured and fits(schema) and not measure(schema).is_too_much
