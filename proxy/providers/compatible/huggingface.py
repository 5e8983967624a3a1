"""Hugging Face: OpenAI's format at the router, which picks a provider, and at endpoints of one's own.

https://huggingface.co/docs/inference-providers and https://huggingface.co/docs/text-generation-inference
"""

from dataclasses import replace

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import Compatible, build_provider
from proxy.providers.compatible.openai import build_request as build_openai

ROUTER = "https://router.huggingface.co/v1"


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    model = name_model(deployment.model) if deployment.api_base is None else deployment.model
    connection = dict(deployment.connection)
    if deployment.api_base is not None:
        connection["api_base"] = find_endpoint(deployment.api_base, call)
    return build_openai(call, replace(deployment, model=model, connection=connection), "huggingface", ROW)


def name_model(model: str) -> str:
    """`together/deepseek-ai/DeepSeek-R1`, LiteLLM's spelling of provider and model, as the router's `model:provider`."""
    first, _, rest = model.partition("/")
    return f"{rest}:{first}" if "/" in rest else model


def find_endpoint(base: str, call: Call) -> str:
    """An endpoint's address as it is shown, with the version path of its OpenAI interface."""
    base = base.removesuffix("/" + call.operation.path)
    return base if base.endswith(("/v1", "/openai")) else base + "/v1"


ROW = Compatible(
    ROUTER,
    ("HUGGINGFACE_API_KEY", "HF_TOKEN"),
    ("HF_API_BASE", "HUGGINGFACE_API_BASE"),
    operations=(CHAT, EMBEDDINGS),
)
PROVIDER = replace(build_provider("huggingface", ROW), build_request=build_request)
