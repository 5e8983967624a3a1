"""Azure AI Foundry: OpenAI's format for everybody's models but Claude, which is asked in Anthropic's.

https://learn.microsoft.com/rest/api/aifoundry/modelinference/ and
https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.errors import GatewayError
from proxy.providers import anthropic
from proxy.providers.azure import V1_QUERIES, VARIABLES, answer, build_headers
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.dialect import rewrite
from proxy.providers.openai import Compatible, build_body, build_provider, find_base
from proxy.providers.parameters import OPENAI_PARAMS

DEFAULT_VERSION = "2024-05-01-preview"
# Resources are asked at /models and by `api-key`; models that are served alone at their own host, and by a bearer key.
_RESOURCE_HOSTS = (".services.ai.azure.com", ".openai.azure.com", ".cognitiveservices.azure.com")


def is_claude(model: str) -> bool:
    return model.startswith("claude")


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    base = find_base(deployment, deployment.provider, None)
    if is_claude(deployment.model):
        return _ask_claude(call, deployment, base)
    return WireRequest(
        url=build_url(call, deployment, base),
        headers=_headers(call, deployment, base),
        body=build_body(call, deployment, ROW),
        guarded=deployment.guarded,
    )


def _ask_claude(call: Call, deployment: Deployment, base: str) -> WireRequest:
    root = base.partition("/anthropic")[0].removesuffix("/models").removesuffix("/openai/v1")
    body = anthropic.build_body(call, deployment)
    headers = {**build_headers(call, deployment), **anthropic.build_version_headers(body)}
    if "api-key" in headers:
        headers["x-api-key"] = headers.pop("api-key")
    return WireRequest(f"{root}/anthropic/v1/messages", orjson.dumps(body), headers, guarded=deployment.guarded)


def build_url(call: Call, deployment: Deployment, base: str) -> str:
    version = str(deployment.connection.get("api_version") or DEFAULT_VERSION)
    path = call.operation.path
    base = base.partition("?")[0].removesuffix("/" + path).rstrip("/")
    if base.endswith("/v1"):
        return f"{base}/{path}{V1_QUERIES.get(version, '')}"
    if version in V1_QUERIES:
        return f"{base.removesuffix('/models')}/openai/v1/{path}{V1_QUERIES[version]}"
    if is_resource(base) and not base.endswith("/models"):
        base += "/models"
    return f"{base}/{path}?api-version={version}"


def is_resource(base: str) -> bool:
    return (urlsplit(base).hostname or "").endswith(_RESOURCE_HOSTS)


def _headers(call: Call, deployment: Deployment, base: str) -> dict[str, str]:
    headers = build_headers(call, deployment)
    key = headers.get("api-key")
    if key is not None and not is_resource(base):
        del headers["api-key"]
        headers["authorization"] = f"Bearer {key}"
    return headers


def rewrite_both(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**rewrite(fields), **answer(fields)}


ROW = Compatible(
    None,
    ("AZURE_AI_API_KEY",),
    ("AZURE_AI_API_BASE",),
    answer=rewrite_both,
    chunk=rewrite_both,
    operations=(CHAT, EMBEDDINGS),
    variables={**VARIABLES, "api_version": ("AZURE_AI_API_VERSION",)},
)
OPENAI = build_provider("azure_ai", ROW)


def _format_of(deployment: Deployment) -> Provider:
    """Whose format the answers of the deployment's model have."""
    return anthropic.PROVIDER if is_claude(deployment.model) else OPENAI


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    return _format_of(deployment).parse_response(body, headers, call, deployment)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return _format_of(deployment).parse_error(status, body, headers, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return _format_of(deployment).open_stream(call, deployment)


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    if not is_claude(deployment.model):
        return frozenset()
    return (OPENAI_PARAMS[CHAT.name] - anthropic.SUPPORTED) | anthropic.refused(fields, deployment)


PROVIDER = replace(
    OPENAI,
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    refused=refused,
    auth="azure",
    needs_key=False,
)
