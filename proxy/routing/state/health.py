"""Cooldown and recovery of a deployment: LiteLLM's triggers, then one probe, growing times for what keeps failing."""

from proxy.errors import GatewayError, RateLimitError
from proxy.routing.blame import ACCOUNT_4XX
from proxy.routing.error_kinds import policy_count
from proxy.routing.state.values import Cooling, DeploymentState, Refusal, TryResult

# LiteLLM's numbers for a deployment that its group can do without.
FAILURE_SHARE = 0.5
FAILURE_MINIMUM = 5
# Ours: one that worked all minute and then dies would need as many failures as it had successes.
FAILURES_IN_A_ROW = 10
# A group's only deployment cools only when nothing works: LiteLLM requires 1000 failures in a minute, which a
# gateway of ordinary size never sees, so that a dead provider would get all its load for ever.
LONE_MINIMUM = 20
LONGEST_GROWN_SECONDS = 300.0
LONGEST_SECONDS = 3600.0


def allowed_fails(cooling: Cooling, error: GatewayError) -> int | None:
    """How many failures of this kind are borne; None leaves it to the default rule."""
    allowed = policy_count(dict(cooling.allowed_fails_policy), error, "AllowedFails")
    return cooling.allowed_fails if allowed is None else allowed


def cooldown_seconds(cooling: Cooling, error: GatewayError) -> float:
    """The deployment's own time, else the provider's Retry-After, else the router's."""
    if cooling.own_seconds or not error.retry_after or cooling.seconds <= 0:
        return cooling.seconds
    return min(error.retry_after, LONGEST_SECONDS)


def follow_clock(row: DeploymentState, now: float) -> None:
    """After a clock that has stepped back to before the cooldown began, it begins now: never longer than it was meant."""
    step = row.cooled_at - now
    if row.streak and step > 0:
        row.cooled_at = now
        row.cooling_until -= step
        row.probe_until = max(0.0, row.probe_until - step)


def refusal(row: DeploymentState, now: float) -> Refusal | None:
    """Why there is no traffic for it now: it cools, or its one probe is still under way."""
    if now < row.cooling_until:
        return Refusal("cooling", row.cooling_until)
    if row.streak and now < row.probe_until:
        return Refusal("probing", row.probe_until)
    return None


def claim_probe(row: DeploymentState, now: float, seconds: float) -> bool:
    """True when the try that is just admitted is the probe of a half-open deployment."""
    if not row.streak or now < row.cooling_until:
        return False
    row.probe_until = now + seconds
    return True


def settle(row: DeploymentState, result: TryResult, started: float, probe: bool, now: float) -> bool:
    """Judge a finished try: recover, cool, or only count (in the minute of now: `limits.roll` comes first).

    True when a cooldown begins.
    """
    if probe:
        row.probe_until = 0.0
    if result.failed is None:
        return False
    row.answers += 1
    row.last_status = result.status
    if result.failed:
        row.failures += 1
        row.in_a_row += 1
        return _must_cool(row, result, probe, now) and cool(row, result.cooldown, now)
    row.in_a_row = 0
    if row.streak and started >= row.cooled_at:
        recover(row)
    return False


def cool(row: DeploymentState, seconds: float, now: float) -> bool:
    """Out of service; twice as long as the last time if it has not worked since. Never shortens a cooldown.

    True when it is out for longer than it was already.
    """
    until = now + min(seconds * 2.0**row.streak, max(seconds, LONGEST_GROWN_SECONDS))
    longer = until > row.cooling_until
    row.cooling_until = max(row.cooling_until, until)
    row.cooled_at = now
    row.streak = min(row.streak + 1, 30)
    _forget_failures(row)
    return longer


def recover(row: DeploymentState) -> None:
    row.streak = 0
    row.cooling_until = row.probe_until = 0.0
    _forget_failures(row)


def _forget_failures(row: DeploymentState) -> None:
    row.answers = row.failures = row.fails = row.in_a_row = 0
    row.fails_until = 0.0


def _must_cool(row: DeploymentState, result: TryResult, probe: bool, now: float) -> bool:
    if result.cooldown <= 0:
        return False
    if probe:
        return True
    if now < row.cooling_until:
        return False
    if result.allowed_fails is not None:
        return _count_fail(row, result, now) > result.allowed_fails
    return _default_rule(row, result)


def _count_fail(row: DeploymentState, result: TryResult, now: float) -> int:
    """Failures since the first of them, forgotten after a cooldown's time."""
    if now >= row.fails_until or row.fails_until > now + result.cooldown:
        row.fails = 0
        row.fails_until = now + result.cooldown
    row.fails += 1
    return row.fails


def _default_rule(row: DeploymentState, result: TryResult) -> bool:
    if result.status == RateLimitError.status_code and result.alternatives:
        return True
    if result.status in ACCOUNT_4XX:
        return True
    if result.alternatives and row.in_a_row >= FAILURES_IN_A_ROW:
        return True
    if result.alternatives:
        return row.answers >= FAILURE_MINIMUM and row.failures > FAILURE_SHARE * row.answers
    return row.answers >= LONE_MINIMUM and row.failures == row.answers
