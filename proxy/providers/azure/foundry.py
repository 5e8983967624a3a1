"""Azure AI Foundry: OpenAI's format for everybody's models but Claude (azure_claude.py).

https://learn.microsoft.com/rest/api/aifoundry/modelinference/
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.azure.openai import V1_QUERIES, VARIABLES, answer, build_headers
from proxy.providers.compatible.dialect import rewrite
from proxy.providers.compatible.openai import Compatible, build_body, build_provider, find_base

DEFAULT_VERSION = "2024-05-01-preview"
# Resources are asked at /models and by `api-key`; models that are served alone at their own host, and by a bearer key.
_RESOURCE_HOSTS = (".services.ai.azure.com", ".openai.azure.com", ".cognitiveservices.azure.com")


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    base = find_base(deployment, deployment.provider, None)
    return WireRequest(
        url=build_url(call, deployment, base),
        headers=build_key_headers(call, deployment, base),
        body=build_body(call, deployment, ROW),
        guarded=deployment.guarded,
    )


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
    return f"{base}/{path}?api-version={quote(version, safe='')}"


def is_resource(base: str) -> bool:
    return (urlsplit(base).hostname or "").endswith(_RESOURCE_HOSTS)


def build_key_headers(call: Call, deployment: Deployment, base: str) -> dict[str, str]:
    """A resource is asked with `api-key`, a model that has its own host with a bearer key."""
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
    chunk=rewrite,
    operations=(CHAT, EMBEDDINGS),
    variables={**VARIABLES, "api_version": ("AZURE_AI_API_VERSION",)},
)
PROVIDER = replace(build_provider("azure_ai", ROW), build_request=build_request, auth="azure", needs_key=False)
