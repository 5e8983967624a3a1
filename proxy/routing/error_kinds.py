"""The names that LiteLLM's retry and cooldown policies give to kinds of error."""

from collections.abc import Mapping

from proxy.errors import (
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ContentPolicyViolationError,
    GatewayError,
    GatewayTimeoutError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
    Timeout,
)

# Ordered: the first class that fits names the error.
ERROR_KINDS: tuple[tuple[type[GatewayError], str], ...] = (
    (ContentPolicyViolationError, "ContentPolicyViolationError"),
    (BadRequestError, "BadRequestError"),
    (AuthenticationError, "AuthenticationError"),
    (NotFoundError, "NotFoundError"),
    (Timeout, "TimeoutError"),
    (GatewayTimeoutError, "TimeoutError"),
    (RateLimitError, "RateLimitError"),
    (BadGatewayError, "BadGatewayError"),
    (ServiceUnavailableError, "ServiceUnavailableError"),
    (InternalServerError, "InternalServerError"),
)


def policy_names(suffix: str) -> tuple[str, ...]:
    """The names that a policy may have (`suffix` is Retries or AllowedFails)."""
    return tuple(f"{name}{suffix}" for name in dict.fromkeys([*(name for _, name in ERROR_KINDS), "Default"]))


def policy_count(policy: Mapping[str, int], error: GatewayError, suffix: str) -> int | None:
    """A policy's number for this error (`suffix` is Retries or AllowedFails); None without an entry."""
    if not policy:
        return None
    name = next((name for error_class, name in ERROR_KINDS if isinstance(error, error_class)), None)
    count = policy.get(f"{name}{suffix}")
    return policy.get(f"Default{suffix}") if count is None else count
