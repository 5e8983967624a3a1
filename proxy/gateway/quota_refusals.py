"""What a client reads about its quotas: the error of a refused call, and the headers of one that was counted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from proxy.accounts.quotas import SCOPES
from proxy.counters.values import Counter, Refused, Share
from proxy.domain.account import NANODOLLARS, Account
from proxy.errors import BudgetExceededError, GatewayError, ThrottledError

# LiteLLM's names of what is limited.
_TYPES = {"requests": "requests", "tokens": "tokens", "parallel": "max_parallel_requests"}
# A slot of calls in flight is free at any moment: clients come back soon.
_PARALLEL_SECONDS = 1.0
_LABELS = {"key": "Key", "team": "Team", "user": "User", "member": "Team member", "end_user": "End user", "tag": "Tag"}


def refusal_error(refused: Refused, account: Account | None, now: float, budget_status: int = 422) -> GatewayError:
    """The error of a refused call. It names the subject by its alias or id; of a key, never more than the caller has."""
    if refused.limit.counter.measure == "spend":
        return _budget_error(refused, account, budget_status)
    limit = refused.limit
    scope, kind = SCOPES.get(limit.counter.kind, limit.counter.kind), _TYPES[limit.counter.measure]
    seconds = max(refused.seconds or 0.0, _PARALLEL_SECONDS)
    reset_at = datetime.fromtimestamp(now + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    maximum = limit.maximum or 0
    error = ThrottledError(
        f"Rate limit exceeded for {scope}: {limit.counter.id}. Limit type: {kind}. Current limit: {maximum}, "
        f"Remaining: {max(0, maximum - refused.used)}. Limit resets at: {reset_at}",
        retry_after=seconds,
    )
    error.gateway_headers = (("rate_limit_type", kind), ("reset_at", str(int(now + seconds))))
    return error


def _budget_error(refused: Refused, account: Account | None, status: int) -> GatewayError:
    limit = refused.limit
    error = BudgetExceededError(
        f"Budget has been exceeded! {_named(limit.counter, account)} Current cost: {dollars(refused.used)}, "
        f"Max budget: {dollars(limit.maximum or 0)}",
        status_code=status,
        retry_after=refused.seconds,
    )
    if refused.seconds is None:
        # Nothing changes without the operator.
        error.gateway_headers = (("x-should-retry", "false"),)
    return error


def _named(counter: Counter, account: Account | None) -> str:
    if account is not None and counter.kind == "key":
        alias = account.key.alias
        return f"Key={alias} ({account.name})" if alias else f"Key={account.name}"
    return f"{_LABELS.get(counter.kind, counter.kind.replace('_', ' ').capitalize())}={counter.id}"


def dollars(nanodollars: int) -> str:
    """USD without an exponent, and no digit that is not there."""
    whole, rest = divmod(nanodollars, NANODOLLARS)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def quota_headers(shares: Sequence[Share], used: Sequence[int]) -> list[tuple[str, str]]:
    """`used`: what is used of each share's counter now, this call included. Of two windows of a kind the first is shown."""
    headers: dict[str, str] = {}
    for share, now_used in zip(shares, used, strict=True):
        limit = share.limit
        counter, maximum = limit.counter, limit.maximum
        if counter.measure == "spend":
            if counter.kind == "key" and "x-litellm-key-spend" not in headers:
                headers["x-litellm-key-spend"] = dollars(now_used)
                if maximum is not None:
                    headers["x-litellm-key-max-budget"] = dollars(maximum)
            continue
        if maximum is None:
            continue
        of_limit, of_remaining, of_key = _names(counter.kind, counter.measure)
        if of_limit in headers:
            continue
        headers[of_limit] = str(maximum)
        headers[of_remaining] = str(max(0, maximum - now_used))
        if of_key:
            headers[of_key] = str(maximum)
    return list(headers.items())


@lru_cache(maxsize=128)
def _names(kind: str, measure: str) -> tuple[str, str, str | None]:
    scope, what = SCOPES.get(kind, kind), _TYPES[measure]
    of_key = {"requests": "x-litellm-key-rpm-limit", "tokens": "x-litellm-key-tpm-limit"}.get(measure)
    names = f"x-ratelimit-{scope}-limit-{what}", f"x-ratelimit-{scope}-remaining-{what}"
    return (*names, of_key if kind == "key" else None)
