"""A request's body into a Call: JSON, checked by a schema, the gateway's own fields taken out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from flask import Request
from marshmallow import ValidationError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from proxy.domain.call import Call, Options
from proxy.domain.deployment import is_connection_param
from proxy.domain.document import Document
from proxy.domain.mocking import MOCK_PARAMS, TESTS
from proxy.domain.operations import Operation
from proxy.domain.requester import Key, Requester
from proxy.domain.user_config import UserConfig
from proxy.errors import BadRequestError, ClientClosedRequestError, Timeout
from proxy.runtime import Runtime
from proxy.web.patience import Patience
from proxy.web.watch import SocketWatch
from schemas.problems import first_problem
from schemas.request import OPTION_FIELDS, UNSUPPORTED_FIELDS, RequestSchema, check

_JSON_TYPES = ("application/json", "text/json")
_MOCKS = (*MOCK_PARAMS, *TESTS)
# LiteLLM's, not ours: named in x-litellm-dropped-params.
_UNSERVED_HEADERS = ("x-litellm-priority", "x-litellm-keepalive-seconds", "x-litellm-disable-callbacks")
_MOST_RETRIES = 100
# Body fields that look like connection parameters but are the provider's business.
_NOT_CONNECTION = frozenset({"headers"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call, and which of its fields the gateway knows but can't honour."""

    call: Call
    ignored: tuple[str, ...] = ()


class Caller(NamedTuple):
    """The ids of a request, and the key that it showed."""

    call_id: str
    request_id: str
    key: Key


def read_call(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    operation: Operation,
    schema: type[RequestSchema],
    model_in_path: str | None = None,
    default_model: str | None = None,
    patience: Patience | None = None,
) -> Incoming:
    """Raise BadRequestError, naming the field, for a body that is not what the schema says.

    The model in the path wins over the body's; the default is for a body that names none.
    """
    document = _parse(_read_json(request, patience))
    body = _with_extra(document.fields)
    model = model_in_path or (default_model if body.get("model") is None else None)
    if model is not None:
        body["model"] = model
    check_body(schema, body)
    _add_api_version(body, request)
    headers = _own_headers(request)
    options = read_options(body, headers)
    document = _provider_bound(document, body)
    stream = bool(body.get("stream")) and operation.streams
    call = Call(
        id=caller.call_id,
        operation=operation,
        model=body["model"],
        document=document,
        options=options,
        stream=stream,
        include_usage=stream and bool((body.get("stream_options") or {}).get("include_usage")),
        started=runtime.monotonic(),
        started_at=runtime.now(),
        key_alias=caller.key.alias,
        requester=_requester(request, caller),
        client=SocketWatch.of(request.environ),
    )
    unserved = [name for name in _UNSERVED_HEADERS if name in headers]
    return Incoming(call, (*sorted(UNSUPPORTED_FIELDS.intersection(body)), *unserved))


def check_body(schema: type[RequestSchema], body: dict[str, Any]) -> None:
    """Raise BadRequestError, naming the field, for a body that is not what the schema says."""
    try:
        check(schema, body)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadRequestError(problem.message, param=problem.param) from None


def _requester(request: Request, caller: Caller) -> Requester:
    return Requester(
        request_id=caller.request_id,
        route=request.path,
        ip_address=request.remote_addr,
        user_agent=request.headers.get("user-agent"),
        key_hash=caller.key.digest,
        traceparent=request.headers.get("traceparent"),
    )


def _read_json(request: Request, patience: Patience | None) -> bytes:
    given = request.mimetype
    if given and given not in _JSON_TYPES and not given.endswith("+json"):
        raise BadRequestError(
            f"The content type must be application/json, but it is {given}.", param="content-type", status_code=415
        )
    if request.headers.get("content-encoding", "identity") != "identity":
        raise BadRequestError("Compressed bodies are not accepted.", param="content-encoding", status_code=415)
    return _read_in_time(request, patience) if patience else _read(request)


def _read(request: Request) -> bytes:
    """The body, read in one piece where its length is said: werkzeug's way copies it once more."""
    limit, length = request.max_content_length, request.content_length
    if limit is not None and length is not None:
        if length > limit:
            raise RequestEntityTooLarge
        raw: bytes = request.environ["wsgi.input"].read(length)
        if len(raw) < length:
            raise ClientDisconnected
        return raw
    raw = request.get_data(cache=False)
    if limit is not None and len(raw) >= limit:
        raise RequestEntityTooLarge  # A chunked body is cut at the limit without a word.
    return raw


def _read_in_time(request: Request, patience: Patience) -> bytes:
    deadline = patience.receiving(request.environ.get("gunicorn.socket"))
    deadline.begin()
    try:
        raw = _read(request)
    except (OSError, ClientDisconnected):
        if not deadline.expired:
            raise ClientClosedRequestError("The client left before its request was complete.") from None
    finally:
        deadline.end()
    if deadline.expired:
        raise Timeout("The request's body did not arrive in time.", param="request_body")
    return raw


def _parse(raw: bytes) -> Document:
    try:
        document = Document.parse(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"The body is not valid JSON: {error.args[0]}", param="request_body") from None
    except ValueError:
        raise BadRequestError("The body must be a JSON object.", param="request_body") from None
    repeated = document.repeated()
    if repeated is not None:
        raise BadRequestError(f"The field '{repeated}' stands in the body more than once.", param=repeated)
    return document


def _with_extra(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body's members, and below them those of its `extra_body`: OpenAI's SDK puts them there itself."""
    extra = fields.get("extra_body")
    return {**extra, **fields} if isinstance(extra, dict) else dict(fields)


def _provider_bound(document: Document, body: Mapping[str, Any]) -> Document:
    own = [
        name
        for name in body
        if name in OPTION_FIELDS
        or name in UNSUPPORTED_FIELDS
        or (is_connection_param(name) and name not in _NOT_CONNECTION)
    ]
    changes = {"model": body["model"]} if document.fields.get("model") != body["model"] else {}
    extra_body = body.get("extra_body")
    if extra_body:
        changes.update({name: body[name] for name in extra_body if name not in own})
    return document.edit(changes, own) if own or changes else document


def read_options(body: Mapping[str, Any], headers: Mapping[str, str]) -> Options:
    """The gateway's own fields and `x-litellm-*` headers as Options; the body wins."""
    own = {name for name in body if name in OPTION_FIELDS or is_connection_param(name)}
    if not own and not headers:
        return _NO_OPTIONS
    metadata = {**(body.get("litellm_metadata") or {}), **(body.get("metadata") or {}), **_metadata_headers(headers)}
    retries = body.get("num_retries")
    if retries is None:
        wanted = _number(headers, "x-litellm-num-retries", most=_MOST_RETRIES)
        retries = None if wanted is None else int(wanted)
    return Options(
        metadata=metadata,
        tags=_tags(body, metadata, headers),
        num_retries=retries,
        timeout=_seconds(body, headers, "timeout", "request_timeout"),
        stream_timeout=_seconds(body, headers, "stream_timeout"),
        connect_timeout=_seconds(body, headers, "connect_timeout"),
        first_token_timeout=_seconds(body, headers, "first_token_timeout"),
        idle_timeout=_seconds(body, headers, "idle_timeout"),
        fallbacks=_names(body.get("fallbacks")),
        context_window_fallbacks=body.get("context_window_fallbacks"),
        content_policy_fallbacks=body.get("content_policy_fallbacks"),
        disable_fallbacks=bool(body.get("disable_fallbacks")),
        fastest_response=bool(body.get("fastest_response")),
        stream_continuation=body.get("stream_continuation"),
        drop_params=body.get("drop_params"),
        additional_drop_params=tuple(body.get("additional_drop_params") or ()),
        allowed_openai_params=tuple(body.get("allowed_openai_params") or ()),
        extra_headers=_extra_headers(body, headers),
        overrides={
            name: value
            for name, value in body.items()
            if is_connection_param(name)
            and name not in ("extra_body", "extra_headers", "headers")
            and value is not None
        },
        user_config=UserConfig.of(body["user_config"]) if body.get("user_config") is not None else None,
        mock={name: body[name] for name in _MOCKS if body.get(name)},
        no_log=body.get("no-log") is True,
        redact_content=headers.get("x-litellm-enable-message-redaction", "").lower() == "true",
    )


_NO_OPTIONS = Options()
# As a WSGI environ names them.
_OWN_HEADERS = ("HTTP_X_LITELLM_", "HTTP_LANGFUSE_", "HTTP_ANTHROPIC_BETA")


def _extra_headers(body: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, str]:
    """The body's; features of Anthropic's that its clients ask for in a header reach it as LiteLLM's do."""
    betas = headers.get("anthropic-beta")
    return {**({"anthropic-beta": betas} if betas else {}), **(body.get("extra_headers") or {})}


def _add_api_version(body: dict[str, Any], request: Request) -> None:
    """Azure's clients say the version in the query."""
    version = request.args.get("api-version") if request.query_string else None
    if version:
        body.setdefault("api_version", version)


def _names(fallbacks: Any) -> Any:
    return [fallbacks] if isinstance(fallbacks, str) else fallbacks


def _tags(body: Mapping[str, Any], metadata: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[str, ...]:
    tags = list(body.get("tags") or ())
    of_metadata = metadata.get("tags")
    if isinstance(of_metadata, list):
        tags.extend(tag for tag in of_metadata if isinstance(tag, str))
    tags.extend(tag.strip() for tag in headers.get("x-litellm-tags", "").split(",") if tag.strip())
    return tuple(dict.fromkeys(tags))


def _own_headers(request: Request) -> Mapping[str, str]:
    """Those that are for the gateway, by their names in lower case; looked for where it costs least."""
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in request.environ.items()
        if name.startswith(_OWN_HEADERS)
    }


def _metadata_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("langfuse-"):
            found[name.removeprefix("langfuse-").replace("-", "_")] = value
    for header, key in _METADATA_HEADERS:
        if header in headers:
            found[key] = headers[header]
    if _SPEND_HEADER in headers:
        found["spend_logs_metadata"] = _json_object(_SPEND_HEADER, headers[_SPEND_HEADER])
    return found


_SPEND_HEADER = "x-litellm-spend-logs-metadata"
_METADATA_HEADERS = (
    ("x-litellm-trace-id", "trace_id"),
    ("x-litellm-session-id", "session_id"),
    ("x-litellm-agent-id", "agent_id"),
)


def _json_object(header: str, text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadRequestError(f"The header {header} must be a JSON object.", param=header)
    return value


def _seconds(body: Mapping[str, Any], headers: Mapping[str, str], *names: str) -> float | None:
    """A clock's limit: the body's under the first of `names` that it has, else the header's x-litellm-<first name>."""
    for name in names:
        if body.get(name) is not None:
            return float(body[name])
    return _number(headers, f"x-litellm-{names[0].replace('_', '-')}")


def _number(headers: Mapping[str, str], name: str, most: float = 1e9) -> float | None:
    value = headers.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise BadRequestError(f"The header {name} must be a number from 0 to {most:.0f}.", param=name)
    return number
