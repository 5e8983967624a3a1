"""One way to reach one model: an entry of `model_list`, or a client's own.

A `litellm_params` key belongs to one of three kinds: it controls the router (ROUTING_PARAMS), it defines
where and as whom to connect (connection parameters), or it is a default request parameter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from proxy.domain.secrets import clean_url
from proxy.errors import PermissionDeniedError

ROUTING_PARAMS = frozenset(
    "weight order rpm tpm max_parallel_requests timeout stream_timeout connect_timeout first_token_timeout idle_timeout "
    "num_retries max_retries cooldown_time tags tag_regex drop_params additional_drop_params allowed_openai_params "
    "configurable_clientside_auth_params use_responses_api "
    "input_cost_per_token output_cost_per_token mock_response mock_tool_calls mock_delay mock_timeout".split()
)
# Parameters that change the credentials and the form of a call, but not its destination. A region, a location or a
# project goes into a
# provider's own host or path, and the providers check that it is a plain word. Any other makes the destination the
# client's: see `with_overrides`.
KEEPS_DESTINATION = frozenset(
    "api_key api_version organization project headers extra_headers extra_body region_name aws_access_key_id "
    "aws_secret_access_key aws_session_token aws_region_name vertex_credentials vertex_project vertex_location "
    "azure_ad_token tenant_id client_id client_secret".split()
)
_DESTINATION_PARAMS = frozenset(
    {"api_base", "base_url", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint", "sagemaker_base_url", "deployment_url"}
)
_CONNECTION_PARAMS = frozenset(
    "account_id api_key api_version organization project region_name headers extra_headers extra_body "
    "custom_llm_provider "
    "tenant_id client_id client_secret ssl_verify use_in_pass_through litellm_credential_name token".split()
)
_CONNECTION_PREFIXES = ("aws_", "vertex_", "azure_", "watsonx_", "gcp_", "databricks_", "snowflake_", "sagemaker_")


def is_connection_param(name: str) -> bool:
    """True for the parameters of a connection: its destination and its credentials."""
    return name in _CONNECTION_PARAMS or name in _DESTINATION_PARAMS or name.startswith(_CONNECTION_PREFIXES)


@dataclass(frozen=True)
class Deployment:
    """`model` is the name that the provider is asked for, `group` the `model_name` that clients see.

    Rates are per minute, times in seconds. `wildcard` is true when `group` is a pattern; the router hands out
    a copy whose `group` and `model` are the real names. `guarded` is true when a client named the destination.
    `configurable_clientside_auth_params` are the connection parameters that a client may override; None is all.
    `use_responses_api`: whether its server has /responses; None: as long as nothing shows that it has not.
    `mock` are its `mock_*` parameters: see domain.mocking.
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
    connect_timeout: float | None = None
    first_token_timeout: float | None = None
    idle_timeout: float | None = None
    num_retries: int | None = None
    cooldown_time: float | None = None
    tags: tuple[str, ...] = ()
    tag_regex: tuple[str, ...] = ()
    drop_params: bool | None = None
    additional_drop_params: tuple[str, ...] = ()
    allowed_openai_params: tuple[str, ...] = ()
    configurable_clientside_auth_params: tuple[Any, ...] | None = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    mock: Mapping[str, Any] = field(default_factory=dict)
    use_responses_api: bool | None = None
    wildcard: bool = False
    guarded: bool = False
    client_owned: bool = False

    @property
    def api_key(self) -> str | None:
        return self.connection.get("api_key")

    @cached_property
    def api_base(self) -> str | None:
        """The configured base URL without a trailing slash; None is the provider's own."""
        base = self.connection.get("api_base") or self.connection.get("base_url")
        return base.rstrip("/") if isinstance(base, str) and base else None

    @cached_property
    def shown_base(self) -> str | None:
        """`api_base` as anybody may see it, without credentials."""
        return clean_url(self.api_base) if self.api_base else None

    @property
    def label(self) -> str:
        """`provider/model`, as configured."""
        return f"{self.provider}/{self.model}"

    def with_overrides(self, overrides: Mapping[str, Any]) -> "Deployment":
        """This deployment with a client's own connection parameters, for one request.

        When the client names the destination, nothing of the operator's goes along: no credential, header,
        extra body or default parameter (CVE-2024-6587), and the address guard watches the connection.
        Raise PermissionDeniedError for a parameter that the operator keeps to himself.
        """
        if not overrides:
            return self
        self._check(overrides)
        if names_destination(overrides):
            return replace(self, connection=dict(overrides), defaults={}, guarded=True, client_owned=True)
        return replace(self, connection={**self.connection, **overrides}, client_owned=brings_connection(overrides))

    def _check(self, overrides: Mapping[str, Any]) -> None:
        allowed = self.configurable_clientside_auth_params
        if allowed is None:
            return
        for name, value in overrides.items():
            if name not in _ANYBODYS and not any(_permits(rule, name, value) for rule in allowed):
                raise PermissionDeniedError(f"'{name}' may not be set in a request for this model.", param=name)


# No credential and no destination: Azure's clients send it with every request.
_ANYBODYS = frozenset({"api_version"})


def brings_connection(overrides: Mapping[str, Any]) -> bool:
    """Whether the client brings credentials or a destination of its own."""
    return not _ANYBODYS.issuperset(overrides)


def names_destination(connection: Mapping[str, Any]) -> bool:
    """Whether connection parameters of a client's choose where a call goes."""
    return not KEEPS_DESTINATION.issuperset(connection)


def _permits(rule: object, name: str, value: object) -> bool:
    """A rule is a parameter's name, or `{name: expression}`, matched from the start of the value as LiteLLM does."""
    if isinstance(rule, Mapping):
        expression = rule.get(name)
        return isinstance(expression, str) and (expression == value or re.match(expression, str(value)) is not None)
    return rule == name
