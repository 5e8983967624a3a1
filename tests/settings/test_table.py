"""The table knows LiteLLM's names, and the typed settings say the same as the table."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from proxy.domain.router_settings import RouterSettings
from proxy.settings.values import General, LiteLLM
from schemas.settings_table import SETTINGS, Section, settings_of

ROOT = Path(__file__).resolve().parents[2]

LITELLM_NAMES: dict[Section, str] = {
    "file": """model_list litellm_settings router_settings general_settings environment_variables include
        callback_settings guardrails prompts policies mcp_servers mcp_tools agents search_tools sandbox_tools
        vector_store_registry credential_list assistant_settings files_settings finetune_settings
        default_vertex_config""",
    "entry": "model_name litellm_params model_info tpm rpm",
    "params": """model custom_llm_provider api_key api_base api_version organization timeout stream_timeout
        timeout_by_service_tier max_retries num_retries tpm rpm itpm otpm weight order max_parallel_requests
        cooldown_time tags tag_regex region_name drop_params additional_drop_params mock_response
        configurable_clientside_auth_params litellm_credential_name input_cost_per_token output_cost_per_token
        input_cost_per_second output_cost_per_second max_budget budget_duration default_api_key_tpm_limit
        default_api_key_rpm_limit use_chat_completions_api use_in_pass_through merge_reasoning_content_in_choices
        keepalive_seconds silent_model provider_affinity_header extra_headers""",
    "info": """id mode base_model max_tokens max_input_tokens tier team_id team_public_model_name access_groups blocked
        access_windows allowed_fails allowed_fails_policy cooldown_time supported_environments health_check_model
        health_check_timeout disable_background_health_check supports_vision""",
    "credential": "credential_name credential_values credential_info",
    "general": """master_key database_url store_model_in_db database_connection_pool_limit database_connection_timeout
        allow_requests_on_db_unavailable allow_client_side_credentials custom_auth max_parallel_requests
        global_max_parallel_requests max_in_flight_requests_per_worker max_queued_requests_per_worker
        admission_queue_timeout_seconds max_request_size_mb max_response_size_mb background_health_checks
        health_check_interval alerting alerting_threshold pass_through_endpoints cancel_on_disconnect completion_model
        infer_model_from_keys enforce_user_param forward_client_headers_to_llm_api disable_spend_logs
        store_prompts_in_spend_logs proxy_batch_write_at user_api_key_cache_ttl user_api_key_cache_max_size
        enforce_fallback_model_access include_call_id_in_error_body ui_access_mode token_rate_limit_type
        dangerously_permit_weak_or_unset_master_key dangerously_allow_mock_testing_request_params
        expose_fallback_errors_to_caller user_header_name disable_budget_reservation encryption_algorithm""",
    "litellm": """num_retries request_timeout allowed_fails fallbacks context_window_fallbacks
        content_policy_fallbacks default_fallbacks drop_params set_verbose json_logs callbacks success_callback
        failure_callback turn_off_message_logging redact_user_api_key_info cache cache_params max_budget
        budget_duration budget_exceeded_status_code default_soft_budget upperbound_key_generate_params
        default_key_generate_params max_end_user_budget ssl_verify expose_router_debug_in_errors modify_params
        block_requests_for_models_without_pricing include_cost_in_streaming_usage require_auth_for_metrics_endpoint
        guardrails default_team_settings provider_url_destination_allowed_hosts user_url_validation
        enable_caching_on_provider_specific_optional_params""",
    "router": """redis_url redis_host redis_port redis_password redis_db cache_responses cache_kwargs caching_groups
        client_ttl num_retries timeout stream_timeout default_litellm_params set_verbose fallbacks allowed_fails
        context_window_fallbacks content_policy_fallbacks default_fallbacks model_group_alias retry_after
        routing_strategy routing_strategy_args routing_groups max_fallbacks cooldown_time disable_cooldowns retry_policy
        model_group_retry_policy allowed_fails_policy enable_pre_call_checks optional_pre_call_checks
        enable_tag_filtering tag_filtering_match_any enable_weighted_failover default_max_parallel_requests
        provider_budget_config polling_interval""",
}


@pytest.mark.parametrize("section", LITELLM_NAMES)
def test_name_is_known_when_litellm_has_it(section: Section) -> None:
    assert not set(LITELLM_NAMES[section].split()) - set(settings_of(section))


SHARED = {"num_retries", "allowed_fails", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
          "default_fallbacks"}  # fmt: skip
# Read by the sinks, from the mapping that they are handed.
OF_SINKS = {"langfuse_default_tags", "prometheus_caller_labels", "enable_end_user_cost_tracking_prometheus_only"}
ELSEWHERE: dict[Section, set[str]] = {
    "general": {
        "key_management_system",
        "key_management_settings",
        "master_key",
        "database_url",
        "cancel_on_disconnect",
        "accept_unenforced",
        "disable_budget_reservation",
    },
    "litellm": SHARED | {"user_url_validation", "cache", "cache_params"} | OF_SINKS,
    "router": {"default_litellm_params"},
}


@pytest.mark.parametrize(("section", "kind"), [("general", General), ("litellm", LiteLLM), ("router", RouterSettings)])
def test_typed_settings_agree_when_compared_with_the_table(section: Section, kind: type[Any]) -> None:
    in_use = {
        name: setting.default
        for name, setting in settings_of(section).items()
        if setting.status != "ignored" and name not in ELSEWHERE[section]
    }
    empty_is_none = {field.name: getattr(kind(), field.name) or None for field in fields(kind)}
    assert {name: default or None for name, default in in_use.items()} == empty_is_none


# Read by the settings themselves, on behalf of the router.
READ_AT_LOADING = {"request_timeout", "set_verbose", "optional_pre_call_checks"}


@pytest.mark.parametrize("kind", [General, LiteLLM, RouterSettings])
def test_setting_has_a_reader_when_it_is_said_to_work(kind: type[Any]) -> None:
    sources = [path for path in [ROOT / "app.py", *(ROOT / "proxy").rglob("*.py")] if path.parent.name != "settings"]
    read = set(re.findall(r"\.(\w+)", "\n".join(path.read_text(encoding="utf-8") for path in sources)))
    assert {field.name for field in fields(kind)} - read - READ_AT_LOADING == set()


def test_difference_is_named_when_a_setting_is_different() -> None:
    """Each such row says what LiteLLM does, or what its name does there."""
    different = [setting for setting in SETTINGS if setting.status == "different"]
    assert different and [setting.name for setting in different if "LiteLLM" not in setting.help] == []
