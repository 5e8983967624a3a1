"""Rows of keys, teams, users and budgets: LiteLLM's columns, as the database and the configuration file hold them.

A request's fields become a row's columns; fields without a column of their own are members of `metadata`, as in LiteLLM's
database, and are shown beside the columns.
"""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

# Fields of requests that are kept in `metadata`.
IN_METADATA = frozenset(
    "tags guardrails policies prompts disable_global_guardrails enforced_params model_rpm_limit model_tpm_limit "
    "tag_rpm_limit mcp_rpm_limit rpm_limit_type tpm_limit_type allowed_passthrough_routes denied_passthrough_routes "
    "default_estimated_output_tokens default_estimated_output_tokens_per_model throttle_on_budget_exceeded "
    "end_user_budget_id temp_budget_increase temp_budget_expiry enable_prompt_caching service_account_id "
    "team_member_budget team_member_budget_duration team_member_rpm_limit team_member_tpm_limit "
    "team_member_key_duration secret_manager_settings".split()
)


def with_metadata(fields: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`fields` with those of IN_METADATA moved into `metadata`; null takes one out of it.

    `before` is the metadata of the row that is changed: what the gateway keeps there stays when a client writes its own.
    """
    row = {name: value for name, value in fields.items() if name not in IN_METADATA}
    moved = {name: value for name, value in fields.items() if name in IN_METADATA}
    if not moved and "metadata" not in fields:
        return row
    before = before or {}
    own = fields.get("metadata") if "metadata" in fields else before
    kept = {name: value for name, value in before.items() if name in IN_METADATA}
    merged = {**kept, **(own or {}), **moved}
    row["metadata"] = {name: value for name, value in merged.items() if value is not None}
    return row
