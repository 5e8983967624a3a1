"""The router's settings, of the operator or of a client's `user_config`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from proxy.domain.secrets import Secret

StateStoreName = Literal["auto", "memory", "host", "redis"]
# In the order of the file: (model group, the groups to try in its place); the group "*" matches any.
FallbackRules = tuple[tuple[str, tuple[str, ...]], ...]


class Alias(NamedTuple):
    """`group` is a model group or another alias; a hidden alias is served but not listed."""

    group: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """`router_settings` of the file, with defaults filled in and every list in one form. Times are seconds.

    None: not configured. `allowed_fails` None is LiteLLM's default rule. `retry_policy` and `allowed_fails_policy`
    map names such as TimeoutErrorRetries and TimeoutErrorAllowedFails to counts. `retry_after` is the least wait before
    a retry.
    Ours, beyond LiteLLM: `retry_budget` is the share of extra load that retries may add to what a
    provider gets and `retry_budget_floor` how many of them a second are always allowed; `slot_wait` is how long a call may
    wait for a free slot; `last_resort` tries the deployment that recovers first when all are cooling;
    `connect_timeout`, `first_token_timeout` and `idle_timeout` are clocks beside `timeout`; after `keepalive_seconds` of
    silence (0: never) a stream's client gets a comment; `stream_continuation` lets
    another deployment finish a broken answer; `state_store` "auto" is Redis when it is configured, else "host", which
    all workers of a host share; `state_path` is where the host's state lives, None for a place of its own choice.
    """

    num_retries: int = 2
    max_fallbacks: int = 5
    timeout: float | None = None
    stream_timeout: float | None = None
    retry_after: float = 0.0
    retry_policy: Mapping[str, int] = field(default_factory=dict)
    model_group_retry_policy: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fallbacks: FallbackRules = ()
    context_window_fallbacks: FallbackRules = ()
    content_policy_fallbacks: FallbackRules = ()
    default_fallbacks: tuple[str, ...] = ()
    model_group_alias: Mapping[str, Alias] = field(default_factory=dict)
    routing_strategy: str = "simple-shuffle"
    routing_strategy_args: Mapping[str, Any] = field(default_factory=dict)
    allowed_fails: int | None = None
    allowed_fails_policy: Mapping[str, int] = field(default_factory=dict)
    cooldown_time: float = 5.0
    disable_cooldowns: bool = False
    enable_weighted_failover: bool = False
    enable_tag_filtering: bool = False
    caching_groups: Sequence[Any] = ()
    tag_filtering_match_any: bool = True
    enable_pre_call_checks: bool = False
    optional_pre_call_checks: tuple[str, ...] = ()
    default_max_parallel_requests: int | None = None
    redis_url: Secret | None = None
    redis_host: str | None = None
    redis_port: int | None = None
    redis_password: Secret | None = None
    redis_db: int | None = None

    retry_budget: float = 0.2
    retry_budget_floor: int = 10
    slot_wait: float = 1.0
    last_resort: bool = True
    connect_timeout: float = 10.0
    first_token_timeout: float | None = None
    idle_timeout: float | None = None
    keepalive_seconds: float | None = 15.0
    stream_continuation: bool = False
    state_store: StateStoreName = "auto"
    state_path: str | None = None

    @property
    def enforce_model_rate_limits(self) -> bool:
        """rpm and tpm refuse calls rather than weigh deployments."""
        return "enforce_model_rate_limits" in self.optional_pre_call_checks
