"""How quickly a deployment answers: moving means over about the last ten samples."""

from proxy.domain.attempt import Result
from proxy.errors import Timeout
from proxy.routing.state.values import DeploymentState, TryResult

SPAN = 10
# LiteLLM's sample for a call that ran into its time limit: far worse than any answer.
TIMEOUT_SAMPLE = 1000.0


def samples(result: Result, stream: bool) -> tuple[float | None, float | None]:
    """(seconds per completion token, or of the whole where there are none; seconds until a stream's first content)."""
    if result.error is None:
        tokens = result.usage.completion_tokens if result.usage is not None else 0
        return result.seconds / (tokens or 1), result.first
    if isinstance(result.error, Timeout):
        return TIMEOUT_SAMPLE, TIMEOUT_SAMPLE if stream and result.first is None else None
    return None, None


def settle(row: DeploymentState, result: TryResult, now: float) -> None:
    if result.latency is not None:
        row.latency, row.latency_samples = _mean(row.latency, row.latency_samples, result.latency)
        row.sampled_at = now
    if result.first is not None:
        row.first, row.first_samples = _mean(row.first, row.first_samples, result.first)
        row.sampled_at = now


def _mean(mean: float, count: int, sample: float) -> tuple[float, int]:
    """A plain mean until SPAN samples are there, then one that forgets at that pace."""
    count = min(count + 1, SPAN)
    return mean + (sample - mean) / count, count
