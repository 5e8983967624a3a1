"""One finished call as the sinks see it: immutable, already redacted, sharing nothing with what it was made of."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from proxy.domain.cost import Cost
from proxy.domain.json_text.codec import loads_rounded
from proxy.domain.requester import NOBODY, Requester
from proxy.domain.usage import Usage
from proxy.errors import Attempt

Mask = Callable[[str], str]

# The request parameters that a record shows: short ones that describe the request, none of its content.
MODEL_PARAMETERS = frozenset(
    "temperature top_p max_tokens max_completion_tokens n seed stop frequency_penalty presence_penalty reasoning_effort "
    "service_tier dimensions encoding_format".split()
)


class ErrorFacts(NamedTuple):
    """Why a call failed; `message` is masked. `budget_spent`: the retry budget ended its tries."""

    error_class: str
    status: int
    type: str
    code: str | None
    message: str
    provider: str | None
    budget_spent: bool = False

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
    `no_log`: the client asked for no log; only counters may use it. `client_owned`: models and deployments are those of
    the client's own configuration or connection. `dialect` is the client's wire form; `native`: the deployment answered in it,
    without translation (always false for OpenAI's). `spend` are the nano-dollars that budgets were charged, where the call counts
    for any; `key_token` is the hash of the virtual key, for the storage of spend alone.
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
    saved_cost: float | None = None
    dropped_params: tuple[str, ...] = ()
    error: ErrorFacts | None = None
    response_id: str | None = None
    messages_json: bytes | None = None
    response_json: bytes | None = None
    no_log: bool = False
    client_owned: bool = False
    dialect: str = "openai"
    native: bool = False
    spend: int | None = None
    key_token: str | None = None

    def __repr__(self) -> str:
        """Never prompt and answer."""
        return f"CallRecord(id={self.id!r}, status_code={self.status_code}, model_group={self.model_group!r})"

    def bare(self) -> "CallRecord":
        """What the gateway itself knows of the call, for a sink that can't write the whole record."""
        error = self.error
        return self._replace(
            id=_plain(self.id),
            model=_plain(self.model),
            model_group=_plain(self.model_group),
            served_group=None if self.served_group is None else _plain(self.served_group),
            model_parameters={},
            end_user=None,
            tags=(),
            metadata_json=b"{}",
            requester=NOBODY,
            dropped_params=(),
            error=error and ErrorFacts(error.error_class, error.status, error.type, None, _INCOMPLETE, error.provider),
            response_id=None,
            messages_json=None,
            response_json=None,
        )

    @property
    def weight(self) -> int:
        """The size in bytes of what clients can make large."""
        prompt, answer = self.messages_json, self.response_json
        return len(self.metadata_json) + (len(prompt) if prompt else 0) + (len(answer) if answer else 0)

    @property
    def metadata(self) -> dict[str, Any]:
        """The client's metadata; a new object each time, so read it once."""
        return dict(loads_rounded(self.metadata_json))

    @property
    def messages(self) -> Any:
        """The prompt as the client sent it (messages, prompt or input); None where it may not be kept."""
        return loads_rounded(self.messages_json) if self.messages_json else None

    @property
    def response(self) -> Any:
        """The answer; None where it may not be kept."""
        return loads_rounded(self.response_json) if self.response_json else None

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
            "dialect": self.dialect,
            "native": self.native,
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
            "saved_cache_cost": self.saved_cost,
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
        owner = self.requester.owner
        return {
            "user_api_key_hash": self.requester.key_hash,
            "user_api_key_alias": self.key_alias,
            "user_api_key_team_id": owner.team_id,
            "user_api_key_team_alias": owner.team_alias,
            "user_api_key_user_id": owner.user_id,
            "user_api_key_user_email": owner.user_email,
            "user_api_key_org_id": owner.organization_id,
            "user_api_key_org_alias": owner.organization_alias,
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


_INCOMPLETE = "The record could not be written in full."


def _plain(text: str) -> str:
    return text[:1000].encode("utf-8", "replace").decode()


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
