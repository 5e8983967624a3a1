"""Bedrock's images by InvokeModel: Nova Canvas and Titan, Stability's models.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import IMAGES
from proxy.domain.wire import WireRequest
from proxy.errors import ConfigurationError, ContentPolicyViolationError
from proxy.providers.bedrock.models import model_url, read_family
from proxy.providers.bedrock.request import build_headers
from proxy.providers.contract import Form
from proxy.providers.media.picture import build_answer, find_ratio, read_size
from proxy.providers.translation.json_reading import listed, mapping, parse_object, text_of

SUPPORTED = frozenset({"n", "output_format", "quality", "size"})
_READ = IMAGES.parameters | {"model", "prompt", "stream"}
_RATIOS = ("1:1", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21", "16:9", "21:9")
_QUALITIES = {"hd": "premium", "high": "premium", "premium": "premium"}


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """Raise ConfigurationError for a model that makes no images."""
    model, fields = read_family(deployment), call.fields
    own = {name: value for name, value in fields.items() if name not in _READ and value is not None}
    if model.starts("amazon.nova-canvas", "amazon.titan-image"):
        body = _build_amazon(fields, own)
    elif model.starts("stability."):
        body = _build_stability(fields, own)
    else:
        raise ConfigurationError(
            f"No images are known for the Bedrock model {model.name!r}", status_code=400, provider=deployment.provider
        )
    url, headers = model_url(deployment, "invoke"), build_headers(deployment, "application/json")
    return WireRequest(url, dumps(body), headers, guarded=deployment.guarded)


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """What the families have no word for: Stability's models make one image."""
    is_amazon = read_family(deployment).starts("amazon.")
    return frozenset({"output_format"}) if is_amazon else frozenset({"quality", "n"})


def _build_amazon(fields: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {"numberOfImages": fields.get("n") or 1}
    size = read_size(fields)
    if size is not None:
        config.update(width=size[0], height=size[1])
    if fields.get("quality") is not None:
        config["quality"] = _QUALITIES.get(fields["quality"], "standard")
    return {
        "taskType": "TEXT_IMAGE",
        **own,
        "textToImageParams": {"text": fields["prompt"], **mapping(own.get("textToImageParams"))},
        "imageGenerationConfig": {**config, **mapping(own.get("imageGenerationConfig"))},
    }


def _build_stability(fields: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    body = {"prompt": fields["prompt"], **own}
    size = read_size(fields)
    if size is not None:
        body.setdefault("aspect_ratio", find_ratio(size, _RATIOS))
    if fields.get("output_format") is not None:
        body["output_format"] = fields["output_format"]
    return body


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """Raise ContentPolicyViolationError where an image was made and held back."""
    reply = parse_object(body, deployment)
    found = [text_of(picture) for picture in listed(reply.get("images")) if text_of(picture)]
    reasons = [*listed(reply.get("finish_reasons")), reply.get("error")]
    if not found and any(isinstance(reason, str) for reason in reasons):
        raise ContentPolicyViolationError(
            f"{deployment.provider} refused to make this image", provider=deployment.provider
        )
    return build_answer(call, deployment, headers, found)


FORMS: Mapping[str, tuple[Form, ...]] = {
    "bedrock": (Form(IMAGES, build_request, parse_response, SUPPORTED, refused=refused),)
}
