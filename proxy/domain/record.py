"""One finished call as the sinks see it: immutable, already redacted, sharing nothing with what it was made of."""

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import orjson

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.call import NO_OPTIONS, Call, Options
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.requester import NOBODY, Requester
from proxy.domain.usage import Usage
from proxy.errors import Attempt, GatewayError

Mask = Callable[[str], str]

# The request parameters that a record shows: short ones that say how the model was asked, none of the content.
MODEL_PARAMETERS = frozenset(
    "temperature top_p max_tokens max_completion_tokens n seed stop frequency_penalty presence_penalty reasoning_effort "
    "service_tier dimensions encoding_format".split()
)


class ErrorFacts(NamedTuple):
    """Why a call failed; `message` is masked."""

    error_class: str
    status: int
    type: str
    code: str | None
    message: str
    provider: str | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "error_class": self.error_class,
            "error_code": str(self.status),
            "error_type": self.type,
            "normalized_error": self.code,
            "error_message": self.message,
            "llm_provider": self.provider,
        }


class CallRecord(NamedTuple):
    """`*_time` are Unix seconds, but `response_time` is how long it took; `overhead` and `first` are seconds, too.

    `model` is the name the provider was asked for, `model_group` the one the client asked for, `served_group` the group
    that answered. `overhead` is the time that is ours: the whole minus the attempts. What clients can make large is
    kept as JSON text, masked: the client's metadata whole, and prompt and answer only where the operator allows them.
    `no_log`: the client asked for no log; only counters may use it.
    """

    id: str
    call_type: str
    stream: bool
    status: Literal["success", "failure"]
    start_time: float
    end_time: float
    response_time: float
    model: str
    model_group: str
    status_code: int = 200
    operation: str = "chat"
    served_group: str | None = None
    model_id: str | None = None
    custom_llm_provider: str | None = None
    api_base: str | None = None
    model_parameters: Mapping[str, Any] = MappingProxyType({})
    completion_start_time: float | None = None
    first: float | None = None
    overhead: float | None = None
    attempts: tuple[Attempt, ...] = ()
    retries: int = 0
    fallbacks: int = 0
    usage: Usage | None = None
    cost: Cost | None = None
    key_alias: str | None = None
    end_user: str | None = None
    tags: tuple[str, ...] = ()
    metadata_json: bytes = b"{}"
    requester: Requester = NOBODY
    cache_hit: bool | None = None
    cache_key: str | None = None
    dropped_params: tuple[str, ...] = ()
    error: ErrorFacts | None = None
    response_id: str | None = None
    messages_json: bytes | None = None
    response_json: bytes | None = None
    no_log: bool = False

    def __repr__(self) -> str:
        """Never prompt and answer."""
        return f"CallRecord(id={self.id!r}, status_code={self.status_code}, model_group={self.model_group!r})"

    @property
    def weight(self) -> int:
        """The size in bytes of what clients can make large."""
        said, answered = self.messages_json, self.response_json
        return len(self.metadata_json) + (len(said) if said else 0) + (len(answered) if answered else 0)

    @property
    def metadata(self) -> dict[str, Any]:
        """The client's metadata; a new object each time, so read it once."""
        return dict(orjson.loads(self.metadata_json))

    @property
    def messages(self) -> Any:
        """The prompt as the client sent it (messages, prompt or input); None where it may not be kept."""
        return orjson.loads(self.messages_json) if self.messages_json else None

    @property
    def response(self) -> Any:
        """The answer; None where it may not be kept."""
        return orjson.loads(self.response_json) if self.response_json else None

    @property
    def response_cost(self) -> float | None:
        return self.cost.total if self.cost else None

    def to_dict(self) -> dict[str, Any]:
        """LiteLLM's StandardLoggingPayload, with further fields where it has none. Values are JSON's."""
        usage = self.usage or Usage()
        metadata = self.metadata
        return {
            "id": self.response_id or self.id,
            "litellm_call_id": self.id,
            "trace_id": _text(metadata.get("trace_id")) or self.id,
            "session_id": _text(metadata.get("session_id")),
            "call_type": self.call_type,
            "stream": self.stream,
            "status": self.status,
            "status_code": self.status_code,
            "model": self.model,
            "model_id": self.model_id,
            "model_group": self.model_group,
            "served_model_group": self.served_group,
            "custom_llm_provider": self.custom_llm_provider,
            "api_base": self.api_base,
            "model_parameters": dict(self.model_parameters),
            "total_tokens": usage.total_tokens,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "response_cost": self.response_cost,
            "cost_breakdown": self.cost.to_dict() if self.cost else None,
            "startTime": self.start_time,
            "endTime": self.end_time,
            "completionStartTime": self.completion_start_time or self.end_time,
            "response_time": self.response_time,
            "time_to_first_token": self.first,
            "messages": self.messages,
            "response": self.response,
            "error_str": self.error.message if self.error else None,
            "error_information": self.error.to_dict() if self.error else None,
            "cache_hit": self.cache_hit,
            "cache_key": self.cache_key,
            "request_tags": list(self.tags),
            "end_user": self.end_user,
            "requester_ip_address": self.requester.ip_address,
            "user_agent": self.requester.user_agent,
            "request_id": self.requester.request_id,
            "metadata": self._metadata(metadata),
            "hidden_params": self._hidden_params(),
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "attempted_retries": self.retries,
            "attempted_fallbacks": self.fallbacks,
            "dropped_params": list(self.dropped_params),
        }

    def _metadata(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "user_api_key_hash": self.requester.key_hash,
            "user_api_key_alias": self.key_alias,
            "user_api_key_end_user_id": self.end_user,
            "user_api_key_request_route": self.requester.route,
            "requester_metadata": metadata,
            "spend_logs_metadata": metadata.get("spend_logs_metadata"),
            "usage_object": self.usage.to_openai() if self.usage else None,
        }

    def _hidden_params(self) -> dict[str, Any]:
        return {
            "model_id": self.model_id,
            "cache_key": self.cache_key,
            "api_base": self.api_base,
            "response_cost": self.response_cost,
            "litellm_overhead_time_ms": None if self.overhead is None else self.overhead * 1000,
            "litellm_model_name": self.model,
        }


def build_record(
    call: Call,
    *,
    ended_at: float,
    duration: float,
    mask: Mask,
    outcome: Outcome | None = None,
    error: GatewayError | None = None,
    deployment: Deployment | None = None,
    usage: Usage | None = None,
    cost: Cost | None = None,
    first: float | None = None,
    overhead: float | None = None,
    log_content: bool = False,
    response: object = None,
    response_id: str | None = None,
) -> CallRecord:
    """The record of a call that has ended.

    `ended_at` is Unix seconds, `duration`, `first` (until the first content) and `overhead` are seconds; without
    `overhead` it is the duration minus the attempts. `outcome` is the walk that succeeded, `error` why the call failed
    (both for a stream that broke). `deployment` is the one that was tried last, for a walk that failed. `log_content`
    is the operator's word on prompt and answer; `response` is the answer (JSON bytes or an object) where it is not
    the outcome's.
    """
    if outcome is not None:
        served: Deployment | None = outcome.deployment
        attempts, retries, fallbacks = outcome.attempts, outcome.retries, outcome.fallbacks
    else:
        served, attempts = deployment, error.attempts if error is not None else ()
        retries, fallbacks = _count_tries(attempts)
    user = call.fields.get("user")
    end_user = None if user is None else _text(user)
    record = CallRecord(
        id=call.id,
        call_type=call.operation.call_type,
        operation=call.operation.name,
        stream=call.stream,
        status="success",
        start_time=call.started_at,
        end_time=ended_at,
        response_time=duration,
        overhead=_overhead(duration, attempts) if overhead is None else overhead,
        model=served.model if served else call.model,
        model_group=call.model,
        served_group=served.group if served else None,
        model_id=served.id if served else (attempts[-1].deployment_id if attempts else None),
        custom_llm_provider=served.provider if served else (error.provider if error else None),
        api_base=served.shown_base if served else None,
        model_parameters=_model_parameters(call.fields),
        attempts=attempts,
        retries=retries,
        fallbacks=fallbacks,
        usage=usage,
        cost=cost,
        key_alias=call.key_alias,
        end_user=mask(end_user) if end_user else None,
        requester=call.requester,
        dropped_params=outcome.reply.dropped if outcome else (),
        response_id=response_id,
    )
    # The rest is what most calls do not have.
    if first is not None:
        record = record._replace(first=first, completion_start_time=call.started_at + first)
    if error is not None:
        facts = _error_facts(error, mask)
        record = record._replace(status="failure", status_code=error.status_code, error=facts)
    if call.options is not NO_OPTIONS:
        record = record._replace(**_told(call.options, mask))
    if log_content:
        messages, answer = _content(call, outcome, response, mask)
        record = record._replace(messages_json=messages, response_json=answer)
    return record


def may_log_content(call: Call, allowed: bool) -> bool:
    """Whether prompt and answer may be in the record: `allowed` is the operator's word, and the client can only say no."""
    return allowed and not (call.options.redact_content or call.options.no_log)


def _told(options: Options, mask: Mask) -> dict[str, Any]:
    """What the client said of the call, as fields of its record."""
    return {
        "tags": tuple(map(mask, options.tags)),
        "metadata_json": _redacted(options.metadata, mask) if options.metadata else b"{}",
        "no_log": options.no_log,
    }


def _redacted(value: object, mask: Mask) -> bytes:
    return mask(orjson.dumps(value).decode()).encode()


def _content(call: Call, outcome: Outcome | None, response: object, mask: Mask) -> tuple[bytes, bytes]:
    """Prompt and answer as masked JSON."""
    asked = _asked(call)
    if response is None and outcome is not None and isinstance(outcome.reply, Answer):
        response = outcome.reply.body
    answer = mask(response.decode()).encode() if isinstance(response, bytes) else _redacted(response, mask)
    return _redacted(asked, mask), answer


def _asked(call: Call) -> object:
    """What was asked: the member that the operation's row names, or an object of them where it names several."""
    found = {name: call.fields[name] for name in call.operation.content if name in call.fields}
    return found if len(call.operation.content) > 1 else next(iter(found.values()), None)


def _model_parameters(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in MODEL_PARAMETERS and value is not None}


def _error_facts(error: GatewayError, mask: Mask) -> ErrorFacts:
    return ErrorFacts(
        type(error).__name__, error.status_code, error.error_type, error.code, mask(error.message), error.provider
    )


def _count_tries(attempts: tuple[Attempt, ...]) -> tuple[int, int]:
    """(further tries within a group, further groups)."""
    changes = sum(1 for before, after in itertools.pairwise(attempts) if before.group != after.group)
    return max(0, len(attempts) - 1 - changes), changes


def _overhead(duration: float, attempts: tuple[Attempt, ...]) -> float:
    return max(0.0, duration - sum(attempt.milliseconds for attempt in attempts) / 1000)


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
