"""Every setting of the configuration file, declared once; the schema, `check` and docs/settings.md read it.

`kind` names an entry of schemas.kinds.KINDS. `supported` does what LiteLLM's documentation says, `different` does
what `help` says, `ignored` has no effect here. A default of None means: none.
"""

from typing import Any, Literal, NamedTuple

Status = Literal["supported", "different", "ignored"]
Section = Literal["file", "entry", "params", "info", "credential", "general", "litellm", "router"]


class Setting(NamedTuple):
    section: Section
    name: str
    kind: str
    default: Any
    status: Status
    help: str


# Where a section stands in the file.
PREFIXES: dict[str, str] = {
    "file": "",
    "entry": "model_list[].",
    "params": "model_list[].litellm_params.",
    "info": "model_list[].model_info.",
    "credential": "credential_list[].",
    "general": "general_settings.",
    "litellm": "litellm_settings.",
    "router": "router_settings.",
}

NO_DATABASE = "there is no database: keys, teams and spend are not stored"
NO_CACHE = "answers are not cached"
NO_GUARDRAILS = "guardrails are not built in"
NO_KEY_MANAGER = "no secret manager is asked: use os.environ/NAME"
ONE_RATE = "limits count all tokens: use tpm"
NOT_YET = "not implemented"

_FILE: tuple[tuple[Any, ...], ...] = (
    ("model_list", "entries", (), "supported", "the deployments; those that share a model_name share the load"),
    ("general_settings", "section", None, "supported", "the gateway itself"),
    ("litellm_settings", "section", None, "supported", "how calls are made and recorded"),
    ("router_settings", "section", None, "supported", "retries, fallbacks, strategies and limits"),
    (
        "environment_variables",
        "variables",
        None,
        "different",
        "read as if they were set in the environment, by this configuration only: the process's own is not changed",
    ),
    ("include", "names", (), "supported", "more files: their lists are appended, their other keys replace"),
    ("credential_list", "credentials", (), "supported", "credentials that a litellm_credential_name refers to"),
    ("callback_settings", "any", None, "ignored", NOT_YET),
    ("guardrails", "any", None, "ignored", NO_GUARDRAILS),
    ("prompts", "any", None, "ignored", "prompts are not managed here"),
    ("policies", "any", None, "ignored", NO_GUARDRAILS),
    ("mcp_servers", "any", None, "ignored", "MCP is not served"),
    ("mcp_tools", "any", None, "ignored", "MCP is not served"),
    ("agents", "any", None, "ignored", "agents are not served"),
    ("search_tools", "any", None, "ignored", "search is not served"),
    ("sandbox_tools", "any", None, "ignored", "sandboxes are not served"),
    ("vector_store_registry", "any", None, "ignored", "vector stores are not served"),
    ("assistant_settings", "any", None, "ignored", "the assistants API is not served"),
    ("files_settings", "any", None, "ignored", "the files API is not served"),
    ("finetune_settings", "any", None, "ignored", "the fine-tuning API is not served"),
    ("default_vertex_config", "any", None, "ignored", "write vertex_* into litellm_params"),
)

_ENTRY: tuple[tuple[Any, ...], ...] = (
    ("model_name", "text", None, "supported", "the name that clients ask for; * matches anything"),
    ("litellm_params", "params", None, "supported", "where the model is and how to call it"),
    ("model_info", "info", None, "supported", "facts about the model; kept as they are"),
    ("rpm", "count", None, "supported", "as litellm_params.rpm, which wins"),
    ("tpm", "count", None, "supported", "as litellm_params.tpm, which wins"),
)

_PARAMS: tuple[tuple[Any, ...], ...] = (
    ("model", "text", None, "supported", "provider/name; the first segment chooses the provider"),
    ("custom_llm_provider", "text", None, "supported", "the provider, when model does not say it"),
    ("api_key", "text", None, "supported", "the provider's key"),
    ("api_base", "url", None, "supported", "the provider's base URL"),
    ("base_url", "url", None, "supported", "another name for api_base"),
    ("api_version", "text", None, "supported", "Azure's api-version"),
    ("organization", "text_or_names", None, "supported", "OpenAI's organization; a list makes one deployment of each"),
    ("project", "text", None, "supported", "OpenAI's or the cloud's project"),
    ("region_name", "region", None, "supported", "the cloud's region"),
    ("aws_region_name", "region", None, "supported", "AWS's region"),
    ("vertex_location", "region", None, "supported", "Google's location"),
    ("extra_headers", "headers", None, "supported", "headers sent to the provider"),
    ("headers", "headers", None, "supported", "headers sent to the provider"),
    ("extra_body", "mapping", None, "supported", "members merged into the provider's request body"),
    ("timeout", "seconds", None, "supported", "limit of one try, in seconds"),
    ("stream_timeout", "seconds", None, "supported", "as timeout, for streams"),
    ("num_retries", "count", None, "supported", "further tries within the group"),
    ("max_retries", "count", None, "supported", "another name for num_retries"),
    ("rpm", "count", None, "supported", "requests a minute: a weight, or a limit with enforce_model_rate_limits"),
    ("tpm", "count", None, "supported", "tokens a minute: a weight, or a limit with enforce_model_rate_limits"),
    ("weight", "number", None, "supported", "share of the group's load"),
    ("order", "count", None, "supported", "the lowest order that is healthy is used first"),
    (
        "max_parallel_requests",
        "positive_count",
        None,
        "different",
        "calls at a time; not derived from rpm and tpm, and a call waits for a slot (router_settings.slot_wait)",
    ),
    ("cooldown_time", "number", None, "supported", "seconds out of service after failures"),
    ("tags", "names", (), "supported", "for tag routing"),
    ("drop_params", "flag", None, "supported", "drop parameters that the provider can't take, rather than refuse"),
    ("additional_drop_params", "names", (), "supported", "parameters that are always dropped, as paths"),
    ("allowed_openai_params", "names", (), "supported", "parameters that are sent although the table says no"),
    ("configurable_clientside_auth_params", "list", (), "supported", "what clients may override on this deployment"),
    ("litellm_credential_name", "text", None, "supported", "an entry of credential_list"),
    ("mock_response", "any", None, "supported", "answer with this text, without a provider"),
    ("input_cost_per_token", "number", None, "supported", "USD"),
    ("output_cost_per_token", "number", None, "supported", "USD"),
    ("request_timeout", "seconds", None, "supported", "another name for timeout"),
    ("use_in_pass_through", "any", None, "ignored", "pass-through routes are not served"),
    ("timeout_by_service_tier", "any", None, "ignored", NOT_YET),
    ("itpm", "any", None, "ignored", ONE_RATE),
    ("otpm", "any", None, "ignored", ONE_RATE),
    ("tag_regex", "any", None, "ignored", NOT_YET),
    ("input_cost_per_second", "any", None, "ignored", "prices are per token"),
    ("output_cost_per_second", "any", None, "ignored", "prices are per token"),
    ("max_budget", "any", None, "ignored", NO_DATABASE),
    ("budget_duration", "any", None, "ignored", NO_DATABASE),
    ("default_api_key_tpm_limit", "any", None, "ignored", NO_DATABASE),
    ("default_api_key_rpm_limit", "any", None, "ignored", NO_DATABASE),
    ("use_chat_completions_api", "any", None, "ignored", "chat completions are always used"),
    ("merge_reasoning_content_in_choices", "any", None, "ignored", NOT_YET),
    ("keepalive_seconds", "any", None, "ignored", NOT_YET),
    ("silent_model", "any", None, "ignored", "traffic is not mirrored"),
    ("provider_affinity_header", "any", None, "ignored", NOT_YET),
    ("rust", "any", None, "ignored", "there is no native module"),
)

_INFO: tuple[tuple[Any, ...], ...] = (
    ("id", "text", None, "supported", "the deployment's id; else a digest of its parameters, credentials left out"),
    ("mode", "text", None, "supported", "chat, embedding ..."),
    ("base_model", "text", None, "supported", "the model whose prices apply"),
    ("max_tokens", "count", None, "supported", "shown in model information"),
    ("max_input_tokens", "count", None, "supported", "shown in model information"),
    ("input_cost_per_token", "number", None, "supported", "USD; litellm_params wins"),
    ("output_cost_per_token", "number", None, "supported", "USD; litellm_params wins"),
    ("cooldown_time", "number", None, "supported", "as litellm_params.cooldown_time, which wins"),
    ("supports_vision", "flag", None, "supported", "shown in model information"),
    ("tier", "any", None, "ignored", "there are no tiers"),
    ("team_id", "any", None, "ignored", NO_DATABASE),
    ("team_public_model_name", "any", None, "ignored", NO_DATABASE),
    ("access_groups", "any", None, "ignored", NO_DATABASE),
    ("blocked", "flag", None, "supported", "the deployment is not used"),
    ("access_windows", "any", None, "ignored", NOT_YET),
    ("allowed_fails", "count", None, "supported", "as router_settings.allowed_fails, for this deployment"),
    ("allowed_fails_policy", "fails_policy", None, "supported", "as in router_settings, for this deployment"),
    ("supported_environments", "any", None, "ignored", NOT_YET),
    ("health_check_model", "text", None, "supported", "the model that GET /health asks, for a wildcard"),
    ("health_check_timeout", "any", None, "ignored", "health comes from the calls themselves"),
    ("disable_background_health_check", "any", None, "ignored", "health comes from the calls themselves"),
)

_CREDENTIAL: tuple[tuple[Any, ...], ...] = (
    ("credential_name", "text", None, "supported", "the name that deployments use"),
    ("credential_values", "mapping", None, "supported", "merged under the deployment's own litellm_params"),
    ("credential_info", "any", None, "supported", "for readers of the file"),
)

_GENERAL: tuple[tuple[Any, ...], ...] = (
    (
        "master_key",
        "text",
        None,
        "different",
        "the key that clients send; else LITELLM_MASTER_KEY; without one only loopback is served",
    ),
    (
        "allow_client_side_credentials",
        "flag",
        True,
        "different",
        "clients may bring keys, addresses and user_config; on by default, behind an address guard",
    ),
    ("completion_model", "text", None, "different", "the model of requests that name none"),
    ("max_request_size_mb", "positive", 32.0, "different", "larger bodies are refused (413); 32 by default"),
    (
        "dangerously_allow_mock_testing_request_params",
        "flag",
        False,
        "supported",
        "clients may send mock_response and the mock_testing_* fields",
    ),
    ("cancel_on_disconnect", "any", None, "different", "a call whose client left is always cancelled"),
    ("allow_client_mock_response", "flag", False, "different", "clients may send mock_response"),
    (
        "dangerously_permit_weak_or_unset_master_key",
        "any",
        None,
        "ignored",
        "a weak key is warned about; without a key only loopback is served",
    ),
    ("database_url", "any", None, "ignored", NO_DATABASE),
    ("database_connection_pool_limit", "any", None, "ignored", NO_DATABASE),
    ("database_connection_timeout", "any", None, "ignored", NO_DATABASE),
    ("store_model_in_db", "any", None, "ignored", NO_DATABASE),
    ("allow_requests_on_db_unavailable", "any", None, "ignored", NO_DATABASE),
    ("disable_spend_logs", "any", None, "ignored", NO_DATABASE),
    ("store_prompts_in_spend_logs", "any", None, "ignored", NO_DATABASE),
    ("proxy_batch_write_at", "any", None, "ignored", NO_DATABASE),
    ("disable_budget_reservation", "any", None, "ignored", NO_DATABASE),
    ("user_api_key_cache_ttl", "any", None, "ignored", NO_DATABASE),
    ("user_api_key_cache_max_size", "any", None, "ignored", NO_DATABASE),
    ("enforce_fallback_model_access", "any", None, "ignored", NO_DATABASE),
    ("token_rate_limit_type", "any", None, "ignored", ONE_RATE),
    ("encryption_algorithm", "any", None, "ignored", NO_DATABASE),
    ("custom_auth", "any", None, "ignored", "no Python code is loaded from the configuration"),
    ("max_parallel_requests", "any", None, "ignored", "set max_parallel_requests in litellm_params"),
    ("global_max_parallel_requests", "any", None, "ignored", "set max_parallel_requests in litellm_params"),
    ("max_in_flight_requests_per_worker", "any", None, "ignored", "use gunicorn's worker_connections"),
    ("max_queued_requests_per_worker", "any", None, "ignored", "use gunicorn's backlog"),
    ("admission_queue_timeout_seconds", "any", None, "ignored", NOT_YET),
    ("max_response_size_mb", "any", None, "ignored", NOT_YET),
    ("background_health_checks", "any", None, "ignored", "health comes from the calls themselves"),
    ("health_check_interval", "any", None, "ignored", "health comes from the calls themselves"),
    ("alerting", "any", None, "ignored", "alert on the metrics"),
    ("alerting_threshold", "any", None, "ignored", "alert on the metrics"),
    ("pass_through_endpoints", "any", None, "ignored", "pass-through routes are not served"),
    ("infer_model_from_keys", "any", None, "ignored", "the built-in configuration does it, a file says what it serves"),
    ("enforce_user_param", "any", None, "ignored", NOT_YET),
    ("forward_client_headers_to_llm_api", "any", None, "ignored", NOT_YET),
    ("user_header_name", "any", None, "ignored", NOT_YET),
    ("include_call_id_in_error_body", "any", None, "ignored", "the id is in the header x-litellm-call-id"),
    ("expose_fallback_errors_to_caller", "any", None, "ignored", "an error lists its attempts always"),
    ("ui_access_mode", "any", None, "ignored", "there is no admin interface"),
    ("key_management_system", "any", None, "ignored", NO_KEY_MANAGER),
    ("key_management_settings", "any", None, "ignored", NO_KEY_MANAGER),
)

_LITELLM: tuple[tuple[Any, ...], ...] = (
    ("drop_params", "flag", False, "supported", "drop parameters that a provider can't take, rather than refuse"),
    ("request_timeout", "seconds", 6000.0, "supported", "limit of one try, in seconds, where nothing else says"),
    ("num_retries", "count", None, "supported", "as router_settings.num_retries, which wins"),
    ("allowed_fails", "count", None, "supported", "as router_settings.allowed_fails, which wins"),
    ("fallbacks", "fallbacks", (), "supported", "as router_settings.fallbacks, which wins"),
    ("context_window_fallbacks", "fallbacks", (), "supported", "as in router_settings, which wins"),
    ("content_policy_fallbacks", "fallbacks", (), "supported", "as in router_settings, which wins"),
    ("default_fallbacks", "names", (), "supported", "as in router_settings, which wins"),
    ("callbacks", "names", (), "supported", "the sinks of all calls"),
    ("success_callback", "names", (), "supported", "the sinks of calls that succeeded"),
    ("failure_callback", "names", (), "supported", "the sinks of calls that failed"),
    ("turn_off_message_logging", "flag", False, "supported", "prompts and answers stay out of records"),
    ("redact_user_api_key_info", "flag", False, "supported", "the caller's key facts stay out of records"),
    ("require_auth_for_metrics_endpoint", "flag", True, "supported", "/metrics needs the master key"),
    ("include_cost_in_streaming_usage", "flag", False, "supported", "the cost is in a stream's usage chunk"),
    ("json_logs", "flag", False, "supported", "log lines are JSON"),
    ("set_verbose", "flag", False, "different", "the log level is DEBUG; bodies and credentials are not printed"),
    ("ssl_verify", "flag", True, "supported", "TLS certificates of the operator's own destinations are verified"),
    (
        "provider_url_destination_allowed_hosts",
        "names",
        (),
        "supported",
        "hosts that clients may name although the address guard says no: host, host:port or *.host",
    ),
    ("user_url_validation", "any", None, "different", "addresses that a client names are always checked"),
    ("modify_params", "any", None, "ignored", "a request is changed no more than the provider's format demands"),
    ("service_callback", "any", None, "ignored", NOT_YET),
    ("cache", "any", None, "ignored", NO_CACHE),
    ("cache_params", "any", None, "ignored", NO_CACHE),
    ("enable_caching_on_provider_specific_optional_params", "any", None, "ignored", NO_CACHE),
    ("guardrails", "any", None, "ignored", NO_GUARDRAILS),
    ("default_team_settings", "any", None, "ignored", NO_DATABASE),
    ("upperbound_key_generate_params", "any", None, "ignored", NO_DATABASE),
    ("default_key_generate_params", "any", None, "ignored", NO_DATABASE),
    ("max_budget", "any", None, "ignored", NO_DATABASE),
    ("budget_duration", "any", None, "ignored", NO_DATABASE),
    ("budget_exceeded_status_code", "any", None, "ignored", NO_DATABASE),
    ("default_soft_budget", "any", None, "ignored", NO_DATABASE),
    ("max_end_user_budget", "any", None, "ignored", NO_DATABASE),
    ("expose_router_debug_in_errors", "any", None, "ignored", "messages never name other models"),
    ("block_requests_for_models_without_pricing", "any", None, "ignored", NOT_YET),
    ("telemetry", "any", None, "ignored", "nothing is sent home"),
)

_ROUTER: tuple[tuple[Any, ...], ...] = (
    ("num_retries", "count", 2, "supported", "further tries within a group"),
    ("max_fallbacks", "count", 5, "different", "the most fallback groups that one request tries, in all"),
    ("timeout", "seconds", None, "supported", "limit of one try, in seconds"),
    ("stream_timeout", "seconds", None, "supported", "as timeout, for streams"),
    ("retry_after", "number", 0.0, "supported", "the least wait before a retry, in seconds"),
    ("retry_policy", "retry_policy", None, "supported", "retries by kind of error"),
    ("model_group_retry_policy", "group_policies", None, "supported", "retry_policy of single groups"),
    ("fallbacks", "fallbacks", (), "supported", "[{group: [groups]}], * for any group"),
    (
        "context_window_fallbacks",
        "fallbacks",
        (),
        "different",
        "for prompts that are too long; a group without an entry uses fallbacks",
    ),
    (
        "content_policy_fallbacks",
        "fallbacks",
        (),
        "different",
        "for refused content; a group without an entry uses fallbacks",
    ),
    ("default_fallbacks", "names", (), "supported", "the groups to try for any other"),
    ("model_group_alias", "aliases", None, "supported", "{alias: group} or {alias: {model: group, hidden: true}}"),
    ("routing_strategy", "strategy", "simple-shuffle", "supported", "how a deployment of a group is chosen"),
    ("routing_strategy_args", "mapping", None, "supported", "ttl, lowest_latency_buffer, max_latency_list_size"),
    ("allowed_fails", "count", None, "different", "failures until a cooldown; 3 is a number like any other"),
    ("allowed_fails_policy", "fails_policy", None, "supported", "allowed_fails by kind of error"),
    ("cooldown_time", "number", 5.0, "different", "seconds out of service; grows while a deployment keeps failing"),
    ("disable_cooldowns", "flag", False, "supported", "no deployment is taken out of service"),
    ("enable_tag_filtering", "flag", False, "supported", "choose deployments by tags"),
    ("tag_filtering_match_any", "flag", True, "supported", "one common tag is enough"),
    ("enable_weighted_failover", "any", None, "ignored", "a retry takes another deployment of the group anyway"),
    ("enable_pre_call_checks", "flag", False, "supported", "leave out deployments that can't take the call"),
    ("optional_pre_call_checks", "names", (), "different", "enforce_model_rate_limits is served, the others are not"),
    ("default_max_parallel_requests", "positive_count", None, "supported", "where a deployment says none"),
    ("redis_url", "text", None, "supported", "share the router's state among hosts"),
    ("redis_host", "text", None, "supported", "as redis_url"),
    ("redis_port", "count", None, "supported", "as redis_url"),
    ("redis_password", "text", None, "supported", "as redis_url"),
    ("redis_db", "count", None, "supported", "as redis_url"),
    ("default_litellm_params", "mapping", None, "supported", "litellm_params of every deployment that does not say"),
    ("retry_budget", "share", 0.2, "supported", "ours: the extra load that retries and fallbacks may add, as a share"),
    ("retry_budget_floor", "count", 10, "supported", "ours: retries that a window always allows"),
    ("slot_wait", "number", 1.0, "supported", "ours: seconds that a call may wait for a free slot"),
    ("last_resort", "flag", True, "supported", "ours: when all are cooling, try the one that recovers first"),
    ("connect_timeout", "seconds", 10.0, "supported", "ours: seconds until a connection stands"),
    ("first_token_timeout", "seconds", None, "supported", "ours: seconds until a stream's first content"),
    ("idle_timeout", "seconds", None, "supported", "ours: seconds of silence between two events"),
    ("stream_continuation", "flag", False, "supported", "ours: another deployment finishes a broken answer"),
    ("state_store", "state_store", "auto", "supported", "ours: auto, memory, host or redis"),
    ("state_path", "text", None, "supported", "ours: where the host's shared state lives"),
    ("client_ttl", "any", None, "ignored", "connections are pooled as long as they are used"),
    ("cache_responses", "any", None, "ignored", NO_CACHE),
    ("cache_kwargs", "any", None, "ignored", NO_CACHE),
    ("caching_groups", "any", None, "ignored", NO_CACHE),
    ("set_verbose", "any", None, "ignored", "use --log-level"),
    ("debug_level", "any", None, "ignored", "use --log-level"),
    ("routing_groups", "any", None, "ignored", NOT_YET),
    ("provider_budget_config", "any", None, "ignored", NO_DATABASE),
    ("polling_interval", "any", None, "ignored", "there is no priority queue"),
    ("default_priority", "any", None, "ignored", "there is no priority queue"),
    ("alerting_config", "any", None, "ignored", "alert on the metrics"),
    ("health_check_interval", "any", None, "ignored", "health comes from the calls themselves"),
)

_SECTIONS: tuple[tuple[Section, tuple[tuple[Any, ...], ...]], ...] = (
    ("file", _FILE),
    ("entry", _ENTRY),
    ("params", _PARAMS),
    ("info", _INFO),
    ("credential", _CREDENTIAL),
    ("general", _GENERAL),
    ("litellm", _LITELLM),
    ("router", _ROUTER),
)

SETTINGS: tuple[Setting, ...] = tuple(Setting(section, *row) for section, rows in _SECTIONS for row in rows)


class Variable(NamedTuple):
    """An environment variable that the gateway itself reads; the providers' are in docs/providers.md."""

    name: str
    default: str
    help: str


VARIABLES: tuple[Variable, ...] = (
    Variable("CONFIG_FILE_PATH", "./config.yaml, else a demo", "the configuration file, as `--config`"),
    Variable("LITELLM_MASTER_KEY", "", "the key that clients send, unless general_settings.master_key says it"),
    Variable("HOST", "127.0.0.1", "as `--host`"),
    Variable("PORT", "4000", "as `--port`"),
    Variable("NUM_WORKERS", "1", "as `--workers`; WEB_CONCURRENCY counts for plain gunicorn"),
    Variable("LITELLM_LOG", "INFO", "the log level, as `--log-level`"),
    Variable("PATCHBAY_MODEL", "", "one model to serve without a file, as `--model`"),
)


def settings_of(section: Section) -> dict[str, Setting]:
    """The rows of a section by name."""
    return {setting.name: setting for setting in SETTINGS if setting.section == section}
