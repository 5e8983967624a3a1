"""The body of `generateContent`, as the Gemini API and Vertex AI take it.

https://ai.google.dev/api/generate-content
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.deployment import Deployment
from proxy.providers.gemini.contents import build_contents
from proxy.providers.gemini.generation import HANDLED, build_generation_config
from proxy.providers.gemini.models import THINKING_SINCE, generation
from proxy.providers.gemini.tools import build_tool_config, build_tools, has_functions
from proxy.providers.translation.tool_choice import read_tool_choice

SUPPORTED = frozenset({
    "messages", "model", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens",
    "n", "stop", "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "response_format",
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "reasoning_effort", "modalities",
    "audio", "web_search_options", "service_tier",
})  # fmt: skip
# Members of the body itself that clients name in Gemini's words.
_OWN: Mapping[str, str] = {
    "safety_settings": "safetySettings",
    "cached_content": "cachedContent",
    "tool_config": "toolConfig",
    "system_instruction": "systemInstruction",
    "model_armor_config": "modelArmorConfig",
}
_TIERS: Mapping[str, str] = {"default": "standard", "auto": "unspecified"}


def build_body(fields: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    """Unknown fields are passed through; Gemini validates them."""
    body = build_contents(fields, deployment)
    tools, tool_config = build_tools(fields), build_tool_config(fields)
    if tools:
        body["tools"] = tools
    if tool_config is not None:
        body["toolConfig"] = tool_config
    config = build_generation_config(fields, deployment.model)
    if config:
        body["generationConfig"] = config
    tier = fields.get("service_tier")
    if tier is not None:
        body["serviceTier"] = _TIERS.get(tier, tier) if isinstance(tier, str) else tier
    known = SUPPORTED | HANDLED
    body |= {_OWN.get(name, name): value for name, value in fields.items() if name not in known and value is not None}
    return body


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """What the model can't take: an effort where it doesn't think, one call at a time where it may choose, and a call
    where no functions are declared."""
    known = generation(deployment.model)
    tools = fields.get("tools")
    several = isinstance(tools, list) and len(tools) > 1
    checks = {
        "reasoning_effort": known is not None and known < THINKING_SINCE,
        "tool_choice": read_tool_choice(fields).is_forced and not has_functions(fields),
        "parallel_tool_calls": fields.get("parallel_tool_calls") is False and several,
    }
    return frozenset(name for name, is_refused in checks.items() if is_refused)
