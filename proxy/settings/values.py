"""The loaded configuration: frozen values, defaults filled in. Names and defaults are schemas.settings_table's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from proxy.accounts.declared import NOTHING_DECLARED, Declared
from proxy.domain.deployment import Deployment
from proxy.domain.router_settings import RouterSettings
from proxy.domain.secrets import Secret, SecretRegistry
from proxy.settings.cache import CacheConfig

FAST_PATH_VARIABLE = "PATCHBAY_FAST_PATH"
_OFF = frozenset({"off", "false", "0", "no"})


@dataclass(frozen=True, slots=True)
class General:
    """`general_settings`, but for the master key."""

    allow_client_side_credentials: bool = True
    completion_model: str | None = None
    max_request_size_mb: float = 32.0
    max_upload_size_mb: float = 200.0
    cors_allow_origins: tuple[str, ...] | None = None
    receive_timeout: float = 60.0
    send_timeout: float = 60.0
    config_watch_seconds: float = 2.0
    secret_refresh_seconds: float = 300.0
    background_health_checks: bool = False
    health_check_interval: float = 300.0
    enable_health_check_routing: bool = False
    compress_answers: bool = True
    max_in_flight_requests_per_worker: int | None = None
    max_queued_requests_per_worker: int | None = None
    admission_queue_timeout_seconds: float = 30.0
    dangerously_allow_mock_testing_request_params: bool = False
    allow_client_mock_response: bool = False
    fail_closed_budget_enforcement: bool = False
    apply_user_budget_to_team_keys: bool = False
    alerting: tuple[str, ...] = ()
    alert_types: tuple[str, ...] = ()
    disable_spend_logs: bool = False
    proxy_batch_write_at: float = 2.0
    maximum_spend_logs_retention_period: str | None = None
    user_header_name: str | None = None
    user_header_mappings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """`litellm_settings`, but for what the router reads."""

    drop_params: bool = False
    request_timeout: float = 6000.0
    callbacks: tuple[str, ...] = ()
    success_callback: tuple[str, ...] = ()
    failure_callback: tuple[str, ...] = ()
    turn_off_message_logging: bool = True
    redact_user_api_key_info: bool = False
    require_auth_for_metrics_endpoint: bool = True
    include_cost_in_streaming_usage: bool = False
    forward_traceparent_to_llm_provider: bool = False
    json_logs: bool = False
    set_verbose: bool = False
    upperbound_key_generate_params: Mapping[str, Any] = field(default_factory=dict)
    default_key_generate_params: Mapping[str, Any] = field(default_factory=dict)
    ssl_verify: bool | str = True
    provider_url_destination_allowed_hosts: tuple[str, ...] = ()
    max_budget: float | None = None
    budget_duration: str | None = None
    max_end_user_budget_id: str | None = None
    budget_exceeded_status_code: int = 422
    timezone: str = "UTC"
    budget_reset_time: str = "00:00"
    budget_exceeded_throttle_percentage: float = 0.0
    block_requests_for_models_without_pricing: bool = False


class SecretSources(NamedTuple):
    """Where the configuration's secrets came from. `digest` changes with any of them."""

    files: tuple[str, ...] = ()
    digest: str = ""
    has_managers: bool = False


NO_SECRET_SOURCES = SecretSources()


@dataclass(frozen=True)
class Settings:
    """What the file and the environment configure.

    `out_of_service` holds the reason by deployment id and, where a group has nothing else, by group; `broken` are those
    deployments, as far as they could be read. `warnings` are for the operator at start. `environ` is the environment
    with the file's environment_variables over it; `sinks` is litellm_settings with callback_settings in it; `secrets`
    holds every credential in here. `declared` are the file's keys, teams, users and budgets. `database_url`
    is as SQLAlchemy takes it. `source` names the file, or what replaces it; `document` is its content as it was written.
    """

    deployments: tuple[Deployment, ...]
    cache: CacheConfig | None = None
    router: RouterSettings = field(default_factory=RouterSettings)
    master_key: Secret | None = None
    general: General = field(default_factory=General)
    litellm: LiteLLM = field(default_factory=LiteLLM)
    out_of_service: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[Deployment, ...] = ()
    warnings: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    sinks: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: SecretRegistry = field(default_factory=SecretRegistry, repr=False, compare=False)
    secret_sources: SecretSources = NO_SECRET_SOURCES
    source: str = "the built-in configuration"
    declared: Declared = NOTHING_DECLARED
    database_url: Secret | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def fast_path(self) -> bool:
        """False where PATCHBAY_FAST_PATH is off: stock Flask and gunicorn."""
        return self.environ.get(FAST_PATH_VARIABLE, "").strip().lower() not in _OFF

    @property
    def state_folder(self) -> Path:
        """Where this host keeps what outlives a restart: `PATCHBAY_STATE_DIR`, else `.patchbay` beside the file."""
        given = self.environ.get("PATCHBAY_STATE_DIR", "").strip()
        file = Path(self.source)
        return Path(given) if given else (file.parent if file.is_file() else Path()) / ".patchbay"

    @property
    def root_path(self) -> str:
        """`SERVER_ROOT_PATH`, such as /gateway; empty where there is none."""
        path = self.environ.get("SERVER_ROOT_PATH", "").strip("/")
        return f"/{path}" if path else ""

    @property
    def sealing_secret(self) -> str | None:
        """What ids and reasoning given to clients are sealed with; None without a master key."""
        return self.environ.get("LITELLM_SALT_KEY") or self.master_key

    @property
    def group_count(self) -> int:
        """How many models the gateway serves; a `*` that repeats another group's deployments is none."""
        groups = {deployment.group for deployment in self.deployments}
        named = {deployment.label for deployment in self.deployments if deployment.group != "*"}
        repeated = all(deployment.label in named for deployment in self.deployments if deployment.group == "*")
        return len(groups - {"*"}) if named and repeated else len(groups)

    @property
    def log_level(self) -> str:
        """`LITELLM_LOG`, in small letters; else debug where `set_verbose` is on."""
        default = "debug" if self.litellm.set_verbose else "info"
        level = self.environ.get("LITELLM_LOG", "").lower()
        return level if level in ("debug", "info", "warning", "error", "critical") else default
