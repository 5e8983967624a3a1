"""Claude asked in Anthropic's own form: the client's body as it came, the answer's bytes and its events likewise.

Only what the gateway must change is changed: the model, the deployment's defaults, and thoughts and ids of other makers'
models, which Anthropic refuses. https://platform.claude.com/docs/en/api/messages
"""

import re
from collections.abc import Mapping
from typing import Any

from proxy.domain.answer import Answer, Chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import loads
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COUNT_TOKENS
from proxy.domain.usage import Usage
from proxy.domain.wire import Event, WireRequest
from proxy.errors import InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.anthropic.errors import message_error, parse_error
from proxy.providers.anthropic.model import find_model
from proxy.providers.anthropic.request import BASE_URL, VERSION, build_credentials, build_url
from proxy.providers.anthropic.response import model_name
from proxy.providers.anthropic.tool import build_tools
from proxy.providers.anthropic.usage import merge_usage, parse_usage
from proxy.providers.compatible.chunk_template import ChunkTemplate
from proxy.providers.compatible.openai import JSON_HEADERS, STREAM_HEADERS
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.call_ids import split_id
from proxy.providers.translation.json_reading import find_object, mapping, parse_event

FORM = "messages"

# Defaults of a deployment that are called the same, or otherwise, in Anthropic's form. OpenAI's others have no place there.
_SHARED = frozenset({"temperature", "top_p", "max_tokens", "metadata", "tools", "tool_choice"})
_RENAMED: Mapping[str, str] = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}

_THOUGHTS = ("thinking", "redacted_thinking")
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_NO_TEXT: Mapping[str, Any] = {"type": "text", "text": "(no text)"}
_DELTAS = ("content_block_delta", "")
_DELTA_HEAD = b"event: content_block_delta\ndata: "
# A longer list of betas is not remembered with the request's head.
_LONG_HEADER = 512


def prepare(call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The call with the body that goes out; nothing is left out."""
    document = native_of(call).edit({"model": deployment.model, **find_defaults(call, deployment)})
    turns = document.fields.get("messages")
    cleaned = clean_turns(turns)
    if cleaned is not turns:
        document = document.edit({"messages": cleaned})
    return call._replace(native=document), ()


def native_of(call: Call) -> Document:
    """The body in the client's dialect, which a call has that is asked natively."""
    assert call.native is not None
    return call.native


def find_defaults(call: Call, deployment: Deployment) -> dict[str, Any]:
    """The deployment's defaults that the body does not have, by Anthropic's names."""
    fields, extra = native_of(call).fields, deployment.connection.get("extra_body")
    if not deployment.defaults and not extra:
        return {}
    found: dict[str, Any] = {}
    for given, value in {**deployment.defaults, **(extra or {})}.items():
        name = _RENAMED.get(given, given)
        if name in fields or (given in CHAT.parameters and given not in _SHARED and given not in _RENAMED):
            continue
        found[name] = [value] if name == "stop_sequences" and isinstance(value, str) else value
    if "tools" in found:
        found["tools"] = build_tools({"tools": found["tools"]}, find_model(deployment.model))
    return found


def clean_turns(turns: Any) -> Any:
    """The turns without thoughts that no Claude signed, and with ids that Anthropic takes; the same object if they are."""
    if not isinstance(turns, list) or all(_clean_turn(turn) is turn for turn in turns):
        return turns
    return [_clean_turn(turn) for turn in turns]


def _clean_turn(turn: Any) -> Any:
    content = turn.get("content") if isinstance(turn, Mapping) else None
    if not isinstance(content, list):
        return turn
    cleaned = [_clean_block(block) for block in content if not _is_foreign(block)]
    if len(cleaned) == len(content) and all(new is old for new, old in zip(cleaned, content, strict=True)):
        return turn
    return {**turn, "content": cleaned or [_NO_TEXT]}


def _is_foreign(block: Any) -> bool:
    """Whether a block is a thought without Anthropic's signature: one of another maker's, or an unfinished one."""
    if not isinstance(block, Mapping) or block.get("type") not in _THOUGHTS or block.get("data"):
        return False
    signature = block.get("signature")
    return not isinstance(signature, str) or not signature or "#" in signature


def _clean_block(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    for name in ("id", "tool_use_id"):
        identifier = block.get(name)
        if isinstance(identifier, str) and _NOT_IN_IDS.search(identifier):
            return {**block, name: _NOT_IN_IDS.sub("_", split_id(identifier).id)}
    return block


def build_request(call: Call, deployment: Deployment) -> WireRequest:
    url = build_url(deployment.api_base or BASE_URL)
    headers = {**build_headers(call), **build_credentials(deployment)}
    return build_wire(call, deployment, url, headers)


def build_wire(call: Call, deployment: Deployment, url: str, headers: Mapping[str, str]) -> WireRequest:
    """The request for a body that is ready."""
    return WireRequest(
        url=f"{url}/count_tokens" if call.operation is COUNT_TOKENS else url,
        headers=headers,
        body=native_of(call).to_content(),
        guarded=deployment.guarded,
        cacheable=len(call.headers.get("anthropic-beta", "")) <= _LONG_HEADER,
    )


def build_headers(call: Call) -> dict[str, str]:
    """With the client's version and its betas, which are those of its body."""
    headers = {**(STREAM_HEADERS if call.stream else JSON_HEADERS)}
    headers["anthropic-version"] = call.headers.get("anthropic-version", VERSION)
    betas = call.headers.get("anthropic-beta")
    return {**headers, "anthropic-beta": betas} if betas else headers


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes. Raise InvalidProviderResponseError for what is no message, and the error that a 200 may hold."""
    message = find_object(body)
    if message is not None and (message.get("type") == "error" or message.get("error")):
        raise message_error(body, deployment)
    expected = "input_tokens" if call.operation is COUNT_TOKENS else "content"
    if message is None or message.get(expected) is None:
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is not a message", provider=deployment.provider
        )
    if call.operation is COUNT_TOKENS:
        return Answer(body, headers=headers)
    return Answer(body, parse_usage(mapping(message.get("usage"))), model_name(message, deployment), headers)


class NativeStream:
    """Relays events. Finished means message_stop came; its chunk brings the usage, whose counts are running totals."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._usage: dict[str, Any] = {}
        self._finished = False
        self._template: ChunkTemplate | None = None

    def feed(self, event: Event) -> list[Chunk]:
        if self._finished or not event.data:
            return []
        if self._template is not None and event.name in _DELTAS and self._template.covers(event.data):
            return [Chunk(b"%b%b\n\n" % (_DELTA_HEAD, event.data), True)]
        data = parse_event(event.data, self._deployment)
        kind = data.get("type") if isinstance(data, Mapping) else None
        if not isinstance(kind, str):
            return []
        if kind == "error" or event.name == "error":
            raise message_error(event.data, self._deployment)
        text = b"event: %b\ndata: %b\n\n" % (kind.encode(), event.data.replace(b"\n", b"\ndata: "))
        if kind == "content_block_delta":
            # Those that follow differ in their text alone: they need not be parsed.
            self._template = ChunkTemplate(event.data) if b"\n" not in event.data else None
            return [Chunk(text, True)]
        if kind == "content_block_start":
            return [Chunk(text, mapping(data.get("content_block")).get("type") not in ("text", "thinking"))]
        if kind == "message_stop":
            self._finished = True
            return [Chunk(text, False, True, parse_usage(self._usage) if self._usage else None)]
        if kind in ("message_start", "message_delta"):
            holder = data.get("message") if kind == "message_start" else data
            self._usage = merge_usage(self._usage, mapping(mapping(holder).get("usage")))
        return [Chunk(text)]

    def finish(self) -> list[Chunk]:
        if not self._finished:
            provider = self._deployment.provider
            raise TruncatedStreamError(f"{provider} closed the stream before it had finished", provider=provider)
        return []

    def usage_so_far(self) -> Usage | None:
        return parse_usage(self._usage) if self._usage else None

    def text_length(self, data: bytes) -> int:
        """The characters that an event's delta brings."""
        delta = mapping(loads(data.partition(b"\ndata: ")[2].replace(b"\ndata: ", b"\n")).get("delta"))
        return sum(len(value) for name, value in delta.items() if name != "type" and isinstance(value, str))


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return NativeStream(deployment)


# What Anthropic's own endpoint and all others have in common; each changes the way to it.
NATIVE = Provider(
    name="anthropic",
    build_request=build_request,
    parse_response=parse_response,
    parse_error=parse_error,
    open_stream=open_stream,
    operations=(CHAT, COUNT_TOKENS),
    prepare=prepare,
    form=FORM,
    last_event="message_stop",
)


def without(call: Call, names: frozenset[str]) -> tuple[Call, tuple[str, ...]]:
    """The call without these members, and the names of those that it had."""
    document = native_of(call)
    found = tuple(name for name in document.fields if name in names)
    return call._replace(native=document.edit(drop=found)), found


def read_betas(call: Call) -> list[str]:
    """The betas that the client asks for."""
    names = (name.strip() for name in call.headers.get("anthropic-beta", "").split(","))
    return list(dict.fromkeys(name for name in names if name))
