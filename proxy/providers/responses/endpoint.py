"""Where the Responses API of a provider is, and with which headers it is asked."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.wire import WireRequest
from proxy.providers.azure import openai as azure
from proxy.providers.compatible import databricks, openai, openrouter, xai
from proxy.providers.compatible.openai import Compatible, build_headers, find_base, name_model
from proxy.providers.compatible.rows import ROWS

# The deployments' form of the model's name that asks for this API, whoever the client is.
PREFIX = "responses/"
# https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses: older dated versions have it at /openai/v1 only.
_AZURE_SINCE = "2025-03-01"
_DATED = re.compile(r"\d{4}-\d\d-\d\d")


class Endpoint(NamedTuple):
    """`url`: of a deployment and the path below its base. `model`: the name that the provider knows."""

    url: Callable[[Deployment, str], str]
    headers: Callable[[Call, Deployment], dict[str, str]]
    model: Callable[[Deployment], str]


def bare_model(deployment: Deployment) -> str:
    return deployment.model.removeprefix(PREFIX)


def _of_row(name: str, row: Compatible) -> Endpoint:
    def url(deployment: Deployment, path: str) -> str:
        return f"{find_base(deployment, name, row.base_url).removesuffix('/chat/completions')}/{path}"

    def headers(call: Call, deployment: Deployment) -> dict[str, str]:
        return build_headers(call, deployment, row)

    return Endpoint(url, headers, lambda deployment: name_model(bare_model(deployment), row))


def _azure_url(deployment: Deployment, path: str) -> str:
    base = find_base(deployment, "azure", None)
    version = str(deployment.connection.get("api_version") or "v1")
    root, separator, rest = base.partition("/openai")
    is_dated = _DATED.match(version) is not None and version[:10] >= _AZURE_SINCE
    if is_dated and not (separator and rest.startswith("/v1")):
        return f"{root}/openai/{path}?api-version={quote(version, safe='')}"
    return f"{root}/openai/v1/{path}{azure.V1_QUERIES.get(version, '')}"


ENDPOINTS: Mapping[str, Endpoint] = {
    "azure": Endpoint(
        _azure_url, azure.build_headers, lambda deployment: azure.name_deployment(bare_model(deployment))
    ),
    "databricks": _of_row("databricks", databricks.ROW),
    "hosted_vllm": _of_row("hosted_vllm", ROWS["hosted_vllm"]),
    "litellm_proxy": _of_row("litellm_proxy", ROWS["litellm_proxy"]),
    "openai": _of_row("openai", openai.ROW),
    "openrouter": _of_row("openrouter", openrouter.ROW),
    "xai": _of_row("xai", xai.ROW),
}
# Their servers may be of any kind and any age: whether one has the API shows when it is asked.
_SUPPOSED = frozenset({"hosted_vllm", "litellm_proxy", "openai"})
_OPENAI_HOST = "api.openai.com"


def is_supposed(deployment: Deployment) -> bool:
    """Whether nothing is known of the server but its address."""
    if deployment.use_responses_api is not None or deployment.provider not in _SUPPOSED:
        return False
    return deployment.api_base is not None and urlsplit(deployment.api_base).hostname != _OPENAI_HOST


def build_wire(endpoint: Endpoint, call: Call, deployment: Deployment, path: str, body: bytes = b"") -> WireRequest:
    """A request without the client's body: of an answer that the provider keeps."""
    url = endpoint.url(deployment, path)
    return WireRequest(url, body, endpoint.headers(call, deployment), guarded=deployment.guarded)
