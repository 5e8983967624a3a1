"""What finished calls add to which metric, summed up over calls that share their labels. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from proxy.domain.record import CallRecord
from proxy.domain.usage import Usage

_TOKENS = {
    "litellm_total_tokens_metric": "total_tokens",
    "litellm_input_tokens_metric": "prompt_tokens",
    "litellm_output_tokens_metric": "completion_tokens",
    "litellm_input_cached_tokens_metric": "cached_tokens",
    "litellm_input_cache_creation_tokens_metric": "cache_write_tokens",
    "litellm_input_audio_tokens_metric": "prompt_audio_tokens",
    "litellm_output_reasoning_tokens_metric": "reasoning_tokens",
    "litellm_output_audio_tokens_metric": "completion_audio_tokens",
}
_COLUMNS = [(name, Usage._fields.index(field)) for name, field in _TOKENS.items()]


def counts(records: Sequence[CallRecord]) -> dict[str, float]:
    """By counter."""
    succeeded = [record.status for record in records].count("success")
    fallen_back = [record.status for record in records if record.fallbacks]
    saved = fallen_back.count("success")
    cached = [record.cache_hit for record in records if record.cache_hit is not None]
    costs = [record.cost for record in records if record.cost]
    differences = [cost.difference or 0.0 for cost in costs if cost.source == "provider"]
    return {
        "litellm_proxy_total_requests_metric": len(records),
        "litellm_requests_metric": succeeded,
        "litellm_proxy_failed_requests_metric": len(records) - succeeded,
        "litellm_spend_metric": sum([cost.total for cost in costs]),
        "patchbay_provider_cost_difference": sum([difference for difference in differences if difference > 0]),
        "litellm_deployment_successful_fallbacks": saved,
        "litellm_deployment_failed_fallbacks": len(fallen_back) - saved,
        "patchbay_retry_budget_refusals": sum(bool(record.error and record.error.budget_spent) for record in records),
        "litellm_cache_hits_metric": cached.count(True),
        "litellm_cache_misses_metric": cached.count(False),
        **_tokens([record.usage for record in records if record.usage]),
    }


def _tokens(usages: Sequence[Usage]) -> dict[str, float]:
    columns = list(zip(*usages, strict=True))
    return {name: sum(columns[position]) for name, position in _COLUMNS} if columns else {}


def observations(records: Sequence[CallRecord]) -> dict[str, list[float]]:
    """By histogram, in seconds."""
    served = [record for record in records if record.attempts and record.status == "success"]
    # What the last try took.
    serving = [record.attempts[-1].milliseconds / 1000 for record in served]
    return {
        "litellm_request_total_latency_metric": [record.response_time for record in records],
        "litellm_overhead_latency_metric": [record.overhead for record in records if record.overhead is not None],
        "litellm_llm_api_latency_metric": serving,
        "litellm_llm_api_time_to_first_token_metric": [
            record.first for record in records if record.stream and record.first is not None
        ],
        "litellm_deployment_latency_per_output_token": [
            seconds / record.usage.completion_tokens
            for seconds, record in zip(serving, served, strict=True)
            if record.usage and record.usage.completion_tokens
        ],
    }


class Tried(NamedTuple):
    """What distinguishes tries in the metrics: the members of an Attempt before its duration."""

    group: str
    deployment_id: str
    reason: str
    status: int
    error_class: str | None


def tries(records: Sequence[CallRecord]) -> list[tuple[Tried, int]]:
    """The tries of these calls, and how many there were of each."""
    found = Counter([attempt[:-1] for record in records for attempt in record.attempts])
    return [(Tried._make(facts), count) for facts, count in found.items()]
