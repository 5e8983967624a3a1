"""A chat request in Anthropic's form; also for Claude on other clouds, which wrap the same body.

https://platform.claude.com/docs/en/api/messages
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.wire import WireRequest
from proxy.errors import AuthenticationError, UnsupportedParamsError
from proxy.providers.anthropic.conversation import build_conversation
from proxy.providers.anthropic.model import Model, find_model
from proxy.providers.anthropic.structure import build_answer_tool, build_format, choose_answer_tool
from proxy.providers.anthropic.thinking import build_thinking, find_displaced, has_budget, is_thinking
from proxy.providers.anthropic.tool import build_tool_choice, build_tools
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.translation.content import read_object
from proxy.providers.translation.tool_choice import read_tool_choice

BASE_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"

SUPPORTED = frozenset(
    {"messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "stop", "user"}
    | {"temperature", "top_p", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"}
    | {"response_format", "reasoning_effort", "service_tier", "safety_identifier", "web_search_options"}
)
# What build_body translates. All else goes through as it is: Anthropic's own parameters, and what an operator forces.
_TRANSLATED = SUPPORTED | {"thinking", "output_config", "metadata"}
_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}

# An address needs one letter before its @ only: to look for more would take quadratic time.
_MAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_TELEPHONE = re.compile(r"\+?[\d\s().-]{7,}")

# Features that are asked for by a header too, by the beginning of the type of a tool.
_BETAS_OF_TOOLS: Mapping[str, str] = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "code_execution_20250522": "code-execution-2025-05-22",
    "code_execution_20250825": "code-execution-2025-08-25",
    "web_fetch_20250910": "web-fetch-2025-09-10",
    "memory_": "context-management-2025-06-27",
    "mcp_toolset": "mcp-client-2025-11-20",
    "advisor_": "advisor-tool-2026-03-01",
}
_BETAS_OF_MEMBERS: Mapping[str, str] = {
    "mcp_servers": "mcp-client-2025-11-20",
    "context_management": "context-management-2025-06-27",
    "speed": "fast-mode-2026-02-01",
}
_BETA_OF_BINDING = "thinking-binding-controls-2026-08-01"
_BETA_OF_FILES = "files-api-2025-04-14"


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    body = build_body(call, deployment)
    headers = {**(STREAM_HEADERS if call.stream else JSON_HEADERS), **build_version_headers(body)}
    headers.update(build_credentials(deployment))
    url = build_url(deployment.api_base or BASE_URL)
    return WireRequest(url=url, headers=headers, body=dumps(body), guarded=deployment.guarded)


def build_version_headers(body: Mapping[str, Any]) -> dict[str, str]:
    """The version of the format, and the betas that this body needs."""
    betas = build_betas(body)
    return {"anthropic-version": VERSION, **({"anthropic-beta": ",".join(betas)} if betas else {})}


def build_url(base: str) -> str:
    """The address of the Messages endpoint for a base with or without /v1 and /messages."""
    if base.endswith("/messages"):
        return base
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def build_credentials(deployment: Deployment) -> Mapping[str, str]:
    """Raise AuthenticationError where there is neither a key nor a token."""
    key, token = deployment.api_key, deployment.connection.get("token")
    if key:
        return {"x-api-key": key}
    if token:
        return {"authorization": f"Bearer {token}"}
    raise AuthenticationError(f"{deployment.provider} has no api_key", provider=deployment.provider)


def build_body(call: Call, deployment: Deployment) -> dict[str, Any]:
    """The body for POST /v1/messages. Raise BadRequestError or UnsupportedParamsError for what it can't hold."""
    fields = {name: value for name, value in call.fields.items() if value is not None}
    forced = {*deployment.allowed_openai_params, *call.options.allowed_openai_params}
    for name in sorted(refused(fields, deployment) - forced):
        raise UnsupportedParamsError(f"{deployment.label} does not take this {name}", param=name)
    model = find_model(deployment.model)
    system, turns = build_conversation(fields)
    body = {name: value for name, value in fields.items() if name not in _TRANSLATED}
    body.update(
        model=deployment.model, messages=turns, max_tokens=_max_tokens(fields, model), **_settings(fields, model)
    )
    if system:
        body["system"] = system
    if call.stream:
        body["stream"] = True
    body.update(build_thinking(fields, model, body["max_tokens"]))
    body.update(_output_config(fields, model, body.get("output_config", {})))
    body.update(_tools(fields, model, has_budget(body.get("thinking"))))
    return body


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """The parameters whose values this model does not take: see Provider.refused."""
    model = find_model(deployment.model)
    temperature, effort = fields.get("temperature"), fields.get("reasoning_effort")
    thinks = is_thinking(fields.get("thinking")) or effort not in (None, "none", "disable")
    checks = {
        "n": fields.get("n") not in (None, 1),
        # 1 is the default, and all that is left where a model thinks.
        "temperature": temperature not in (None, 1) and (thinks or not model.sampling or _is_openais(temperature)),
        "top_p": fields.get("top_p") not in (None, 1) and not model.sampling,
        "reasoning_effort": model.thinking == "none" and thinks and effort is not None,
        "stop": not all(isinstance(stop, str) and stop.strip() for stop in _stops(fields)),
        "service_tier": fields.get("service_tier") not in (None, *_TIERS),
        "tool_choice": not model.forced_tools and read_tool_choice(fields).is_forced,
    }
    return frozenset(name for name, is_refused in checks.items() if is_refused)


def displaced(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """The thinking that this request has no place for: see Provider.displaced."""
    model = find_model(deployment.model)
    return find_displaced(fields, model, _max_tokens(fields, model))


def _max_tokens(fields: Mapping[str, Any], model: Model) -> Any:
    """Anthropic must have one; without the client's word it is the most that the model can write."""
    return fields.get("max_completion_tokens") or fields.get("max_tokens") or model.max_tokens


def _is_openais(temperature: object) -> bool:
    """True in the part of OpenAI's range that Anthropic doesn't have; what neither has is for Anthropic to refuse."""
    return isinstance(temperature, int | float) and 1 < temperature <= 2


def _settings(fields: Mapping[str, Any], model: Model) -> dict[str, Any]:
    settings: dict[str, Any] = {name: fields[name] for name in ("temperature", "top_p") if name in fields}
    if model.one_sampler and len(settings) == 2 and settings["top_p"] == 1:
        # Clients send OpenAI's defaults along; this one changes nothing.
        del settings["top_p"]
    stops = _stops(fields)
    if stops:
        settings["stop_sequences"] = stops
    user = fields.get("user") or fields.get("safety_identifier")
    if isinstance(user, str) and user:
        settings["metadata"] = {"user_id": _user_id(user)}
    if fields.get("service_tier") in _TIERS:
        settings["service_tier"] = _TIERS[fields["service_tier"]]
    return settings


def _stops(fields: Mapping[str, Any]) -> list[Any]:
    stop = fields.get("stop") or []
    return stop if isinstance(stop, list) else [stop]


def _user_id(user: str) -> str:
    """Anthropic refuses ids that look like an e-mail address or a telephone number: those are hashed."""
    is_personal = _MAIL.search(user) is not None or _TELEPHONE.fullmatch(user) is not None
    return hashlib.sha256(user.encode()).hexdigest() if is_personal else user


def _output_config(fields: Mapping[str, Any], model: Model, effort: Mapping[str, Any]) -> dict[str, Any]:
    """The effort that was worked out, the format, and over both what the client says in Anthropic's form."""
    config = dict(effort)
    response_format = build_format(fields, model)
    if response_format is not None:
        config["format"] = response_format
    config.update(read_object(fields.get("output_config"), "output_config"))
    return {"output_config": config} if config else {}


def _tools(fields: Mapping[str, Any], model: Model, by_budget: bool) -> dict[str, Any]:
    tools = build_tools(fields, model)
    choice = build_tool_choice(fields, tools)
    answer_tool = build_answer_tool(fields, model)
    if answer_tool is not None:
        choice = choose_answer_tool(choice, tools, may_force=model.forced_tools and not by_budget)
        tools = [*tools, answer_tool]
    if not tools:
        return {}
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def build_betas(body: Mapping[str, Any]) -> Sequence[str]:
    """The values for `anthropic-beta` that this body needs, in a steady order."""
    betas = {beta for member, beta in _BETAS_OF_MEMBERS.items() if member in body}
    for tool in body.get("tools", ()):
        kind = str(tool.get("type", ""))
        betas.update(beta for start, beta in _BETAS_OF_TOOLS.items() if kind.startswith(start))
    if isinstance(body.get("thinking"), Mapping) and "block_binding" in body["thinking"]:
        betas.add(_BETA_OF_BINDING)
    blocks = (block for turn in body.get("messages", ()) for block in turn["content"])
    if any(isinstance(block.get("source"), Mapping) and block["source"].get("type") == "file" for block in blocks):
        betas.add(_BETA_OF_FILES)
    return sorted(betas)
