"""rpm, tpm and parallel calls of a deployment: checked and counted in one step, settled with what was really used."""

from proxy.routing.state.values import DeploymentState, Limits, Refusal

MINUTE = 60.0


def roll(row: DeploymentState, now: float) -> None:
    """Begin to count anew when the clock's minute has changed. A clock that steps back a little keeps its count."""
    minute = int(now // MINUTE)
    if minute != row.minute and minute != row.minute - 1:
        row.minute = minute
        row.requests = row.tokens = row.answers = row.failures = 0


def refusal(row: DeploymentState, limits: Limits, tokens: int, now: float, requests: int = 1) -> Refusal | None:
    """The limit that one more call of `requests` would break. One larger than the whole `tpm` may have a minute alone."""
    next_minute = (row.minute + 1) * MINUTE
    if limits.parallel is not None and row.inflight >= limits.parallel:
        return Refusal("parallel", now)
    if limits.rpm is not None and row.requests + requests > limits.rpm:
        return Refusal("rpm", next_minute)
    if limits.tpm is not None and row.tokens + min(tokens, limits.tpm) > limits.tpm:
        return Refusal("tpm", next_minute)
    return None


def take(row: DeploymentState, tokens: int, requests: int = 1) -> None:
    row.requests += requests
    row.tokens += tokens
    row.inflight += 1


def give_back(row: DeploymentState, minute: int, tokens: int, requests: int = 1) -> None:
    """Undo `take` for a call that was never sent."""
    row.inflight = max(0, row.inflight - 1)
    if minute == row.minute:
        row.requests = max(0, row.requests - requests)
        row.tokens = max(0, row.tokens - tokens)


def settle(row: DeploymentState, minute: int, reserved: int, used: int | None) -> None:
    """Free the slot and replace the estimate by the real number, in the minute that the call was counted in."""
    row.inflight = max(0, row.inflight - 1)
    if used is not None and minute == row.minute:
        row.tokens = max(0, row.tokens - reserved + used)
