"""Vertex AI: `vertex_ai/<model>`, each family of models in the wire format of its publisher."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import Content, WireRequest
from proxy.providers import anthropic
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS, Compatible, build_body
from proxy.providers.compatible.openai import parse_response as parse_openai
from proxy.providers.compatible.stream import CompatibleStream
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.gemini import body as gemini
from proxy.providers.gemini.embeddings import SUPPORTED as EMBEDDINGS_SUPPORTED
from proxy.providers.gemini.embeddings import parse_embeddings
from proxy.providers.gemini.errors import parse_error
from proxy.providers.gemini.parts import unknown_to_google
from proxy.providers.gemini.response import parse_response as parse_gemini
from proxy.providers.gemini.stream import open_stream as open_gemini
from proxy.providers.translation.call_ids import without_signatures
from proxy.providers.vertex_ai.embeddings import build_embedding
from proxy.providers.vertex_ai.families import Format, Target, find_resource, find_target
from proxy.providers.vertex_ai.native import NATIVE
from proxy.providers.vertex_ai.native import VERSION as _CLAUDE_VERSION
from proxy.providers.vertex_ai.native_gemini import NATIVES as GEMINI_NATIVES
from proxy.providers.vertex_ai.place import build_url, key_headers

_PARTNER = Compatible(None)
# Only the Gemini API has tiers.
_GEMINI_SUPPORTED = gemini.SUPPORTED - {"service_tier"}
_CLAUDE_SUPPORTED = anthropic.SUPPORTED - {"service_tier"}


@dataclass(frozen=True)
class Dialect:
    """What a family's wire format does. `body` is the JSON bytes; `refused` the OpenAI parameters it doesn't take.

    `displaced`: those that give way to others of the request.
    """

    body: Callable[[Call, Deployment, Target], Content]
    parse: Callable[[bytes, Mapping[str, str], Call, Deployment], Answer]
    open_stream: Callable[[Call, Deployment], StreamDecoder]
    refused: Callable[[Mapping[str, Any], Deployment], frozenset[str]]
    displaced: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """The token comes later (auth="google"), unless the deployment has a key."""
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    headers.update(key_headers(deployment.api_key))
    body: Content
    if call.operation.name == EMBEDDINGS.name:
        embedding = build_embedding(call.fields, deployment.model)
        url, body = build_url(deployment, embedding.resource), dumps(embedding.body)
    else:
        target = find_target(deployment.model)
        url = build_url(deployment, find_resource(target, stream=call.stream))
        body = _DIALECTS[target.family.format].body(call, deployment, target)
    return WireRequest(url=url, headers=headers, body=body, guarded=deployment.guarded)


def _gemini_body(call: Call, deployment: Deployment, target: Target) -> bytes:
    return dumps(gemini.build_body(call.fields, deployment))


def _claude_body(call: Call, deployment: Deployment, target: Target) -> bytes:
    """The Messages body; the model is in the path, the version and the betas are in the body."""
    call = call.asking(call.model, without_signatures(call.document))
    body = anthropic.build_body(call, replace(deployment, model=target.name))
    del body["model"]
    betas = anthropic.build_betas(body)
    return dumps({"anthropic_version": _CLAUDE_VERSION, **body, **({"anthropic_beta": betas} if betas else {})})


def _openai_body(call: Call, deployment: Deployment, target: Target) -> Content:
    call = call.asking(call.model, without_signatures(call.document))
    return build_body(call, replace(deployment, model=target.name), _PARTNER)


def _refused_by_gemini(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return gemini.refused(fields, deployment) | (CHAT.parameters - _GEMINI_SUPPORTED)


def _refused_by_claude(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return anthropic.refused(fields, _named(deployment)) | (CHAT.parameters - _CLAUDE_SUPPORTED)


def _displaced_by_claude(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return anthropic.displaced(fields, _named(deployment))


def _named(deployment: Deployment) -> Deployment:
    return replace(deployment, model=find_target(deployment.model).name)


def _parse_openai(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    return parse_openai(body, headers, call, deployment, _PARTNER)


_DIALECTS: Mapping[Format, Dialect] = {
    Format.GEMINI: Dialect(_gemini_body, parse_gemini, open_gemini, _refused_by_gemini),
    Format.CLAUDE: Dialect(
        _claude_body, anthropic.parse_response, anthropic.open_stream, _refused_by_claude, _displaced_by_claude
    ),
    Format.OPENAI: Dialect(
        _openai_body,
        _parse_openai,
        lambda call, deployment: CompatibleStream(deployment, _PARTNER),
        lambda fields, deployment: frozenset(),
    ),
}


def _dialect(deployment: Deployment) -> Dialect:
    return _DIALECTS[find_target(deployment.model).family.format]


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    if call.operation.name == EMBEDDINGS.name:
        return parse_embeddings(body, headers, call, deployment)
    return _dialect(deployment).parse(body, headers, call, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return _dialect(deployment).open_stream(call, deployment)


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """`supported` is what some family takes; this, what the model's own family doesn't."""
    return frozenset() if "input" in fields else _dialect(deployment).refused(fields, deployment)


def displaced(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    find = None if "input" in fields else _dialect(deployment).displaced
    return frozenset() if find is None else find(fields, deployment)


def _build_provider(name: str) -> Provider:
    return Provider(
        name=name,
        build_request=build_request,
        parse_response=parse_response,
        parse_error=parse_error,
        open_stream=open_stream,
        framing="sse-or-array",
        operations=(CHAT, EMBEDDINGS),
        supported={CHAT.name: None, EMBEDDINGS.name: EMBEDDINGS_SUPPORTED},
        refused=refused,
        displaced=displaced,
        variables={
            "vertex_project": ("VERTEXAI_PROJECT", "VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT"),
            "vertex_location": ("VERTEXAI_LOCATION", "VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION"),
            "vertex_credentials": ("VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
            "api_base": ("VERTEXAI_API_BASE", "VERTEX_API_BASE"),
        },
        auth="google",
        media=unknown_to_google,
        signed_ids=True,
        native={"messages": NATIVE, **GEMINI_NATIVES},
        needs_key=False,
    )


PROVIDER = _build_provider("vertex_ai")
BETA = _build_provider("vertex_ai_beta")
