"""Cooldown and recovery of a deployment: LiteLLM's triggers, then one probe, growing times for what keeps failing."""

from proxy.errors import ClientClosedRequestError, GatewayError, RateLimitError, Timeout
from proxy.routing.error_kinds import policy_count
from proxy.routing.state.values import Cooling, Finish, Refusal, Standing

# LiteLLM's numbers for a deployment that its group can do without.
FAILURE_SHARE = 0.5
FAILURE_MINIMUM = 5
# Ours: one that worked all minute and then dies would need as many failures as it had successes.
FAILURES_IN_A_ROW = 10
# One that has nothing beside it cools only when nothing works: LiteLLM asks for 1000 failures in a minute, which a
# gateway of ordinary size never sees, so that a dead provider would get all its load for ever.
LONE_MINIMUM = 20
LONGEST_GROWN_SECONDS = 300.0
LONGEST_SECONDS = 3600.0
_COOLING_4XX = frozenset({401, 402, 404, 408, 429})
_RETRYABLE_4XX = frozenset({402, 408, 409, 429})


def may_cool(error: GatewayError, *, client_owned: bool, client_timeout: bool) -> bool:
    """Whether an error says something of the deployment; a client's own mistake, key or haste does not."""
    if client_owned or isinstance(error, ClientClosedRequestError):
        return False
    if client_timeout and isinstance(error, Timeout):
        return False
    return error.status_code in _COOLING_4XX or error.status_code >= 500


def allowed_fails(cooling: Cooling, error: GatewayError) -> int | None:
    """How many failures of this kind are borne; None leaves it to the default rule."""
    said = policy_count(dict(cooling.allowed_fails_policy), error, "AllowedFails")
    return cooling.allowed_fails if said is None else said


def cooldown_seconds(cooling: Cooling, error: GatewayError) -> float:
    """The deployment's own time, else the provider's Retry-After, else the router's."""
    if cooling.own_seconds or not error.retry_after or cooling.seconds <= 0:
        return cooling.seconds
    return min(error.retry_after, LONGEST_SECONDS)


def refusal(standing: Standing, now: float) -> Refusal | None:
    """Why there is no traffic for it now: it cools, or its one probe is still under way."""
    if now < standing.cooling_until:
        return Refusal("cooling", standing.cooling_until)
    if standing.streak and now < standing.probe_until:
        return Refusal("probing", standing.probe_until)
    return None


def claim_probe(standing: Standing, now: float, seconds: float) -> bool:
    """True when the try that is just admitted is the probe of a half-open deployment."""
    if not standing.streak or now < standing.cooling_until:
        return False
    standing.probe_until = now + seconds
    return True


def settle(standing: Standing, finish: Finish, started: float, probe: bool, now: float) -> bool:
    """Judge a finished try: recover, cool, or only count (in the minute of now: `limits.roll` comes first).

    True when a cooldown begins.
    """
    if probe:
        standing.probe_until = 0.0
    if finish.failed is None:
        return False
    standing.answers += 1
    standing.last_status = finish.status
    if finish.failed:
        standing.failures += 1
        standing.in_a_row += 1
        return _must_cool(standing, finish, probe, now) and cool(standing, finish.cooldown, now)
    standing.in_a_row = 0
    if standing.streak and started >= standing.cooled_at:
        recover(standing)
    return False


def cool(standing: Standing, seconds: float, now: float) -> bool:
    """Out of service; twice as long as the last time if it has not worked since. Never shortens a cooldown.

    True when it is out for longer than it was already.
    """
    until = now + min(seconds * 2.0**standing.streak, max(seconds, LONGEST_GROWN_SECONDS))
    longer = until > standing.cooling_until
    standing.cooling_until = max(standing.cooling_until, until)
    standing.cooled_at = now
    standing.streak = min(standing.streak + 1, 30)
    _forget_failures(standing)
    return longer


def recover(standing: Standing) -> None:
    standing.streak = 0
    standing.cooling_until = standing.probe_until = 0.0
    _forget_failures(standing)


def _forget_failures(standing: Standing) -> None:
    standing.answers = standing.failures = standing.fails = standing.in_a_row = 0
    standing.fails_until = 0.0


def _must_cool(standing: Standing, finish: Finish, probe: bool, now: float) -> bool:
    if finish.cooldown <= 0:
        return False
    if probe:
        return True
    if now < standing.cooling_until:
        return False
    if finish.allowed_fails is not None:
        return _count_fail(standing, finish, now) > finish.allowed_fails
    return _default_rule(standing, finish)


def _count_fail(standing: Standing, finish: Finish, now: float) -> int:
    """Failures since the first of them, forgotten after a cooldown's time."""
    if now >= standing.fails_until:
        standing.fails = 0
        standing.fails_until = now + finish.cooldown
    standing.fails += 1
    return standing.fails


def _default_rule(standing: Standing, finish: Finish) -> bool:
    if finish.status == RateLimitError.status_code and finish.alternatives:
        return True
    if finish.status < 500 and finish.status not in _RETRYABLE_4XX:
        return True
    if finish.alternatives and standing.in_a_row >= FAILURES_IN_A_ROW:
        return True
    if finish.alternatives:
        return standing.answers >= FAILURE_MINIMUM and standing.failures > FAILURE_SHARE * standing.answers
    return standing.answers >= LONE_MINIMUM and standing.failures == standing.answers
