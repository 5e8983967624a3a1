"""rpm, tpm and parallel calls of a deployment: checked and counted in one step, settled with what was really used."""

from proxy.routing.state.values import Limits, Refusal, Standing

MINUTE = 60.0


def roll(standing: Standing, now: float) -> None:
    """Begin to count anew when the clock's minute has changed. A clock that steps back a little keeps its count."""
    minute = int(now // MINUTE)
    if minute != standing.minute and minute != standing.minute - 1:
        standing.minute = minute
        standing.requests = standing.tokens = standing.answers = standing.failures = 0


def refusal(standing: Standing, limits: Limits, tokens: int, now: float) -> Refusal | None:
    """The limit that one more call would break. One larger than the whole `tpm` may have a minute alone."""
    next_minute = (standing.minute + 1) * MINUTE
    if limits.parallel is not None and standing.inflight >= limits.parallel:
        return Refusal("parallel", now)
    if limits.rpm is not None and standing.requests >= limits.rpm:
        return Refusal("rpm", next_minute)
    if limits.tpm is not None and standing.tokens + min(tokens, limits.tpm) > limits.tpm:
        return Refusal("tpm", next_minute)
    return None


def take(standing: Standing, tokens: int) -> None:
    standing.requests += 1
    standing.tokens += tokens
    standing.inflight += 1


def give_back(standing: Standing, minute: int, tokens: int) -> None:
    """Undo `take` for a call that was never sent."""
    standing.inflight = max(0, standing.inflight - 1)
    if minute == standing.minute:
        standing.requests = max(0, standing.requests - 1)
        standing.tokens = max(0, standing.tokens - tokens)


def settle(standing: Standing, minute: int, reserved: int, used: int | None) -> None:
    """Free the slot and replace the estimate by the real number, in the minute that the call was counted in."""
    standing.inflight = max(0, standing.inflight - 1)
    if used is not None and minute == standing.minute:
        standing.tokens = max(0, standing.tokens - reserved + used)
