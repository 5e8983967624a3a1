"""Gemini on Vertex AI in Google's own form, which is that of the Gemini API but for the ids of calls.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, COUNT_CONTENT
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.contract import Provider
from proxy.providers.gemini import native
from proxy.providers.vertex_ai.families import Format, find_resource, find_target
from proxy.providers.vertex_ai.place import build_url, key_headers

_IDENTIFIED = ("functionCall", "function_call", "functionResponse", "function_response")


def is_gemini(deployment: Deployment) -> bool:
    return find_target(deployment.model).family.format is Format.GEMINI


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """Without the ids of calls and responses, which the first version does not know: names and order tell calls apart."""
    call, left_out = native.prepare(_unwrapped(call), deployment)
    document = native.native_of(call)
    contents = document.fields.get("contents")
    if not isinstance(contents, list):
        return call, left_out
    plain = [_without_ids(content) for content in contents]
    if any(new is not old for new, old in zip(plain, contents, strict=True)):
        call = call._replace(native=document.edit({"contents": plain}))
    return call, left_out


def _unwrapped(call: Call) -> Call:
    """countTokens with a whole request in a member, which only the Gemini API has."""
    document = native.native_of(call)
    for name in ("generateContentRequest", "generate_content_request"):
        if isinstance(document.fields.get(name), Mapping):
            inner = {key: value for key, value in document.fields[name].items() if key != "model"}
            return call._replace(native=document.edit(inner, [name]))
    return call


def _without_ids(content: Any) -> Any:
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(parts, list):
        return content
    plain = [_without_id(part) for part in parts]
    return content if all(new is old for new, old in zip(plain, parts, strict=True)) else {**content, "parts": plain}


def _without_id(part: Any) -> Any:
    for name in _IDENTIFIED:
        held = part.get(name) if isinstance(part, Mapping) else None
        if isinstance(held, Mapping) and "id" in held:
            return {**part, name: {key: value for key, value in held.items() if key != "id"}}
    return part


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    resource = find_resource(find_target(deployment.model), stream=call.stream)
    if call.operation is COUNT_CONTENT:
        resource = resource._replace(method=":countTokens")
    headers = {**(STREAM_HEADERS if call.stream else JSON_HEADERS), **key_headers(deployment.api_key)}
    url = build_url(deployment, resource)
    body = native.native_of(call).to_content()
    return WireRequest(url=url, headers=headers, body=body, guarded=deployment.guarded)


NATIVE = replace(
    native.NATIVE,
    name="vertex_ai",
    build_request=build_request,
    operations=(CHAT, COUNT_CONTENT),
    auth="google",
    prepare=prepare,
    serves=is_gemini,
)
NATIVES: Mapping[str, Provider] = {"gemini": NATIVE, "gemini-array": NATIVE}
