"""A chat request in OpenAI's form as a Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.providers.anthropic.thinking import is_thinking
from proxy.providers.anthropic.tool import build_tool_choice
from proxy.providers.bedrock.messages import build_conversation
from proxy.providers.bedrock.models import Model, model_url, read_family
from proxy.providers.bedrock.reasoning import (
    build_reasoning,
    can_reason,
    find_displaced_thinking,
    may_force_tools,
)
from proxy.providers.bedrock.tools import (
    anthropic_tools,
    build_output_format,
    build_tool_config,
    has_native_format,
    is_refused_choice,
    read_schema,
    wants_json,
)
from proxy.providers.translation.content import read_object
from proxy.providers.translation.effort import read_effort

# OpenAI's parameters that have a place in Converse.
SUPPORTED = frozenset(
    {
        "messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "stop", "n", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "thinking",
        "service_tier", "user", "web_search_options",
    }
)  # fmt: skip
# Members of a Converse request that a client may write itself.
_NATIVE = (
    "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths",
    "serviceTier",
)  # fmt: skip
_MERGED = ("inferenceConfig", "additionalModelRequestFields", "outputConfig")
_READ = SUPPORTED | frozenset((*_NATIVE, *_MERGED, "top_k"))
_IDENTITY = ("aws_access_key_id", "aws_profile_name", "aws_role_name")
# These have a place of their own even when they are forced.
_PLACED = frozenset({"temperature", "top_p", "service_tier", "tool_choice"})
_TIERS = ("default", "flex", "priority", "reserved")
_NOT_IN_METADATA = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,.\-]")


def build_headers(deployment: Deployment, accept: str) -> dict[str, str]:
    """With a bearer token, if there is an API key; else the request is signed afterwards.

    An identity that the operator's deployment names wins over a token, which may come from the environment.
    """
    headers = {"content-type": "application/json", "accept": accept}
    named = any(deployment.connection.get(name) for name in _IDENTITY)
    if deployment.api_key and (deployment.client_owned or not named):
        headers["authorization"] = f"Bearer {deployment.api_key}"
    return headers


def build_chat(call: Call, deployment: Deployment) -> WireRequest:
    """The Converse or ConverseStream request."""
    action, accept = "converse", "application/json"
    if call.stream:
        action, accept = "converse-stream", "application/vnd.amazon.eventstream"
    return WireRequest(
        url=model_url(deployment, action),
        headers=build_headers(deployment, accept),
        body=dumps(build_body(call.fields, read_family(deployment))),
        guarded=deployment.guarded,
    )


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """The supported parameters that this model has no words for."""
    return frozenset(find_refused(fields, read_family(deployment)))


def displaced(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """The thinking that gives way to other parameters of the request."""
    return find_displaced_thinking(fields, read_family(deployment))


def find_refused(fields: Mapping[str, Any], model: Model) -> set[str]:
    """By name. Converse's temperature ends at 1; a Claude that thinks takes no other, and the newest none at all."""
    effort, thinking, temperature = read_effort(fields), fields.get("thinking"), fields.get("temperature")
    thinks = is_thinking(thinking) or effort not in (None, "none")
    fixed = model.claude and (thinks or not model.traits.sampling)
    checks = {
        "reasoning_effort": effort not in (None, "none") and not can_reason(model),
        "thinking": is_thinking(thinking) and not can_reason(model),
        "temperature": temperature not in (None, 1) and (fixed or _is_above_one(temperature)),
        "top_p": fields.get("top_p") not in (None, 1) and model.claude and not model.traits.sampling,
        "parallel_tool_calls": fields.get("parallel_tool_calls") is False and not model.claude,
        "web_search_options": fields.get("web_search_options") is not None and not model.nova,
        "service_tier": fields.get("service_tier") not in (None, "auto", *_TIERS),
        "n": fields.get("n") not in (None, 1),
        "tool_choice": is_refused_choice(fields.get("tool_choice"), model),
    }
    return {name for name, is_refused in checks.items() if is_refused}


def _is_above_one(value: object) -> bool:
    return isinstance(value, int | float) and value > 1


def build_body(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The body, in Bedrock's members; what neither OpenAI nor Converse has goes to the model itself."""
    conversation = build_conversation(fields, model)
    additional = build_additional(fields, model)
    order = wants_json(fields, model, may_force=may_force_tools(additional, model))
    body: dict[str, Any] = {"messages": conversation.turns}
    system = [*conversation.system, *([{"text": order}] if order else ())]
    if not model.family.system:
        # Such models take instructions as the user's words.
        conversation.turns[0]["content"] = [*system, *conversation.turns[0]["content"]]
        system = []
    tools = build_tool_config(fields, model, conversation.tools, may_force=may_force_tools(additional, model))
    for name, value in (
        ("system", system),
        ("inferenceConfig", build_inference(fields, model)),
        ("toolConfig", _with_search(tools, fields) if model.nova else tools),
        ("outputConfig", _output(fields, model)),
        ("additionalModelRequestFields", additional),
        ("serviceTier", _tier(fields)),
        ("requestMetadata", _metadata(fields)),
    ):
        if value:
            body[name] = value
    for name in _NATIVE:
        if name in fields and name not in body:
            body[name] = fields[name]
    return body


def build_inference(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The parameters that all models share. A Claude that takes one sampler only is not sent a neutral top_p."""
    top_p = fields.get("top_p")
    if model.claude and model.traits.one_sampler and top_p == 1 and fields.get("temperature") is not None:
        top_p = None
    limit = fields.get("max_completion_tokens")
    config = {
        "maxTokens": fields.get("max_tokens") if limit is None else limit,
        "temperature": fields.get("temperature"),
        "topP": top_p,
        "stopSequences": _stop(fields.get("stop")),
    }
    return {name: value for name, value in config.items() if value is not None} | _native(fields, "inferenceConfig")


def build_additional(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """What goes to the model beside the common parameters, in the model's own words.

    What the model has no words for gets here only if the operator or the client insists, and goes as it is.
    """
    additional = {name: value for name, value in fields.items() if name not in _READ and value is not None}
    top_k = fields.get("top_k")
    if top_k is not None:
        additional.update({"inferenceConfig": {"topK": top_k}} if model.nova else {"top_k": top_k})
    forced = find_refused(fields, model) - _PLACED
    additional.update({name: fields[name] for name in forced})
    if forced.isdisjoint(("reasoning_effort", "thinking")):
        additional.update(build_reasoning(fields, model))
    if fields.get("parallel_tool_calls") is False and fields.get("tools") and model.claude:
        # Converse has no word for it; Claude's own tool_choice repeats Converse's.
        additional["tool_choice"] = build_tool_choice(fields, fields["tools"])
    tools = anthropic_tools(fields, model)
    if tools:
        additional["tools"] = tools
    return additional | _native(fields, "additionalModelRequestFields")


def _output(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    schema = read_schema(fields)
    native = {} if schema is None or not has_native_format(schema, model) else build_output_format(schema)
    return native | _native(fields, "outputConfig")


def _with_search(tools: dict[str, Any] | None, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Nova searches the web with a tool of its own."""
    if fields.get("web_search_options") is None:
        return tools
    config = tools or {"tools": []}
    return {**config, "tools": [*config["tools"], {"systemTool": {"name": "nova_grounding"}}]}


def _tier(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's `auto` is Bedrock's silence."""
    tier = fields.get("service_tier")
    return None if tier is None or tier == "auto" else {"type": tier}


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`user` becomes a label of Bedrock's invocation log, in the characters that it allows."""
    user = fields.get("user")
    own = _native(fields, "requestMetadata")
    if not isinstance(user, str) or not user:
        return own
    return {"user": _NOT_IN_METADATA.sub("_", user)[:256], **own}


def _stop(stop: object) -> list[Any] | None:
    if isinstance(stop, str):
        return [stop]
    return stop if isinstance(stop, list) and stop else None


def _native(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A member of Converse's own that the client sends beside OpenAI's."""
    return dict(read_object(fields.get(name), name))
