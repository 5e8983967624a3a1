"""Calls to Langfuse through its ingestion API: a trace and a generation for each, named by the client's metadata.

https://api.reference.langfuse.com (ingestion): unlike the OpenTelemetry endpoint it takes trace and generation ids of
any form, and clients of LiteLLM send such ids.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from proxy.domain.record import CallRecord
from proxy.sinks.contract import Post, SinkContext, SinkError, SinkSetupError, check_posted
from proxy.sinks.each import each

# The API takes 3.5 MB in one request.
_REQUEST_BYTES = 3_000_000

# Metadata key -> field of the trace's body. Any other `trace_...` key goes into the trace's metadata.
TRACE_KEYS = {
    "trace_name": "name",
    "trace_user_id": "userId",
    "session_id": "sessionId",
    "trace_version": "version",
    "trace_release": "release",
    "trace_public": "public",
    "trace_environment": "environment",
    "trace_input": "input",
    "trace_output": "output",
    "tags": "tags",
    "trace_metadata": "metadata",
}
# Metadata key -> field of the generation's body.
GENERATION_KEYS = {
    "generation_name": "name",
    "generation_id": "id",
    "version": "version",
    "parent_observation_id": "parentObservationId",
}
# Keys that steer, and are shown nowhere.
_CONTROL = frozenset(
    ("trace_id", "existing_trace_id", "update_trace_keys", "mask_input", "mask_output", "debug_langfuse", "prompt")
)

Fields = dict[str, Any]


class Langfuse:
    name = "langfuse"
    tries = 3
    anonymous = False

    def __init__(self, url: str, headers: Mapping[str, str], post: Post, options: Mapping[str, Any]) -> None:
        self._url = url
        self._headers = headers
        self._post = post
        self._options = options

    def write(self, records: Sequence[CallRecord]) -> None:
        written = each(records, lambda record: [orjson.dumps(event) for event in build_events(record, self._options)])
        for request in _requests([event for events in written for event in events]):
            self._send(request)

    def close(self) -> None:
        """Nothing is held."""

    def _send(self, events: Sequence[bytes]) -> None:
        """The API answers 207 and lists the events that it did not take."""
        posted = check_posted(self._post(self._url, b'{"batch":[' + b",".join(events) + b"]}", self._headers))
        errors = orjson.loads(posted.body).get("errors") if posted.body.startswith(b"{") else None
        if errors:
            raise SinkError(f"Langfuse refused {len(errors)} of {len(events)} events")


def _requests(events: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The events in groups that the API takes."""
    group: list[bytes] = []
    size = 0
    for event in events:
        if group and size + len(event) > _REQUEST_BYTES:
            yield group
            group, size = [], 0
        group.append(event)
        size += len(event)
    if group:
        yield group


def build_events(record: CallRecord, options: Mapping[str, Any]) -> list[Fields]:
    """The two events of a call. Their ids are the call's, so that a batch that is sent again counts once."""
    metadata = record.metadata
    trace_id = _text(metadata.get("existing_trace_id")) or _text(metadata.get("trace_id")) or record.id
    stamp = _time(record.end_time)
    bodies = (
        ("trace", _trace(record, metadata, trace_id, options)),
        ("generation", _generation(record, metadata, trace_id)),
    )
    return [
        {"id": f"{record.id}-{kind}", "type": f"{kind}-create", "timestamp": stamp, "body": _without_none(body)}
        for kind, body in bodies
    ]


def _trace(record: CallRecord, metadata: Fields, trace_id: str, options: Mapping[str, Any]) -> Fields:
    """A trace of the call's own, or only the named keys of one that exists."""
    asked = {field: metadata[key] for key, field in TRACE_KEYS.items() if key in metadata}
    if metadata.get("existing_trace_id"):
        wanted = {TRACE_KEYS.get(key, key) for key in metadata.get("update_trace_keys") or ()}
        available = {**_content(record, metadata), **asked}
        return {"id": trace_id, **{field: value for field, value in available.items() if field in wanted}}
    extra = {
        key.removeprefix("trace_"): value
        for key, value in metadata.items()
        if key.startswith("trace_") and key not in TRACE_KEYS and key not in _CONTROL
    }
    given = asked.get("metadata")
    return {
        "name": f"litellm-{record.call_type}",
        "userId": record.end_user,
        "version": _text(metadata.get("version")),
        "release": options.get("release"),
        "environment": options.get("environment"),
        **_content(record, metadata),
        **asked,
        "id": trace_id,
        "timestamp": _time(record.start_time),
        "tags": _tags(record, asked.get("tags"), options),
        "metadata": {**(given if isinstance(given, Mapping) else {}), **extra} or None,
    }


def _generation(record: CallRecord, metadata: Fields, trace_id: str) -> Fields:
    asked = {field: metadata[key] for key, field in GENERATION_KEYS.items() if key in metadata}
    prompt = metadata.get("prompt")
    known = {"name": prompt.get("name"), "version": prompt.get("version")} if isinstance(prompt, Mapping) else {}
    return {
        "id": record.id,
        "name": f"litellm:{record.key_alias}" if record.key_alias else f"litellm-{record.call_type}",
        **asked,
        **_content(record, metadata),
        "traceId": trace_id,
        "startTime": _time(record.start_time),
        "endTime": _time(record.end_time),
        "completionStartTime": None if record.completion_start_time is None else _time(record.completion_start_time),
        "model": record.model,
        "modelParameters": {name: _parameter(value) for name, value in record.model_parameters.items()},
        "usageDetails": _usage(record),
        "costDetails": _cost(record),
        "level": "ERROR" if record.error else "DEFAULT",
        "statusMessage": record.error.message if record.error else None,
        "promptName": known.get("name"),
        "promptVersion": known.get("version"),
        "metadata": _facts(record, metadata),
    }


def _content(record: CallRecord, metadata: Fields) -> Fields:
    """Prompt and answer, where the record has them and the client does not hide them."""
    response = record.response
    choices = response.get("choices") if isinstance(response, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    return {
        "input": None if metadata.get("mask_input") else record.messages,
        "output": None if metadata.get("mask_output") else first.get("message") or first.get("text") or response,
    }


def _usage(record: CallRecord) -> Fields | None:
    """Langfuse adds the parts up, so what was read from a cache is taken out of the input."""
    usage = record.usage
    if usage is None:
        return None
    parts = {"cache_read_input_tokens": usage.cached_tokens, "cache_creation_input_tokens": usage.cache_write_tokens}
    return {
        "input": max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "output": usage.completion_tokens,
        "total": usage.total_tokens,
        **{name: count for name, count in parts.items() if count},
    }


def _cost(record: CallRecord) -> Fields | None:
    return None if record.cost is None else {"total": record.cost.total}


def _facts(record: CallRecord, metadata: Fields) -> Fields:
    """The client's other metadata, and facts of the call that operators look for."""
    used = _CONTROL | TRACE_KEYS.keys() | GENERATION_KEYS.keys()
    return {
        **{key: value for key, value in metadata.items() if key not in used and not key.startswith("trace_")},
        "litellm_call_id": record.id,
        "model_group": record.model_group,
        "model_id": record.model_id,
        "custom_llm_provider": record.custom_llm_provider,
        "api_base": record.api_base,
        "user_api_key_alias": record.key_alias,
        "cache_hit": record.cache_hit,
        "attempts": [attempt.to_dict() for attempt in record.attempts],
        "time_to_first_token": record.first,
        "overhead": record.overhead,
        "dropped_params": list(record.dropped_params),
    }


def _tags(record: CallRecord, asked: object, options: Mapping[str, Any]) -> list[str]:
    """The client's tags, and those of `langfuse_default_tags` as `name:value`."""
    values = {
        "cache_hit": record.cache_hit,
        "cache_key": record.cache_key,
        "user_api_key_alias": record.key_alias,
        "user_api_key_end_user_id": record.end_user,
        "proxy_base_url": options.get("proxy_base_url"),
    }
    defaults = [f"{name}:{values[name]}" for name in options.get("default_tags") or () if values.get(name) is not None]
    listed = [str(tag) for tag in asked] if isinstance(asked, list) else []
    return list(dict.fromkeys([*listed, *record.tags, *defaults]))


def _parameter(value: object) -> object:
    """The API takes text, whole numbers, truth values and lists."""
    return value if isinstance(value, str | int | list) else orjson.dumps(value).decode()


def _without_none(body: Fields) -> Fields:
    return {name: value for name, value in body.items() if value is not None}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def build(context: SinkContext) -> Langfuse:
    """LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY, LANGFUSE_HOST; LANGFUSE_RELEASE and LANGFUSE_TRACING_ENVIRONMENT;
    `litellm_settings.langfuse_default_tags`."""
    environ = context.environ
    public, secret = environ.get("LANGFUSE_PUBLIC_KEY"), environ.get("LANGFUSE_SECRET_KEY")
    if not public or not secret:
        raise SinkSetupError("langfuse needs LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY")
    host = environ.get("LANGFUSE_HOST") or environ.get("LANGFUSE_BASE_URL") or "https://cloud.langfuse.com"
    host = host if "://" in host else f"https://{host}"
    headers = {
        "content-type": "application/json",
        "authorization": "Basic " + b64encode(f"{public}:{secret}".encode()).decode(),
        "x-langfuse-sdk-name": "patchbay",
        "x-langfuse-sdk-version": context.version,
        "x-langfuse-public-key": public,
    }
    options = {
        "release": environ.get("LANGFUSE_RELEASE"),
        "environment": environ.get("LANGFUSE_TRACING_ENVIRONMENT"),
        "default_tags": context.settings.get("langfuse_default_tags"),
        "proxy_base_url": environ.get("PROXY_BASE_URL"),
    }
    return Langfuse(f"{host.rstrip('/')}/api/public/ingestion", headers, context.post, options)
