"""Cohere, version 2 of its API: chat and embeddings."""

from collections.abc import Mapping
from dataclasses import replace

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.cohere import embeddings
from proxy.providers.cohere.request import BASE_URL, SUPPORTED, build_chat
from proxy.providers.cohere.response import parse_chat, parse_error
from proxy.providers.cohere.stream import ChatStream
from proxy.providers.contract import Provider, StreamDecoder

__all__ = ["CHAT_PROVIDER", "PROVIDER"]


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    build = embeddings.build_embed if call.operation is EMBEDDINGS else build_chat
    return build(call, deployment)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    parse = embeddings.parse_embed if call.operation is EMBEDDINGS else parse_chat
    return parse(body, headers, call, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return ChatStream(call, deployment)


PROVIDER = Provider(
    name="cohere",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    operations=(CHAT, EMBEDDINGS),
    supported={"chat": SUPPORTED, "embeddings": embeddings.SUPPORTED},
    variables={"api_key": ("COHERE_API_KEY", "CO_API_KEY"), "api_base": ("COHERE_API_BASE", "CO_API_URL")},
    base_url=BASE_URL,
    batch=lambda deployment: embeddings.BATCH,
    last_event="message-end",
)
CHAT_PROVIDER = replace(PROVIDER, name="cohere_chat")
