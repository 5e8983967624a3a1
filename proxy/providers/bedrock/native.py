"""Claude on Bedrock in Anthropic's own form: InvokeModel, whose stream holds Anthropic's events in frames.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.operations import COUNT_TOKENS
from proxy.domain.wire import Event, WireRequest
from proxy.errors import TruncatedStreamError
from proxy.providers.anthropic import native
from proxy.providers.anthropic.cloud_beta import BEDROCK
from proxy.providers.bedrock.errors import error_from_frame, parse_error
from proxy.providers.bedrock.models import model_url, read_family
from proxy.providers.bedrock.request import build_headers
from proxy.providers.contract import StreamDecoder
from proxy.providers.translation.json_reading import find_object

_VERSION = "bedrock-2023-05-31"
# The address and the action name these.
_ELSEWHERE = frozenset({"model", "stream"})


def is_claude(deployment: Deployment) -> bool:
    """A `converse/` before the model's name selects Converse."""
    return read_family(deployment).claude and not deployment.model.startswith("converse/")


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    call, _ = native.prepare(call, deployment)
    call, left_out = native.without(call, BEDROCK.refused)
    betas, unknown = BEDROCK.fit(native.read_betas(call))
    changes: dict[str, Any] = {"anthropic_version": _VERSION, **({"anthropic_beta": betas} if betas else {})}
    body = native.native_of(call).edit(changes, _ELSEWHERE)
    return call._replace(native=body, headers={}), (*left_out, *unknown)


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    body = native.native_of(call).to_content()
    action, accept = "invoke", "application/json"
    if call.operation is COUNT_TOKENS:
        action = "count-tokens"
        # The counter wants a whole request, with a limit of the answer.
        whole = native.native_of(call).edit({"max_tokens": 1}).to_bytes()
        body = dumps({"input": {"invokeModel": {"body": base64.b64encode(whole).decode()}}})
    elif call.stream:
        action, accept = "invoke-with-response-stream", "application/vnd.amazon.eventstream"
    return WireRequest(
        url=model_url(deployment, action),
        headers=build_headers(deployment, accept),
        body=body,
        guarded=deployment.guarded,
    )


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    if call.operation is COUNT_TOKENS:
        counted = (find_object(body) or {}).get("inputTokens")
        body = dumps({} if counted is None else {"input_tokens": counted})
    return native.parse_response(body, headers, call, deployment)


class InvokeStream:
    """Anthropic's events out of frames of base64."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._inner = native.NativeStream(deployment)
        self.usage_so_far = self._inner.usage_so_far
        self.text_length = self._inner.text_length

    def feed(self, event: Event) -> list[Chunk]:
        if event.name != "chunk":
            raise error_from_frame(event.name, event.data, self._deployment)
        inner = (find_object(event.data) or {}).get("bytes")
        try:
            data = base64.b64decode(inner, validate=True) if isinstance(inner, str) else b"-"
        except binascii.Error:
            data = b"-"
        if data == b"-":
            provider = self._deployment.provider
            raise TruncatedStreamError(f"{provider} sent a frame without an event", provider=provider)
        return self._inner.feed(Event(data))

    def finish(self) -> list[Chunk]:
        return self._inner.finish()


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return InvokeStream(deployment)


NATIVE = replace(
    native.NATIVE,
    name="bedrock",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    framing="aws-eventstream",
    auth="aws",
    prepare=prepare,
    serves=is_claude,
    last_event="",
)
