"""The record of a call that has ended, redacted as it is built."""

import itertools
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.domain.answer import JSON_TYPE, Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment, brings_connection
from proxy.domain.json_text.codec import dumps
from proxy.domain.quotes import without_quotes
from proxy.domain.record import MODEL_PARAMETERS, CallRecord, ErrorFacts, Mask
from proxy.domain.secret_names import mask_members, mask_quotes
from proxy.domain.usage import Usage
from proxy.errors import Attempt, GatewayError


class CallEnd(NamedTuple):
    """How a call ended.

    `at` is Unix seconds; `duration`, `first` (until the first content) and `overhead` are seconds. Without `overhead`
    it is the duration minus the attempts. `error` is why the call failed, or why its stream broke. `deployment` is the
    one that was tried last, for a call without an answer. `response` is the answer (JSON bytes or an object) where it
    is not the outcome's. `spend`: see CallRecord.
    """

    at: float
    duration: float
    error: GatewayError | None = None
    deployment: Deployment | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    first: float | None = None
    overhead: float | None = None
    response_id: str | None = None
    response: object = None
    spend: int | None = None


_log = logging.getLogger("patchbay")
# Members of a request that are no content.
_SHOWN = MODEL_PARAMETERS | {"model", "stream", "stream_options", "user", "tool_choice", "modalities"}


def build_record(
    call: Call, outcome: Outcome | None, end: CallEnd, mask: Mask, log_content: bool = False
) -> CallRecord:
    """`outcome` is None for a call without an answer. `log_content`: prompt and answer may be in the record.

    It never fails: a call may have cost money. What can't be built is left out, and the log names the call.
    """
    try:
        return _build_record(call, outcome, end, mask, log_content)
    except Exception as exception:  # noqa: BLE001  whatever a client or a provider put into the call
        _log.error("the record of call %s lacks what its client sent: %s", call.id, type(exception).__name__)
        return _bare_record(call, outcome, end)


def _build_record(call: Call, outcome: Outcome | None, end: CallEnd, mask: Mask, log_content: bool) -> CallRecord:
    error = end.error
    if outcome is not None:
        served: Deployment | None = outcome.deployment
        attempts, retries, fallbacks = outcome.attempts, outcome.retries, outcome.fallbacks
    else:
        served, attempts = end.deployment, error.attempts if error is not None else ()
        retries, fallbacks = _count_tries(attempts)
    fields = call.observed_fields
    record = CallRecord(
        id=call.id,
        call_type=(call.asked or call.operation).call_type,
        operation=call.operation.name,
        stream=call.stream,
        status="success",
        start_time=call.started_at,
        end_time=end.at,
        response_time=end.duration,
        overhead=_overhead(end.duration, attempts) if end.overhead is None else end.overhead,
        model=served.model if served else call.model,
        model_group=call.model,
        served_group=served.group if served else None,
        model_id=served.id if served else (attempts[-1].deployment_id if attempts else None),
        custom_llm_provider=served.provider if served else (error.provider if error else None),
        api_base=served.shown_base if served else None,
        model_parameters=_model_parameters(fields),
        attempts=attempts,
        retries=retries,
        fallbacks=fallbacks,
        usage=end.usage,
        cost=end.cost,
        key_alias=call.key_alias,
        end_user=mask(call.end_user) if call.end_user else None,
        requester=call.requester,
        dropped_params=outcome.reply.dropped if outcome else (error.dropped if error else ()),
        response_id=end.response_id,
    )
    if outcome is not None and outcome.cache is not None:
        cache = outcome.cache
        record = record._replace(cache_hit=cache.hit, cache_key=cache.key, saved_cost=cache.saved_cost)
    has_details = end.first is not None or end.spend is not None or error is not None or log_content
    if not has_details and call.options is NO_OPTIONS and call.native is None and call.account is None:
        return record
    return _with_details(record, call, outcome, end, mask, log_content)


def _with_details(
    record: CallRecord, call: Call, outcome: Outcome | None, end: CallEnd, mask: Mask, log_content: bool
) -> CallRecord:
    """What most calls do not have."""
    error = end.error
    if call.native is not None:
        native = outcome is not None and outcome.reply.form == call.dialect
        record = record._replace(dialect=call.dialect, native=native)
    if end.first is not None:
        record = record._replace(first=end.first, completion_start_time=call.started_at + end.first)
    if error is not None:
        facts = _error_facts(error, mask, None if log_content else call.observed_fields)
        record = record._replace(status="failure", status_code=error.status_code, error=facts)
    if call.options is not NO_OPTIONS:
        record = record._replace(**_from_options(call.options, mask))
    if call.account is not None:
        record = record._replace(spend=end.spend, key_token=call.account.token)
    elif end.spend is not None:
        record = record._replace(spend=end.spend)
    if log_content:
        messages, answer = _content(call, outcome, end.response, mask)
        record = record._replace(messages_json=messages, response_json=answer)
    return record


def _bare_record(call: Call, outcome: Outcome | None, end: CallEnd) -> CallRecord:
    """The gateway's own facts about the call: client, deployment, duration, cost."""
    error, served = end.error, outcome.deployment if outcome is not None else end.deployment
    attempts = outcome.attempts if outcome is not None else error.attempts if error is not None else ()
    retries, fallbacks = _count_tries(attempts)
    return CallRecord(
        id=call.id,
        call_type=(call.asked or call.operation).call_type,
        operation=call.operation.name,
        stream=call.stream,
        status="success" if error is None else "failure",
        status_code=200 if error is None else error.status_code,
        start_time=call.started_at,
        end_time=end.at,
        response_time=end.duration,
        model=served.model if served else call.model,
        model_group=call.model,
        served_group=served.group if served else None,
        model_id=served.id if served else None,
        custom_llm_provider=served.provider if served else None,
        attempts=attempts,
        usage=end.usage,
        cost=end.cost,
        key_alias=call.key_alias,
        requester=call.requester,
        retries=retries,
        fallbacks=fallbacks,
        error=_bare_error(error) if error is not None else None,
    ).bare()


def _bare_error(error: GatewayError) -> ErrorFacts:
    return ErrorFacts(type(error).__name__, error.status_code, error.error_type, None, "", error.provider)


def may_log_content(call: Call, allowed: bool) -> bool:
    """Whether prompt and answer may be in the record: `allowed` is the operator's setting, which the client can only restrict."""
    return allowed and not (call.options.redact_content or call.options.no_log)


def _from_options(options: Options, mask: Mask) -> dict[str, Any]:
    """The client's tags, metadata and wish for no log, as fields of the record."""
    return {
        "tags": tuple(map(mask, options.tags)),
        "metadata_json": _redacted(mask_members(options.metadata), mask) if options.metadata else b"{}",
        "no_log": options.no_log,
        "client_owned": options.user_config is not None or brings_connection(options.overrides),
    }


def _redacted(value: object, mask: Mask) -> bytes:
    return mask(dumps(value).decode()).encode()


def _content(call: Call, outcome: Outcome | None, response: object, mask: Mask) -> tuple[bytes, bytes]:
    """Prompt and answer as masked JSON."""
    asked = _asked(call)
    if response is None and outcome is not None and isinstance(outcome.reply, Answer):
        reply = outcome.reply
        is_json = reply.content_type == JSON_TYPE
        response = reply.body if is_json else reply.body.decode() if reply.content_type.startswith("text/") else None
    answer = mask(response.decode()).encode() if isinstance(response, bytes) else _redacted(response, mask)
    return _redacted(asked, mask), answer


def _asked(call: Call) -> object:
    """What was asked: the member that the operation's row names, or an object of them where it names several."""
    fields, content = call.observed_fields, (call.asked or call.operation).content
    found = {name: fields[name] for name in content if name in fields}
    return found if len(content) > 1 else next(iter(found.values()), None)


def _model_parameters(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in MODEL_PARAMETERS and value is not None}


def _error_facts(error: GatewayError, mask: Mask, content: Mapping[str, Any] | None) -> ErrorFacts:
    """`content`: the request's members, for a record that may not hold them; None where it may."""
    message = error.message
    if content:
        message = without_quotes(message, [value for name, value in content.items() if name not in _SHOWN])
    return ErrorFacts(
        type(error).__name__,
        error.status_code,
        error.error_type,
        error.code,
        mask(mask_quotes(message)),
        error.provider,
        error.retry_budget_spent,
    )


def _count_tries(attempts: tuple[Attempt, ...]) -> tuple[int, int]:
    """(further tries within a group, further groups)."""
    changes = sum(1 for before, after in itertools.pairwise(attempts) if before.group != after.group)
    return max(0, len(attempts) - 1 - changes), changes


def _overhead(duration: float, attempts: tuple[Attempt, ...]) -> float:
    return max(0.0, duration - sum(attempt.milliseconds for attempt in attempts) / 1000)
