"""Anthropic's Messages API.

Other clouds that serve Claude use its parts: build_body, build_betas and build_version_headers for the request,
parse_response, parse_error and open_stream for the answer.
"""

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.providers.anthropic.conversation import insecure_urls
from proxy.providers.anthropic.errors import parse_error
from proxy.providers.anthropic.native import NATIVE
from proxy.providers.anthropic.request import (
    BASE_URL,
    SUPPORTED,
    build_betas,
    build_body,
    build_request,
    build_version_headers,
    displaced,
    refused,
)
from proxy.providers.anthropic.response import parse_response
from proxy.providers.anthropic.stream import MessagesStream
from proxy.providers.contract import Provider, StreamDecoder

__all__ = [
    "PROVIDER",
    "SUPPORTED",
    "MessagesStream",
    "build_betas",
    "build_body",
    "build_version_headers",
    "displaced",
    "open_stream",
    "parse_error",
    "parse_response",
    "refused",
]


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return MessagesStream(call, deployment)


PROVIDER = Provider(
    name="anthropic",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    supported={"chat": SUPPORTED},
    refused=refused,
    displaced=displaced,
    media=insecure_urls,
    variables={
        "api_key": ("ANTHROPIC_API_KEY",),
        "token": ("ANTHROPIC_AUTH_TOKEN",),
        "api_base": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
    },
    base_url=BASE_URL,
    native={"messages": NATIVE},
    last_event="message_stop",
)
