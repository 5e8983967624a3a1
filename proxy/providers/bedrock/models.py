"""What sets the model families on Bedrock apart, and the address of a model.

https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
"""

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from proxy.domain.aws import read_model, service_host
from proxy.domain.deployment import Deployment
from proxy.providers.anthropic.model import Model as Traits
from proxy.providers.anthropic.model import find_model
from proxy.providers.bedrock.families import Family, find_family

_VENDORS = re.compile(
    r"(?:^|[./])(anthropic|amazon|openai|qwen|deepseek|moonshotai|moonshot|zai|minimax|mistral|meta|cohere|ai21|google"
    r"|nvidia|writer|twelvelabs|stability|luma)\."
)
# The name of an imported or profiled model does not show its family; LiteLLM's prefixes before an ARN do.
_HINTS = {
    "llama": "meta.llama",
    "deepseek_r1": "deepseek.r1",
    "qwen2": "qwen.qwen2",
    "qwen3": "qwen.qwen3",
    "openai": "openai.gpt-oss",
    "moonshot": "moonshot.kimi-k2",
    "nova": "amazon.nova-1",
    "nova-2": "amazon.nova-2",
}


class Model(NamedTuple):
    """`name` is the id from its vendor's name on (`anthropic.claude-sonnet-4-5-...`); `vendor` is empty if unknown."""

    name: str
    vendor: str

    @property
    def claude(self) -> bool:
        return self.vendor == "anthropic"

    @property
    def nova(self) -> bool:
        return self.name.startswith("amazon.nova")

    @property
    def traits(self) -> Traits:
        """What this Claude takes and refuses; Anthropic's table, which has the names on Bedrock."""
        return find_model(self.name)

    @property
    def family(self) -> Family:
        """What its family takes of Converse."""
        return find_family(self.name)

    def starts(self, *prefixes: str) -> bool:
        return self.name.startswith(prefixes)


def read_family(deployment: Deployment) -> Model:
    """The family by the model's id; where that is a profile's ARN, by `model_info.base_model` or the hint before it."""
    found = read_model(deployment)
    base = deployment.info.get("base_model")
    for name in (found.model_id, base if isinstance(base, str) else "", _HINTS.get(found.hint, "")):
        match = _VENDORS.search(name)
        if match:
            return Model(name[match.start(1) :], match[1])
    return Model(found.model_id, "")


def model_url(deployment: Deployment, action: str) -> str:
    """`<endpoint>/model/<id>/<action>`; the id is one path segment, so an ARN's slashes and colons are escaped."""
    model = read_model(deployment)
    endpoint: Any = deployment.connection.get("aws_bedrock_runtime_endpoint") or deployment.api_base
    base = endpoint.rstrip("/") if isinstance(endpoint, str) and endpoint else None
    base = base or f"https://{service_host('bedrock-runtime', model.region)}"
    return f"{base}/model/{quote(model.model_id, safe='')}/{action}"


def answer_model(deployment: Deployment) -> str:
    """The model as answers name it: Bedrock's own answers don't."""
    return f"{deployment.provider}/{read_model(deployment).model_id}"
