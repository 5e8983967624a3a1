"""Ollama's native API, for `ollama/` and `ollama_chat/` alike: chat by /api/chat, embeddings by /api/embed.

https://docs.ollama.com/api
"""

import re
from collections.abc import Mapping

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.errors import GatewayError
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.ollama import request, response
from proxy.providers.translation.content import media_urls
from proxy.providers.translation.errors import build_error

_BASE_URL = "http://localhost:11434"
# Ollama answers 500 for what is the request's fault.
_OUR_FAULT = re.compile(rb"no such file or directory|invalid think value", re.IGNORECASE)


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    embedding = call.operation is EMBEDDINGS
    if embedding:
        body = request.build_embedding(call.fields, deployment.model)
    else:
        body = request.build_chat(call.fields, deployment.model, stream=call.stream)
    headers = {
        "content-type": "application/json",
        "accept": "application/x-ndjson" if call.stream else "application/json",
    }
    if deployment.api_key:
        headers["authorization"] = f"Bearer {deployment.api_key}"
    base = (deployment.api_base or _BASE_URL).removesuffix("/api")
    path = "embed" if embedding else "chat"
    return WireRequest(f"{base}/api/{path}", dumps(body), headers, guarded=deployment.guarded)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    parse = response.parse_embedding if call.operation is EMBEDDINGS else response.parse_chat
    return parse(body, headers, call, deployment)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    if status == 500 and _OUR_FAULT.search(body):
        status = 400
    return build_error(status, body, headers, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return response.OllamaStream(call, deployment)


def _build_provider(name: str) -> Provider:
    return Provider(
        name=name,
        build_request=build_request,
        parse_response=parse_response,
        parse_error=parse_error,
        open_stream=open_stream,
        framing="ndjson",
        operations=(CHAT, EMBEDDINGS),
        supported={CHAT.name: request.SUPPORTED, EMBEDDINGS.name: request.EMBEDDING_SUPPORTED},
        refused=request.find_refused,
        variables={"api_key": ("OLLAMA_API_KEY",), "api_base": ("OLLAMA_API_BASE",)},
        base_url=_BASE_URL,
        media=media_urls,
        needs_key=False,
    )


PROVIDER = _build_provider("ollama")
CHAT_PROVIDER = _build_provider("ollama_chat")
