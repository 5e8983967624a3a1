"""OpenAI's own format, and everybody's who copies it: bytes are forwarded, only what must change is spliced.

https://platform.openai.com/docs/api-reference
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.domain.answer import Answer, Chunk, read_chunk
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.document import Document, splice
from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, Operation
from proxy.domain.usage import Usage
from proxy.domain.wire import Event, WireRequest
from proxy.errors import GatewayError, InvalidProviderResponseError, TruncatedStreamError
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.errors import build_error, error_from_event

JSON_HEADERS = {"content-type": "application/json", "accept": "application/json"}
STREAM_HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}

# Providers whose answers name their model without a prefix.
_UNPREFIXED = frozenset({"openai", "azure", "text-completion-openai"})


@dataclass(frozen=True)
class Compatible:
    """A provider that speaks OpenAI's format, as a row of data.

    `keys` and `bases`: environment variables, first that is set wins. `rename` and `drop`: what its documentation asks
    for, by field of the request. `usage_in_stream` is false where `stream_options` is refused. `{name}` in `base_url`
    is a connection parameter; `variables` are the environment variables of such parameters.
    """

    base_url: str | None
    keys: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    default_key: str | None = None
    key_header: str = "authorization"
    paths: Mapping[str, str] = field(default_factory=dict)
    model_prefix: str = ""
    operations: tuple[Operation, ...] = (CHAT, COMPLETIONS, EMBEDDINGS)
    usage_in_stream: bool = True
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def build_provider(name: str, row: Compatible) -> Provider:
    """The Provider of a row."""

    def build(call: Call, deployment: Deployment) -> WireRequest:
        return build_request(call, deployment, name, row)

    return Provider(
        name=name,
        build_request=build,
        parse_response=parse_response,
        parse_error=parse_error,
        open_stream=open_stream,
        operations=row.operations,
        variables={"api_key": row.keys, "api_base": row.bases, **row.variables},
        base_url=row.base_url,
        needs_key=row.default_key is None,
    )


def build_request(call: Call, deployment: Deployment, name: str, row: Compatible) -> WireRequest:
    """The client's body with the provider's model name in it."""
    base = find_base(deployment, name, row.base_url)
    path = row.paths.get(call.operation.name, call.operation.path)
    return WireRequest(
        url=f"{base}/{path}",
        headers=build_headers(call, deployment, row),
        body=build_body(call, deployment, row),
        guarded=deployment.guarded,
    )


def find_base(deployment: Deployment, name: str, default: str | None) -> str:
    """The deployment's base URL, else the provider's with its `{parameters}` filled in; GatewayError without one."""
    base = deployment.api_base
    try:
        found = base or (default or "").format_map(deployment.connection)
    except KeyError as missing:
        message = f"{name} needs {missing.args[0]} or an api_base: set litellm_params.{missing.args[0]}"
        raise GatewayError(message, provider=name) from None
    if not found:
        raise GatewayError(f"{name} needs an api_base: set litellm_params.api_base", provider=name)
    return found


def build_headers(call: Call, deployment: Deployment, row: Compatible) -> dict[str, str]:
    headers = dict(STREAM_HEADERS if call.stream else JSON_HEADERS)
    headers.update(row.headers)
    key = deployment.api_key or row.default_key
    if key:
        headers[row.key_header] = f"Bearer {key}" if row.key_header == "authorization" else key
    organization = deployment.connection.get("organization")
    if organization:
        headers["openai-organization"] = organization
    return headers


def build_body(call: Call, deployment: Deployment, row: Compatible) -> bytes:
    changes: dict[str, Any] = {"model": row.model_prefix + deployment.model}
    fields = call.fields
    for old, new in row.rename.items():
        if old in fields and new not in fields:
            changes[new] = fields[old]
    if call.stream and row.usage_in_stream:
        changes["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    drop = (*row.drop, *row.rename) if row.drop or row.rename else ()
    return call.document.edit(changes, drop).to_bytes()


def parse_response(body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment) -> Answer:
    """The provider's bytes, with the provider's prefix before the model's name."""
    try:
        document = Document.parse(body)
    except ValueError:
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered with something that is not a JSON object", provider=deployment.provider
        ) from None
    fields = document.fields
    if "error" in fields and fields["error"] and not any(name in fields for name in ("choices", "data", "results")):
        raise error_from_event(body, deployment)
    model = prefixed(fields.get("model"), deployment)
    if model is not None and model != fields.get("model"):
        document = document.edit({"model": model})
    return Answer(document.to_bytes(), Usage.from_openai(fields.get("usage")), model, headers)


def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
    return build_error(status, body, headers, deployment)


def prefixed(model: object, deployment: Deployment) -> str | None:
    """`model` as the page shows it: `groq/llama3-8b-8192`, but plain for openai and azure."""
    if not isinstance(model, str) or not model:
        return None
    prefix = deployment.provider + "/"
    if deployment.provider in _UNPREFIXED or model.startswith(prefix):
        return model
    return prefix + model


def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
    return CompatibleStream(deployment)


_MODEL_MEMBER = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


class CompatibleStream:
    """Relays chunks; finished means every choice had its finish_reason, and [DONE] or the end of the body came."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._finished = False
        self._done = False

    def feed(self, event: Event) -> list[Chunk]:
        data = event.data
        if self._done or not data:
            return []
        if data == b"[DONE]":
            self._done = True
            return []
        try:
            fields = orjson.loads(data)
        except ValueError:
            raise TruncatedStreamError(
                f"{self._deployment.provider} sent a chunk that is not JSON", provider=self._deployment.provider
            ) from None
        if not isinstance(fields, dict):
            return []
        if fields.get("error") or event.name == "error":
            raise error_from_event(data, self._deployment)
        model = prefixed(fields.get("model"), self._deployment)
        if model is not None and model != fields["model"]:
            data = _with_model(data, model)
        chunk = read_chunk(data, fields)
        self._finished = self._finished or chunk.finished
        return [chunk]

    def finish(self) -> list[Chunk]:
        if not self._finished:
            raise TruncatedStreamError(
                f"{self._deployment.provider} closed the stream before it had finished",
                provider=self._deployment.provider,
            )
        return []


def _with_model(data: bytes, model: str) -> bytes:
    found = _MODEL_MEMBER.findall(data)
    if len(found) == 1:
        return data.replace(found[0], b'"model":' + orjson.dumps(model), 1)
    return splice(data, {"model": model})


PROVIDER = build_provider(
    "openai",
    Compatible(
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        operations=(CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS),
    ),
)
