"""The Anthropic-compatible endpoints of providers that otherwise use OpenAI's form: a row each, from their documents."""

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT
from proxy.domain.wire import WireRequest
from proxy.providers.anthropic.native import NATIVE, build_headers, build_wire, find_defaults, native_of
from proxy.providers.anthropic.request import build_url
from proxy.providers.contract import Provider


class Endpoint(NamedTuple):
    """`hosts`: by the host of a deployment's api_base, or of the provider's own, the base of the endpoint.

    `beside`: any server of this kind has it beside chat completions, at `<api_base>/messages`. `key_header`: where the key
    goes; a bearer token in `authorization`.
    """

    hosts: dict[str, str]
    source: str
    beside: bool = False
    key_header: str = "authorization"


ENDPOINTS: dict[str, Endpoint] = {
    "deepseek": Endpoint(
        {"api.deepseek.com": "https://api.deepseek.com/anthropic"},
        "https://api-docs.deepseek.com/guides/anthropic_api",
        key_header="x-api-key",
    ),
    "moonshot": Endpoint(
        {
            "api.moonshot.ai": "https://api.moonshot.ai/anthropic",
            "api.moonshot.cn": "https://api.moonshot.cn/anthropic",
        },
        "https://platform.moonshot.ai/docs/guide/agent-support",
    ),
    "zai": Endpoint(
        {
            "api.z.ai": "https://api.z.ai/api/anthropic",
            "open.bigmodel.cn": "https://open.bigmodel.cn/api/anthropic",
        },
        "https://docs.z.ai/devpack/tool/claude",
    ),
    "minimax": Endpoint(
        {
            "api.minimax.io": "https://api.minimax.io/anthropic",
            "api.minimaxi.com": "https://api.minimaxi.com/anthropic",
        },
        "https://platform.minimax.io/docs/api-reference/text-anthropic-api",
    ),
    "openrouter": Endpoint(
        {}, "https://openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages", beside=True
    ),
    "litellm_proxy": Endpoint({}, "https://docs.litellm.ai/docs/anthropic_unified", beside=True),
}


def with_messages(provider: Provider) -> Provider:
    """The provider with its native form of Messages, if it has an endpoint for them."""
    endpoint = ENDPOINTS.get(provider.name)
    if endpoint is None:
        return provider

    def build_request(call: Call, deployment: Deployment) -> WireRequest:
        url = find_url(endpoint, provider, deployment)
        assert url is not None
        return build_wire(call, deployment, url, {**build_headers(call), **_key(endpoint, deployment)})

    native = replace(
        NATIVE,
        name=provider.name,
        build_request=build_request,
        serves=lambda deployment: find_url(endpoint, provider, deployment) is not None,
        prepare=prepare,
        operations=(CHAT,),
        # A server of which only the address is known may be older than its endpoint.
        is_supposed=lambda deployment: endpoint.beside and deployment.api_base is not None,
    )
    return replace(provider, native={**provider.native, "messages": native})


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The body with its model and the deployment's defaults; thoughts go back as they came from there."""
    document: Document = native_of(call).edit({"model": deployment.model, **find_defaults(call, deployment)})
    return call._replace(native=document), ()


def find_url(endpoint: Endpoint, provider: Provider, deployment: Deployment) -> str | None:
    """The address of Messages; None for a server of which nothing is known but its address for chat completions."""
    base = deployment.api_base or provider.base_url
    if base is None:
        return None
    if "/anthropic" in urlsplit(base).path:
        return build_url(base)
    if endpoint.beside:
        return build_url(base.removesuffix("/chat/completions"))
    known = endpoint.hosts.get(urlsplit(base).hostname or "")
    return None if known is None else build_url(known)


def _key(endpoint: Endpoint, deployment: Deployment) -> dict[str, str]:
    key = deployment.api_key
    if not key:
        return {}
    return {endpoint.key_header: f"Bearer {key}" if endpoint.key_header == "authorization" else key}
