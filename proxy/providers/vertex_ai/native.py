"""Claude on Vertex AI in Anthropic's own form: rawPredict, with the version and the betas in the body.

https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai and
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/partner-models/claude/count-tokens
"""

from dataclasses import replace
from typing import Any

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import COUNT_TOKENS
from proxy.domain.wire import WireRequest
from proxy.providers.anthropic import native
from proxy.providers.anthropic.cloud_beta import VERTEX
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.gemini.errors import parse_error
from proxy.providers.vertex_ai.families import Format, find_resource, find_target
from proxy.providers.vertex_ai.place import Resource, build_url

VERSION = "vertex-2023-10-16"
_COUNTER = Resource("publishers/anthropic/models/count-tokens", ":rawPredict")


def is_claude(deployment: Deployment) -> bool:
    return find_target(deployment.model).family.format is Format.CLAUDE


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The model is in the address, but for the counter, which is one for all of them."""
    name = find_target(deployment.model).name
    call, _ = native.prepare(call, replace(deployment, model=name))
    call, left_out = native.without(call, VERTEX.refused)
    betas, unknown = VERTEX.fit(native.read_betas(call))
    changes: dict[str, Any] = {"anthropic_version": VERSION, **({"anthropic_beta": betas} if betas else {})}
    body = native.native_of(call).edit(changes, () if call.operation is COUNT_TOKENS else ("model",))
    return call._replace(native=body, headers={}), (*left_out, *unknown)


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    resource = _COUNTER
    if call.operation is not COUNT_TOKENS:
        resource = find_resource(find_target(deployment.model), stream=call.stream)
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    if deployment.api_key:
        headers["authorization"] = f"Bearer {deployment.api_key}"
    return WireRequest(
        url=build_url(deployment, resource),
        headers=headers,
        body=native.native_of(call).to_content(),
        guarded=deployment.guarded,
    )


NATIVE = replace(
    native.NATIVE,
    name="vertex_ai",
    build_request=build_request,
    parse_error=parse_error,
    auth="google",
    prepare=prepare,
    serves=is_claude,
)
