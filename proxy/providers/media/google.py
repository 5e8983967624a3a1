"""Google's images: Gemini's image models by generateContent, Imagen by predict; in the Gemini API and on Vertex AI.

https://ai.google.dev/gemini-api/docs/image-generation, https://ai.google.dev/gemini-api/docs/imagen and
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import IMAGE_EDITS, IMAGES
from proxy.domain.wire import WireRequest
from proxy.errors import BadRequestError, ContentPolicyViolationError
from proxy.providers.compatible.openai import JSON_HEADERS
from proxy.providers.contract import Form
from proxy.providers.gemini.address import build_base, quote_model
from proxy.providers.gemini.usage import parse_usage
from proxy.providers.media.picture import build_answer, find_ratio, read_pictures, read_size
from proxy.providers.translation.json_reading import mapping, mappings, parse_object, text_of
from proxy.providers.vertex_ai.place import Resource, build_url, key_headers

SUPPORTED = frozenset({"n", "size"})
_READ = (IMAGES.parameters | IMAGE_EDITS.parameters) | {"model", "prompt", "stream", "image", "images", "mask"}
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_BLOCKED = frozenset({"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII"})


def is_imagen(deployment: Deployment) -> bool:
    return "imagen" in deployment.model.lower()


def build_gemini(call: Call, deployment: Deployment) -> WireRequest:
    headers = dict(JSON_HEADERS)
    if deployment.api_key:
        headers["x-goog-api-key"] = deployment.api_key
    method = "predict" if is_imagen(deployment) else "generateContent"
    url = f"{build_base(deployment)}/{quote_model(deployment.model)}:{method}"
    return WireRequest(url, dumps(_build_body(call, deployment)), headers, guarded=deployment.guarded)


def build_vertex(call: Call, deployment: Deployment) -> WireRequest:
    path = f"publishers/google/models/{quote(deployment.model.removeprefix('google/'), safe='@')}"
    url = build_url(deployment, Resource(path, ":predict" if is_imagen(deployment) else ":generateContent"))
    headers = {**JSON_HEADERS, **key_headers(deployment.api_key)}
    return WireRequest(url, dumps(_build_body(call, deployment)), headers, guarded=deployment.guarded)


def _build_body(call: Call, deployment: Deployment) -> dict[str, Any]:
    """Raise BadRequestError for what the model has no way to do."""
    own = {name: value for name, value in call.fields.items() if name not in _READ and value is not None}
    if not is_imagen(deployment):
        return _build_content(call, own)
    if call.operation is IMAGE_EDITS:
        raise BadRequestError("Imagen's models do not edit images here.", param="model", provider=deployment.provider)
    parameters: dict[str, Any] = {"sampleCount": call.fields.get("n") or 1, **own}
    size = read_size(call.fields)
    if size is not None:
        parameters["aspectRatio"] = find_ratio(size, _IMAGEN_RATIOS)
    return {"instances": [{"prompt": call.fields["prompt"]}], "parameters": parameters}


def _build_content(call: Call, own: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt, and before it the pictures to edit."""
    pictures = read_pictures(call, "image") if call.operation is IMAGE_EDITS else []
    if call.operation is IMAGE_EDITS and not pictures:
        raise BadRequestError("This provider takes images as files of a form.", param="image")
    if call.upload is not None and call.upload.named("mask"):
        raise BadRequestError("Gemini takes no mask: the prompt says what is to change.", param="mask")
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": picture.media_type, "data": picture.data}} for picture in pictures
    ]
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    size = read_size(call.fields)
    if size is not None:
        config["imageConfig"] = {"aspectRatio": find_ratio(size, _RATIOS)}
    if (call.fields.get("n") or 1) > 1:
        config["candidateCount"] = call.fields["n"]
    config |= mapping(own.get("generationConfig"))
    others = {name: value for name, value in own.items() if name != "generationConfig"}
    contents = [{"role": "user", "parts": [*parts, {"text": call.fields["prompt"]}]}]
    return {"contents": contents, "generationConfig": config, **others}


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """Raise ContentPolicyViolationError where Google made none because of what they would show."""
    reply = parse_object(body, deployment)
    candidates, predictions = mappings(reply.get("candidates")), mappings(reply.get("predictions"))
    pictures = [text_of(item.get("bytesBase64Encoded")) for item in predictions]
    pictures += [data for candidate in candidates for data in _read_parts(candidate)]
    found = [picture for picture in pictures if picture]
    reasons = [text_of(candidate.get("finishReason")) for candidate in candidates]
    is_blocked = bool(mapping(reply.get("promptFeedback")).get("blockReason")) or not _BLOCKED.isdisjoint(reasons)
    if not found and (is_blocked or any(item.get("raiFilteredReason") for item in predictions)):
        raise ContentPolicyViolationError(
            f"{deployment.provider} refused to make this image", provider=deployment.provider
        )
    return build_answer(call, deployment, headers, found, parse_usage(reply.get("usageMetadata")))


def _read_parts(candidate: Mapping[str, Any]) -> list[str]:
    parts = mappings(mapping(candidate.get("content")).get("parts"))
    return [text_of(mapping(part.get("inlineData")).get("data")) for part in parts if not part.get("thought")]


def _forms(build: Any) -> tuple[Form, ...]:
    return tuple(Form(operation, build, parse_response, SUPPORTED) for operation in (IMAGES, IMAGE_EDITS))


FORMS: Mapping[str, tuple[Form, ...]] = {"gemini": _forms(build_gemini), "vertex_ai": _forms(build_vertex)}
