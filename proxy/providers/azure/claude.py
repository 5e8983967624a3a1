"""Claude in Azure AI Foundry: Anthropic's format with Azure's keys and tokens, for `azure_ai/` models that are Claude's.

https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import CHAT
from proxy.domain.wire import WireRequest
from proxy.errors import GatewayError
from proxy.providers import anthropic
from proxy.providers.anthropic import native
from proxy.providers.azure import foundry as azure_ai
from proxy.providers.azure.openai import build_headers
from proxy.providers.compatible.openai import find_base
from proxy.providers.contract import StreamDecoder

_UNSUPPORTED = CHAT.parameters - anthropic.SUPPORTED


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    if not is_claude(deployment):
        return azure_ai.PROVIDER.build_request(call, deployment)
    body = anthropic.build_body(call, deployment)
    headers = {**build_headers(call, deployment), **anthropic.build_version_headers(body)}
    url = build_url(find_base(deployment, deployment.provider, None))
    return WireRequest(url=url, headers=headers, body=dumps(body), guarded=deployment.guarded)


def is_claude(deployment: Deployment) -> bool:
    """Deployments have their model's name by default."""
    return "claude" in deployment.model.lower()


def build_url(base: str) -> str:
    """The address of Messages, for a base with or without Foundry's own paths."""
    root = base.partition("?")[0].partition("/anthropic")[0].rstrip("/")
    return f"{root.removesuffix('/models').removesuffix('/openai/v1')}/anthropic/v1/messages"


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    parse = anthropic.parse_response if is_claude(deployment) else azure_ai.PROVIDER.parse_response
    return parse(body, headers, call, deployment)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    parse = anthropic.parse_error if is_claude(deployment) else azure_ai.PROVIDER.parse_error
    return parse(status, body, headers, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    start = anthropic.open_stream if is_claude(deployment) else azure_ai.PROVIDER.open_stream
    return start(call, deployment)


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return anthropic.refused(fields, deployment) | _UNSUPPORTED if is_claude(deployment) else frozenset()


def displaced(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return anthropic.displaced(fields, deployment) if is_claude(deployment) else frozenset()


def build_native(call: Call, deployment: Deployment) -> WireRequest:
    """Messages as they came, with Azure's key or token in the place of Anthropic's."""
    headers = {**native.build_headers(call), **build_headers(call, deployment)}
    return native.build_wire(call, deployment, build_url(find_base(deployment, deployment.provider, None)), headers)


NATIVE = replace(
    native.NATIVE, name="azure_ai", build_request=build_native, auth="azure", serves=is_claude, operations=(CHAT,)
)

PROVIDER = replace(
    azure_ai.PROVIDER,
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    refused=refused,
    displaced=displaced,
    last_event="message_stop",
    native={"messages": NATIVE},
)
