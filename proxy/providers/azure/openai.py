"""Azure OpenAI: OpenAI's format behind deployments and dated versions, or behind `/openai/v1`.

https://learn.microsoft.com/azure/ai-foundry/openai/reference and .../openai/api-version-lifecycle
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import (
    JSON_HEADERS,
    STREAM_HEADERS,
    Compatible,
    ask_openai,
    build_body,
    build_provider,
    find_base,
    refuse_sampling,
)

DEFAULT_VERSION = "2024-10-21"
# Versions by name instead of by date mean the /openai/v1 style.
V1_QUERIES: Mapping[str, str] = {"v1": "", "latest": "", "preview": "?api-version=preview"}
_DATED = re.compile(r"\d{4}-\d\d-\d\d")
_STREAM_OPTIONS_SINCE = "2024-09-01"
# LiteLLM's name for the model behind a deployment's name.
_SERIES = ("o_series/", "gpt5_series/")


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """The client's body, to the deployment that `deployment.model` names."""
    return WireRequest(
        url=build_url(call, deployment),
        headers=build_headers(call, deployment),
        body=build_body(
            call,
            replace(deployment, model=name_deployment(deployment.model)),
            _row_of(deployment.model),
            stream_options=takes_stream_options(call, deployment),
        ),
        guarded=deployment.guarded,
    )


def takes_stream_options(call: Call, deployment: Deployment) -> bool:
    """Older versions, and chats over one's own data, refuse them.

    https://learn.microsoft.com/azure/ai-foundry/openai/whats-new#september-2024 and Azure/azure-sdk-for-js #30751
    """
    version = str(deployment.connection.get("api_version") or DEFAULT_VERSION)
    is_old = _DATED.match(version) is not None and version[:10] < _STREAM_OPTIONS_SINCE
    return not is_old and "data_sources" not in call.fields


def build_url(call: Call, deployment: Deployment) -> str:
    base = find_base(deployment, deployment.provider, None)
    version = str(deployment.connection.get("api_version") or DEFAULT_VERSION)
    path = call.operation.path
    root, separator, rest = base.partition("/openai")
    if separator and rest.startswith("/v1"):
        return f"{root}/openai/v1/{path}{V1_QUERIES.get(version, '')}"
    if version in V1_QUERIES:
        return f"{root}/openai/v1/{path}{V1_QUERIES[version]}"
    name = rest.removeprefix("/deployments/").split("/")[0] or quote(name_deployment(deployment.model), safe="")
    return f"{root}/openai/deployments/{name}/{path}?api-version={quote(version, safe='')}"


def build_headers(call: Call, deployment: Deployment) -> dict[str, str]:
    """The key or the given token; without either, the credentials that `auth` names are put on later."""
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    token = deployment.connection.get("azure_ad_token")
    if deployment.api_key:
        headers["api-key"] = deployment.api_key
    elif token:
        headers["authorization"] = f"Bearer {token}"
    return headers


def name_deployment(model: str) -> str:
    for prefix in _SERIES:
        model = model.removeprefix(prefix)
    return model


def _row_of(model: str) -> Compatible:
    return REASONING_ROW if model.startswith(_SERIES) else ROW


def ask_reasoning(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """As for OpenAI's reasoning models, whatever the deployment is called."""
    return ask_openai(fields, replace(deployment, model="o1"))


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    named = "o1" if deployment.model.startswith(_SERIES) else deployment.model
    return refuse_sampling(fields, replace(deployment, model=named))


def answer(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A filtered choice of a whole answer comes without its message."""
    choices = fields.get("choices")
    if not isinstance(choices, list) or not any(_bare(choice) for choice in choices):
        return {}
    nothing = {"role": "assistant", "content": None}
    return {"choices": [{**choice, "message": nothing} if _bare(choice) else choice for choice in choices]}


def _bare(choice: object) -> bool:
    return isinstance(choice, Mapping) and not any(name in choice for name in ("message", "delta", "text"))


VARIABLES: Mapping[str, tuple[str, ...]] = {
    "api_version": ("AZURE_API_VERSION",),
    "azure_ad_token": ("AZURE_AD_TOKEN",),
    "tenant_id": ("AZURE_TENANT_ID",),
    "client_id": ("AZURE_CLIENT_ID",),
    "client_secret": ("AZURE_CLIENT_SECRET",),
    "azure_scope": ("AZURE_SCOPE",),
    "azure_credential": ("AZURE_CREDENTIAL",),
}
ROW = Compatible(
    None,
    ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    ("AZURE_API_BASE",),
    roles={},
    refused=refused,
    ask=ask_openai,
    answer=answer,
    chunk=None,
    operations=(CHAT, COMPLETIONS, EMBEDDINGS),
    variables=VARIABLES,
)
REASONING_ROW = replace(ROW, ask=ask_reasoning)
PROVIDER = replace(build_provider("azure", ROW), build_request=build_request, auth="azure", needs_key=False)
