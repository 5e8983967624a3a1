"""Google's Gemini API: `gemini/<model>`. https://ai.google.dev/api"""

from collections.abc import Mapping

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.contract import Provider
from proxy.providers.gemini import body, embeddings
from proxy.providers.gemini.address import BASE_URL, build_base, quote_model
from proxy.providers.gemini.counter import COUNTER
from proxy.providers.gemini.errors import parse_error
from proxy.providers.gemini.native import NATIVES
from proxy.providers.gemini.parts import unknown_to_google
from proxy.providers.gemini.response import parse_response as parse_chat
from proxy.providers.gemini.stream import open_stream


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    """generateContent, streamGenerateContent or batchEmbedContents; the key goes into a header, never into the URL."""
    if call.operation.name == EMBEDDINGS.name:
        method, fields = "batchEmbedContents", embeddings.build_batch(call.fields, deployment.model)
    else:
        method = "streamGenerateContent?alt=sse" if call.stream else "generateContent"
        fields = body.build_body(call.fields, deployment)
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    if deployment.api_key:
        headers["x-goog-api-key"] = deployment.api_key
    url = f"{build_base(deployment)}/{quote_model(deployment.model)}:{method}"
    return WireRequest(url=url, headers=headers, body=dumps(fields), guarded=deployment.guarded)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    parse = embeddings.parse_embeddings if call.operation.name == EMBEDDINGS.name else parse_chat
    return parse(body, headers, call, deployment)


PROVIDER = Provider(
    name="gemini",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    framing="sse-or-array",
    operations=(CHAT, EMBEDDINGS),
    supported={CHAT.name: body.SUPPORTED, EMBEDDINGS.name: embeddings.SUPPORTED},
    refused=body.refused,
    variables={"api_key": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "api_base": ("GEMINI_API_BASE",)},
    base_url=BASE_URL,
    media=unknown_to_google,
    batch=lambda deployment: embeddings.BATCH,
    native={**NATIVES, "messages": COUNTER},
    signed_ids=True,
)
