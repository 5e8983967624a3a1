"""One way to reach one model: an entry of `model_list`, or a client's own.

A `litellm_params` key belongs to one of three kinds: it steers the router (ROUTING_PARAMS), it says
where and as whom to connect (connection parameters), or it is a default request parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ROUTING_PARAMS = frozenset(
    "weight order rpm tpm max_parallel_requests timeout stream_timeout num_retries max_retries cooldown_time tags "
    "drop_params additional_drop_params allowed_openai_params configurable_clientside_auth_params "
    "input_cost_per_token output_cost_per_token mock_response".split()
)
# Where a call goes. Naming one of these makes the destination the client's: see `with_overrides`.
DESTINATION_PARAMS = frozenset(
    {"api_base", "base_url", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint", "sagemaker_base_url", "deployment_url"}
)
_CONNECTION_PARAMS = frozenset(
    "account_id api_key api_version organization project region_name headers extra_headers extra_body "
    "custom_llm_provider "
    "tenant_id client_id client_secret ssl_verify use_in_pass_through litellm_credential_name token".split()
)
_CONNECTION_PREFIXES = ("aws_", "vertex_", "azure_", "watsonx_", "gcp_", "databricks_", "snowflake_", "sagemaker_")


def is_connection_param(name: str) -> bool:
    """True for the parameters that say where and as whom to connect."""
    return name in _CONNECTION_PARAMS or name in DESTINATION_PARAMS or name.startswith(_CONNECTION_PREFIXES)


@dataclass(frozen=True, slots=True)
class Deployment:
    """`model` is the name that the provider is asked for, `group` the `model_name` that clients see.

    Rates are per minute, times in seconds. `wildcard` is true when `group` is a pattern; the router hands out
    a copy whose `group` and `model` are the real names. `guarded` is true when a client named the destination.
    """

    id: str
    group: str
    provider: str
    model: str
    connection: Mapping[str, Any] = field(default_factory=dict, repr=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    info: Mapping[str, Any] = field(default_factory=dict)
    weight: float | None = None
    order: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    max_parallel_requests: int | None = None
    timeout: float | None = None
    stream_timeout: float | None = None
    num_retries: int | None = None
    cooldown_time: float | None = None
    tags: tuple[str, ...] = ()
    drop_params: bool | None = None
    additional_drop_params: tuple[str, ...] = ()
    allowed_openai_params: tuple[str, ...] = ()
    configurable_clientside_auth_params: tuple[Any, ...] = ()
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    mock_response: Any = None
    wildcard: bool = False
    guarded: bool = False
    client_owned: bool = False

    @property
    def api_key(self) -> str | None:
        return self.connection.get("api_key")

    @property
    def api_base(self) -> str | None:
        """The configured base URL without a trailing slash; None is the provider's own."""
        base = self.connection.get("api_base") or self.connection.get("base_url")
        return base.rstrip("/") if isinstance(base, str) and base else None

    @property
    def label(self) -> str:
        """`provider/model`, as configured."""
        return f"{self.provider}/{self.model}"

    def with_overrides(self, overrides: Mapping[str, Any]) -> "Deployment":
        """This deployment with a client's own connection parameters, for one request.

        When the client names the destination, nothing of the operator's goes along: no credential, header,
        extra body or default parameter (CVE-2024-6587), and the address guard watches the connection.
        """
        if not overrides:
            return self
        if DESTINATION_PARAMS.isdisjoint(overrides):
            return replace(self, connection={**self.connection, **overrides}, client_owned=True)
        return replace(self, connection=dict(overrides), defaults={}, guarded=True, client_owned=True)
