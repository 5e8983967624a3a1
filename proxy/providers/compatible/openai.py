"""OpenAI's own format, and its copies: bytes are forwarded, only what must change is spliced.

https://platform.openai.com/docs/api-reference
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proxy.domain.amounts import read_usage
from proxy.domain.answer import Answer
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.domain.json_text.document import Document
from proxy.domain.operations import CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS, Operation
from proxy.domain.wire import Content, WireRequest
from proxy.errors import (
    BadRequestError,
    ConfigurationError,
    GatewayError,
    InvalidProviderResponseError,
)
from proxy.providers.compatible.dialect import Rewrite, name_reasoning, rewrite, rewrite_choices
from proxy.providers.compatible.lenient import complete_choices, find_error, is_usual
from proxy.providers.compatible.refusals import always_refused, find_refusals
from proxy.providers.compatible.stream import CompatibleStream, prefixed
from proxy.providers.compatible.strict_messages import (
    GATEWAY_MEMBERS,
    adapt_messages,
    restrict_messages,
    without_marks,
)
from proxy.providers.contract import Provider, StreamDecoder
from proxy.providers.translation.errors import COMMON_WORDS, WordRules, build_error, error_from_event
from proxy.providers.translation.json_reading import parse_object

JSON_HEADERS = {"content-type": "application/json", "accept": "application/json"}
STREAM_HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}

# What a request's top-level members must become: (changed, left out).
Ask = Callable[[Mapping[str, Any], Deployment], tuple[Mapping[str, Any], Collection[str]]]


@dataclass(frozen=True)
class Compatible:
    """A provider with OpenAI's format, as a row of data.

    base_url: `{name}` in it is a connection parameter.
    keys, bases, variables: environment variables of the key, the base URL and other connection parameters.
    rename, drop: what its documentation requires, by field of the request. unsupported: the OpenAI parameters of a chat
        that it refuses. refused: those that one of its models refuses. What else it refuses: refusals.py.
    roles, members: the same for each message (strict_messages.py).
    ask, answer, chunk: what data can't express, for requests, whole answers and chunks (dialect.py); None is nothing.
        `chunk` must not depend on the content of a text: a chunk that is like one that it left alone is not shown to it.
    model_prefix: goes before a model's name that has no slash.
    """

    base_url: str | None
    keys: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    unsupported: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=lambda: {"developer": "system"})
    members: Mapping[str, str | None] = field(default_factory=lambda: GATEWAY_MEMBERS)
    refused: Callable[[Mapping[str, Any], Deployment], frozenset[str]] | None = None
    ask: Ask | None = None
    answer: Rewrite | None = rewrite
    chunk: Rewrite | None = rewrite
    headers: Mapping[str, str] = field(default_factory=dict)
    default_key: str | None = None
    key_header: str = "authorization"
    paths: Mapping[str, str] = field(default_factory=dict)
    model_prefix: str = ""
    operations: tuple[Operation, ...] = (CHAT, COMPLETIONS, EMBEDDINGS)
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: WordRules = COMMON_WORDS


def build_provider(name: str, row: Compatible) -> Provider:
    """The Provider of a row."""

    def parse_error(status: int, body: bytes, headers: Mapping[str, str], deployment: Deployment) -> GatewayError:
        return build_error(status, body, headers, deployment, words=row.words)

    def open_stream(call: Call, deployment: Deployment) -> StreamDecoder:
        return CompatibleStream(deployment, row, _asked_choices(call.fields))

    unsupported = row.unsupported | always_refused(name)
    return Provider(
        name=name,
        build_request=partial(build_request, name=name, row=row),
        parse_response=partial(parse_response, row=row),
        parse_error=parse_error,
        open_stream=open_stream,
        operations=row.operations,
        supported={CHAT.name: CHAT.parameters - unsupported} if unsupported else {},
        refused=partial(_refuse, row=row),
        variables={"api_key": row.keys, "api_base": row.bases, **row.variables},
        base_url=row.base_url,
        needs_key=row.default_key is None,
    )


def _refuse(fields: Mapping[str, Any], deployment: Deployment, row: Compatible) -> frozenset[str]:
    """Those of the body's parameters that the model refuses, by the table and by the row."""
    refused = find_refusals(deployment).parameters
    if refused:
        refused = refused.intersection(fields)
    return refused if row.refused is None else refused | row.refused(fields, deployment)


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


_BASE_PARAMETER = re.compile(r"\{(\w+)\}")
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


def find_base(deployment: Deployment, name: str, default: str | None) -> str:
    """The deployment's base URL, else the provider's with its `{parameters}` filled in; GatewayError without one."""
    if deployment.api_base:
        return deployment.api_base
    if not default:
        raise ConfigurationError(f"{name} needs an api_base: set litellm_params.api_base", provider=name)
    return _BASE_PARAMETER.sub(lambda parameter: _read_name(deployment, name, parameter[1]), default)


def _read_name(deployment: Deployment, name: str, parameter: str) -> str:
    """A connection parameter for a URL; a plain name, for a client may give it and must not lead the key elsewhere."""
    value = deployment.connection.get(parameter)
    if not value:
        message = f"{name} needs {parameter} or an api_base: set litellm_params.{parameter}"
        raise ConfigurationError(message, provider=name)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadRequestError(f"{parameter} is not a plain name", param=parameter, provider=name)
    return value


def build_headers(call: Call, deployment: Deployment, row: Compatible) -> dict[str, str]:
    headers = {**(STREAM_HEADERS if call.stream else JSON_HEADERS), **row.headers}
    key = deployment.api_key or row.default_key
    if key:
        headers[row.key_header] = f"Bearer {key}" if row.key_header == "authorization" else key
    organization = deployment.connection.get("organization")
    if organization:
        headers["openai-organization"] = organization
    return headers


def build_body(call: Call, deployment: Deployment, row: Compatible, *, stream_options: bool = True) -> Content:
    """The body to send. `stream_options` is false for an endpoint that is too old for them."""
    fields = call.fields
    changes: dict[str, Any] = {"model": name_model(deployment.model, row)}
    drop = [*row.drop, *row.rename]
    for old, new in row.rename.items():
        if old in fields and new not in fields:
            changes[new] = fields[old]
    refusals = find_refusals(deployment)
    messages = fields.get("messages")
    plain = messages if call.native is None else without_marks(messages)
    adapted = restrict_messages(adapt_messages(plain, row.roles, row.members), refusals)
    if adapted is not messages:
        changes["messages"] = adapted
    if call.native is not None and fields.get("tools"):
        changes["tools"] = without_marks(fields["tools"])
    if row.ask is not None:
        asked, left_out = row.ask({**fields, **changes}, deployment)
        changes.update(asked)
        drop.extend(left_out)
    if refusals.stream_options or not stream_options:
        drop.append("stream_options")
    elif call.stream:
        changes["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    return call.document.edit(changes, drop).to_content()


def name_model(model: str, row: Compatible) -> str:
    return model if "/" in model else row.model_prefix + model


def parse_response(
    body: bytes, headers: Mapping[str, str], call: Call, deployment: Deployment, row: Compatible
) -> Answer:
    """The provider's bytes, with the provider's prefix before the model's name."""
    fields: Mapping[str, Any] = parse_object(body, deployment)
    if is_usual(fields):
        changes = row.answer(fields) if row.answer is not None else {}
    else:
        changes = _read_unusual(fields, call.operation.results, deployment, row)
    named = fields.get("model")
    model = prefixed(named, deployment)
    if model is not None and model != named:
        changes["model"] = model
    if changes:
        document = Document(body, fields).edit(changes)
        body, fields = document.to_bytes(), document.fields
    usage = read_usage(call.fields, fields, call.operation.amounts)
    return Answer(body, usage, model, headers)


def _read_unusual(fields: Mapping[str, Any], results: str, deployment: Deployment, row: Compatible) -> dict[str, Any]:
    """The members to change of an answer that calls tools, fails, or is careless with the format."""
    failure = find_error(fields)
    if failure is not None:
        raise error_from_event(dumps(failure), deployment, words=row.words)
    if not isinstance(fields.get(results), list):
        raise InvalidProviderResponseError(
            f"{deployment.provider} answered without '{results}'", provider=deployment.provider
        )
    changes = dict(row.answer(fields)) if row.answer is not None else {}
    choices = changes.get("choices", fields.get("choices"))
    if isinstance(choices, list):
        completed = complete_choices(choices, fields.get("id"))
        if completed is not choices:
            changes["choices"] = completed
    return changes


def _asked_choices(fields: Mapping[str, Any]) -> int:
    """How many choices must finish. A text completion may have several prompts: its choices are not counted."""
    asked = fields.get("n")
    return asked if isinstance(asked, int) and asked > 0 and "messages" in fields else 1


# Models that take their limit by the new name only: https://platform.openai.com/docs/guides/reasoning
_REASONING_MODEL = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9])")


def ask_openai(fields: Mapping[str, Any], deployment: Deployment) -> tuple[Mapping[str, Any], Collection[str]]:
    """`max_tokens` under the name that reasoning models take."""
    if "max_tokens" not in fields or not _REASONING_MODEL.match(deployment.model):
        return {}, ()
    return {"max_completion_tokens": fields.get("max_completion_tokens", fields["max_tokens"])}, ("max_tokens",)


# Those that take no sampling parameters; of GPT-5 the first ones, later ones do when they don't reason.
_UNSAMPLED_MODEL = re.compile(
    r"(?:.*/)?(?:o\d|gpt-5)(?:-(?:mini|nano|pro|codex|preview|deep-research))?(?:-\d{4}-\d\d-\d\d)?"
)
_UNREASONING_MODEL = re.compile(r"(?:.*/)?(?:gpt-3|gpt-4|chatgpt-4|gpt-5[^/]*-chat)")
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
_DEFAULTS: Mapping[str, Any] = {"temperature": 1, "top_p": 1}


def refuse_sampling(fields: Mapping[str, Any], deployment: Deployment) -> frozenset[str]:
    """https://platform.openai.com/docs/guides/reasoning"""
    if "reasoning_effort" in fields and _UNREASONING_MODEL.match(deployment.model):
        return frozenset({"reasoning_effort"})
    if not _UNSAMPLED_MODEL.fullmatch(deployment.model):
        return frozenset()
    return frozenset(name for name in _SAMPLING if name in fields and fields[name] != _DEFAULTS.get(name))


def _name_reasoning(answer: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI shows no thoughts; servers that are reached as `openai/` by their api_base call them `reasoning`."""
    choices = answer.get("choices")
    named = rewrite_choices(choices, name_reasoning) if b'"reasoning"' in dumps(choices) else None
    return {} if named is None else {"choices": named}


ROW = Compatible(
    "https://api.openai.com/v1",
    ("OPENAI_API_KEY",),
    ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    operations=(CHAT, COMPLETIONS, EMBEDDINGS, MODERATIONS),
    roles={},
    refused=refuse_sampling,
    ask=ask_openai,
    answer=_name_reasoning,
    chunk=_name_reasoning,
    variables={"organization": ("OPENAI_ORGANIZATION",)},
)
PROVIDER = build_provider("openai", ROW)
