"""AWS Bedrock: every chat model through Converse, embeddings through InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
"""

from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT, EMBEDDINGS
from proxy.domain.wire import WireRequest
from proxy.providers.bedrock import embeddings, request
from proxy.providers.bedrock.errors import parse_error
from proxy.providers.bedrock.native import NATIVE
from proxy.providers.bedrock.response import parse_chat
from proxy.providers.bedrock.stream import ConverseStream
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.content import media_urls


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    build = embeddings.build_embedding if call.operation is EMBEDDINGS else request.build_chat
    return build(call, deployment)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    parse = embeddings.parse_embedding if call.operation is EMBEDDINGS else parse_chat
    return parse(body, headers, call, deployment)


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return ConverseStream(call, deployment)


def refused(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """What the deployment's model does not take; a request with an `input` is one for embeddings."""
    if "messages" not in fields and "input" in fields:
        return embeddings.refused_dimensions(fields, deployment)
    return request.refused(fields, deployment)


def displaced(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    return request.displaced(fields, deployment) if "messages" in fields else frozenset()


PROVIDER = Provider(
    name="bedrock",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    framing="aws-eventstream",
    operations=(CHAT, EMBEDDINGS),
    supported={CHAT.name: request.SUPPORTED, EMBEDDINGS.name: embeddings.SUPPORTED},
    refused=refused,
    displaced=displaced,
    variables={
        "api_key": ("AWS_BEARER_TOKEN_BEDROCK",),
        "aws_region_name": ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"),
        "aws_bedrock_runtime_endpoint": ("AWS_BEDROCK_RUNTIME_ENDPOINT",),
    },
    auth="aws",
    media=media_urls,
    batch=embeddings.batch_size,
    needs_key=False,
    last_event="metadata",
    native={"messages": NATIVE},
)
