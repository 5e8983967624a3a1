"""Whether to try once more within a group, and after what wait."""

import random
from collections.abc import Mapping

from proxy.domain.router_settings import RouterSettings
from proxy.errors import GatewayError
from proxy.routing.blame import is_account_fault, is_transient
from proxy.routing.error_kinds import policy_count

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0


def allowed(
    error: GatewayError, asked: int | None, deployment: int | None, policy: Mapping[str, int], settings: RouterSettings
) -> tuple[int, bool]:
    """(how many retries this error may have, whether a policy names this kind of error).

    The request's number (`asked`), else the deployment's, else the router's; a policy's entry for the kind of error
    replaces it, unless the request has 0.
    """
    named = policy_count(policy, error, "Retries")
    if named is not None and asked != 0:
        return named, True
    if asked is not None:
        return asked, False
    return (deployment if deployment is not None else settings.num_retries), False


def retryable(error: GatewayError, alternatives: bool) -> bool:
    """Whether the same request may do better: on any deployment, or (an account's fault) only on another one."""
    return error.blames_deployment and (is_transient(error) or (alternatives and is_account_fault(error)))


def same_may_do(error: GatewayError, named: bool) -> bool:
    """Whether even the deployment that failed may be tried again. `named`: a policy names this kind of error."""
    return named or retryable(error, alternatives=False)


def pause(error: GatewayError, tries: int, least: float, rng: random.Random) -> float | None:
    """Seconds before the same deployment is asked again after `tries` tries; None when it asked for too long a wait.

    The provider's own Retry-After up to a minute, with a little jitter on top; else exponential with full jitter.
    """
    if error.retry_after is not None and error.retry_after > LONGEST_RETRY_AFTER:
        return None
    if error.retry_after:
        return error.retry_after + rng.uniform(0.0, min(1.0, 0.1 * error.retry_after))
    return max(least, rng.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (tries - 1))))
