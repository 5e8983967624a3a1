"""The Responses API asked in its own form: the client's body as it came, answers and events as they come.

Only what the gateway must change is changed: the model, the deployment's defaults, reasoning that the gateway has sealed for
other providers, and the ids of answers that are stored, which carry their deployment and owner.
https://platform.openai.com/docs/api-reference/responses
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.conversation import REASONING_PREFIX, ResponseName
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps, loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COMPACT_RESPONSE, COUNT_RESPONSE_TOKENS, RESPONSES, STORED_RESPONSE
from proxy.domain.usage import Usage
from proxy.domain.wire import Event, WireRequest
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.compatible.stream import prefixed
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.responses.endpoint import ENDPOINTS, Endpoint, build_wire, is_supposed
from proxy.providers.translation.errors import error_from_event
from proxy.providers.translation.json_reading import mapping, parse_event, parse_object

FORM = "responses"

# A deployment's defaults by their names here; chat's others have no place.
_SHARED = frozenset(
    "temperature top_p tool_choice parallel_tool_calls metadata store user service_tier safety_identifier "
    "prompt_cache_key prompt_cache_retention top_logprobs".split()
)
_RENAMED: Mapping[str, str] = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})
_CONTENT = frozenset({"response.output_item.added", "response.output_item.done"})
_HOLD_RESPONSE = frozenset({"response.created", "response.queued", "response.in_progress", "response.failed"}) | _ENDS


def with_responses(provider: Provider) -> Provider:
    """The provider with its native form of the Responses API, if it has one."""
    endpoint = ENDPOINTS.get(provider.name)
    if endpoint is None:
        return provider

    def build_request(call: Call, deployment: Deployment) -> WireRequest:
        return _build_request(endpoint, call, deployment)

    def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
        return _prepare(endpoint, call, deployment)

    native = replace(
        provider,
        build_request=build_request,
        parse_response=parse_response,
        open_stream=open_stream,
        operations=(CHAT, COMPACT_RESPONSE, COUNT_RESPONSE_TOKENS, STORED_RESPONSE),
        serves=lambda deployment: deployment.use_responses_api is not False,
        is_supposed=is_supposed,
        prepare=prepare,
        native={},
        media=None,
        form=FORM,
        last_event="response.completed",
    )
    return replace(provider, native={**provider.native, FORM: native})


def _prepare(endpoint: Endpoint, call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    native = native_of(call)
    if call.operation is STORED_RESPONSE:
        return call, ()
    changes: dict[str, Any] = {"model": endpoint.model(deployment), **find_defaults(native.fields, deployment)}
    items = native.fields.get("input")
    if isinstance(items, list) and any(_is_sealed(item) for item in items):
        changes["input"] = [item for item in items if not _is_sealed(item)]
    return call._replace(native=native.edit(changes)), ()


def native_of(call: Call) -> Document:
    assert call.native is not None
    return call.native


def _is_sealed(item: Any) -> bool:
    """Whether it is the reasoning of another provider, which only the gateway can open."""
    if not isinstance(item, Mapping) or item.get("type") != "reasoning":
        return False
    return str(item.get("encrypted_content") or "").startswith(REASONING_PREFIX)


def find_defaults(fields: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    """The deployment's defaults that the body does not have."""
    extra = deployment.connection.get("extra_body")
    found: dict[str, Any] = {}
    for given, value in {**deployment.defaults, **(extra or {})}.items():
        name = _RENAMED.get(given, given)
        if given == "reasoning_effort" and "reasoning" not in fields:
            found["reasoning"] = value if isinstance(value, Mapping) else {"effort": value}
        elif name not in fields and (given not in CHAT.parameters or given in _SHARED or given in _RENAMED):
            found[name] = value
    return found


def _build_request(endpoint: Endpoint, call: Call, deployment: Deployment) -> WireRequest:
    native = native_of(call)
    if call.operation is not STORED_RESPONSE:
        path = (call.asked or RESPONSES).path
        return build_wire(endpoint, call, deployment, path)._replace(body=native.to_content())
    fields = native.fields
    request = build_wire(endpoint, call, deployment, f"responses/{quote(fields['id'], safe='')}{fields['below']}")
    separator = "&" if "?" in request.url else "?"
    url = f"{request.url}{separator}{fields['query']}" if fields["query"] else request.url
    return request._replace(url=url, method=fields["method"], cacheable=False)


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes. Raise the error of a failed response, InvalidProviderResponseError for what is none."""
    fields = parse_object(body, deployment)
    is_asked = call.operation in (CHAT, COMPACT_RESPONSE)
    failure = fields.get("error")
    if failure and (is_asked or fields.get("object") != "response"):
        raise error_from_event(dumps({"error": failure}), deployment)
    if is_asked and not isinstance(fields.get("output"), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is not a response", provider=deployment.provider
        )
    changes = _signed_members(fields, call, deployment)
    body = Document(body, fields).edit(changes).to_bytes() if changes else body
    usage = Usage.from_openai(fields.get("usage")) if is_asked else None
    return Answer(body, usage, prefixed(fields.get("model"), deployment), headers)


def _signed_members(fields: Mapping[str, Any], call: Call, deployment: Deployment) -> dict[str, Any]:
    """The ids of a stored response and of the one before it, as the client knows them."""
    conversation = call.conversation
    if conversation is None or not conversation.stored or not isinstance(fields.get("id"), str):
        return {}
    changes = {"id": sign(fields["id"], call, deployment)}
    previous = fields.get("previous_response_id")
    if isinstance(previous, str):
        changes["previous_response_id"] = conversation.previous or sign(previous, call, deployment)
    return changes


def sign(identifier: str, call: Call, deployment: Deployment) -> str:
    conversation = call.conversation
    assert conversation is not None
    return conversation.sign(ResponseName(identifier, conversation.owner, call.model, deployment.id))


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return NativeStream(call, deployment)


class NativeStream:
    """Relays events. Finished means that response.completed or response.incomplete came, with the usage."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._signs = call.conversation is not None and call.conversation.stored
        self._counts = call.operation is CHAT
        self._finished = False

    def feed(self, event: Event) -> list[Chunk]:
        data = event.data
        if self._finished or not data or data == b"[DONE]":
            return []
        fields = mapping(parse_event(data, self._deployment))
        kind = fields.get("type") or event.name
        if not isinstance(kind, str):
            return []
        if kind.endswith(".delta"):
            return [Chunk(_framed(kind, data), True)]
        if kind in _HOLD_RESPONSE or kind == "error":
            return self._relay_state(kind, data, fields)
        return [Chunk(_framed(kind, data), kind in _CONTENT)] if kind else []

    def _relay_state(self, kind: str, data: bytes, fields: Mapping[str, Any]) -> list[Chunk]:
        response = mapping(fields.get("response"))
        if kind == "error":
            raise error_from_event(error_of(fields), self._deployment)
        if kind == "response.failed":
            raise error_from_event(dumps({"error": response.get("error") or {}}), self._deployment)
        text = _framed(kind, self._signed(data, response) if self._signs else data)
        if kind not in _ENDS:
            return [Chunk(text)]
        self._finished = True
        usage = Usage.from_openai(response.get("usage")) if self._counts else None
        return [Chunk(text, False, True, usage)]

    def _signed(self, data: bytes, response: Mapping[str, Any]) -> bytes:
        for name, value in _signed_members(response, self._call, self._deployment).items():
            given = dumps({name: response[name]})[1:-1]
            spaced = given.replace(b'":"', b'": "', 1)
            changed = dumps({name: value})[1:-1]
            data = data.replace(spaced if spaced in data else given, changed, 1)
        return data

    def finish(self) -> list[Chunk]:
        if not self._finished:
            provider = self._deployment.provider
            raise TruncatedStreamError(f"{provider} closed the stream before it had finished", provider=provider)
        return []

    def text_length(self, data: bytes) -> int:
        """The characters that an event's delta brings."""
        event = mapping(loads(data.partition(b"\ndata: ")[2]))
        delta = event.get("delta")
        return len(delta) if isinstance(delta, str) else len(dumps(event.get("item") or {}))


def error_of(fields: Mapping[str, Any]) -> bytes:
    """The error of an `error` event: its own members, or an object in it."""
    inner = fields.get("error")
    if isinstance(inner, Mapping):
        return dumps({"error": inner})
    return dumps({"error": {name: fields.get(name) for name in ("code", "message", "param")}})


def _framed(kind: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data.replace(b"\n", b"\ndata: "))
