"""The metrics, as data: LiteLLM's names and labels, so that its Grafana boards work, and ours.

Labels that only a database of teams and users could fill are there and empty. Labels whose values any client can make
up are empty unless the operator turns them on (CALLER_LABELS).
"""

from typing import Literal, NamedTuple

_KEY = "hashed_api_key api_key_alias team team_alias"
_TOKENS = f"end_user {_KEY} user user_email model requested_model model_id api_provider"
_LATENCY = f"model_group model {_KEY} requested_model end_user user model_id api_provider service_tier org_id org_alias"
_DEPLOYMENT = "litellm_model_name model_id api_base api_provider"
_TRIED = f"model_group requested_model {_DEPLOYMENT} {_KEY} client_ip user_agent"
_CALLER = f"end_user {_KEY} user user_email route client_ip user_agent requested_model model_id api_provider"
_FALLBACK = f"requested_model fallback_model {_KEY} exception_status exception_class model_id"
_CACHE = f"model {_KEY} end_user user model_id api_provider"
_GROUP = f"model_group api_provider api_base litellm_model_name {_KEY} model_id"

# One value for each client, address or program: off by default.
CALLER_LABELS = ("end_user", "client_ip", "user_agent")

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 420, 600)


class Metric(NamedTuple):
    """`labels` is a list of names in one string. `mode`: how a gauge's values of several workers become one."""

    kind: Literal["counter", "histogram", "gauge"]
    name: str
    labels: str
    help: str
    mode: Literal["sum", "livesum", "livemostrecent"] = "livesum"


METRICS = (
    Metric("counter", "litellm_proxy_total_requests_metric", f"{_CALLER} status_code org_id org_alias", "Requests"),
    Metric(
        "counter",
        "litellm_proxy_failed_requests_metric",
        f"{_CALLER} exception_status exception_class org_id org_alias",
        "Requests that ended with an error",
    ),
    Metric("counter", "litellm_requests_metric", f"{_TOKENS} client_ip user_agent", "Calls answered by a model"),
    Metric("histogram", "litellm_request_total_latency_metric", _LATENCY, "Seconds from request to last byte"),
    Metric("histogram", "litellm_llm_api_latency_metric", _LATENCY, "Seconds that the answering provider took"),
    Metric("histogram", "litellm_llm_api_time_to_first_token_metric", _LATENCY, "Seconds to a stream's first content"),
    Metric("histogram", "litellm_overhead_latency_metric", _GROUP, "Seconds that the gateway itself took"),
    Metric("counter", "litellm_spend_metric", f"{_TOKENS} client_ip user_agent service_tier", "USD spent"),
    Metric("counter", "litellm_total_tokens_metric", _TOKENS, "Tokens in and out"),
    Metric("counter", "litellm_input_tokens_metric", _TOKENS, "Prompt tokens"),
    Metric("counter", "litellm_output_tokens_metric", _TOKENS, "Completion tokens"),
    Metric("counter", "litellm_input_cached_tokens_metric", _TOKENS, "Prompt tokens read from the provider's cache"),
    Metric("counter", "litellm_input_cache_creation_tokens_metric", _TOKENS, "Prompt tokens written to that cache"),
    Metric("counter", "litellm_input_audio_tokens_metric", _TOKENS, "Audio tokens in"),
    Metric("counter", "litellm_output_reasoning_tokens_metric", _TOKENS, "Reasoning tokens"),
    Metric("counter", "litellm_output_audio_tokens_metric", _TOKENS, "Audio tokens out"),
    Metric("counter", "litellm_cache_hits_metric", _CACHE, "Answers from the gateway's cache"),
    Metric("counter", "litellm_cache_misses_metric", _CACHE, "Calls that the gateway's cache could not answer"),
    Metric("counter", "litellm_deployment_total_requests", _TRIED, "Tries of a deployment"),
    Metric("counter", "litellm_deployment_success_responses", _TRIED, "Tries that succeeded"),
    Metric(
        "counter",
        "litellm_deployment_failure_responses",
        f"{_TRIED} exception_status exception_class",
        "Tries that failed, by class of fault",
    ),
    Metric("counter", "litellm_deployment_successful_fallbacks", _FALLBACK, "Calls saved by a fallback"),
    Metric("counter", "litellm_deployment_failed_fallbacks", _FALLBACK, "Calls that failed after their fallbacks too"),
    Metric("counter", "litellm_deployment_cooled_down", f"{_DEPLOYMENT} exception_status", "Cooldowns begun"),
    Metric(
        "histogram",
        "litellm_deployment_latency_per_output_token",
        f"model_group {_DEPLOYMENT} {_KEY}",
        "Seconds of the answering try for each completion token",
    ),
    Metric("counter", "patchbay_refused_requests", "reason", "Requests refused before a call: keys, bodies, hosts"),
    Metric("counter", "patchbay_attempts", "reason api_provider outcome", "Tries, by why they were made"),
    Metric(
        "counter", "patchbay_retry_budget_refusals", "model_group", "Calls that failed with their retry budget spent"
    ),
    Metric("counter", "patchbay_provider_cost_difference", "api_provider", "USD: providers' own figures over ours"),
    Metric("gauge", "litellm_deployment_state", _DEPLOYMENT, "0 healthy, 1 half open, 2 cooling", "livemostrecent"),
    Metric("gauge", "litellm_in_flight_requests", "", "Tries under way, streams too", "livemostrecent"),
    Metric(
        "gauge",
        "litellm_remaining_requests_metric",
        _GROUP,
        "Requests left, by the provider's headers",
        "livemostrecent",
    ),
    Metric(
        "gauge", "litellm_remaining_tokens_metric", _GROUP, "Tokens left, by the provider's headers", "livemostrecent"
    ),
    Metric("gauge", "patchbay_streams_open", "", "Streams being relayed"),
    Metric(
        "gauge", "patchbay_retry_budget", "model_group api_provider", "Retries that it allows now", "livemostrecent"
    ),
    Metric("gauge", "patchbay_requests_running", "", "Model calls under way, where a worker's number is bounded"),
    Metric("gauge", "patchbay_requests_waiting", "", "Model calls that wait for a place"),
    Metric(
        "gauge",
        "patchbay_deployment_answers",
        "model_group model_id",
        "1 where a health check had an answer",
        "livemostrecent",
    ),
    Metric("gauge", "patchbay_config_reloads_total", "result", "Reloads of the configuration", "livemostrecent"),
    Metric("gauge", "patchbay_config_last_success_timestamp", "", "Unix time of the configuration", "livemostrecent"),
    Metric("gauge", "patchbay_config_version", "", "Configurations served since the start", "livemostrecent"),
    Metric("gauge", "patchbay_redis_failures", "", "Times that a worker found Redis dead or slow", "sum"),
    Metric("gauge", "patchbay_sink_records", "sink state", "Records by sink, and what became of them", "sum"),
    Metric("gauge", "patchbay_sink_queue_records", "sink", "Records that wait for a sink"),
)
