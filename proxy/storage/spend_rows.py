"""A finished call as a row of spend. Pure."""

from typing import Any

from proxy.domain.account import nanodollars
from proxy.domain.record import CallRecord

# What LiteLLM's clients read where the master key paid.
MASTER_KEY = "litellm_proxy_master_key"
DEFAULT_USER = "default_user_id"


def build_row(record: CallRecord, row_id: str) -> dict[str, Any]:
    """The row's columns. Its spend is what the budgets were charged; metadata only where the client wants a log."""
    usage, owner = record.usage, record.requester.owner
    spend = record.spend
    if spend is None:
        spend = nanodollars(record.cost.total) if record.cost else 0
    metadata = {} if record.no_log else record.metadata
    session = metadata.get("session_id")
    return {
        "row_id": row_id,
        "request_id": record.response_id or record.id,
        "call_type": record.call_type,
        "api_key": record.key_token or MASTER_KEY,
        "key_alias": record.key_alias if record.key_token else None,
        "spend": spend,
        "total_tokens": usage.total_tokens if usage else 0,
        "prompt_tokens": usage.prompt_tokens if usage else 0,
        "completion_tokens": usage.completion_tokens if usage else 0,
        "cache_read": usage.cached_tokens if usage else 0,
        "cache_write": usage.cache_write_tokens if usage else 0,
        "start_time": record.start_time,
        "end_time": record.end_time,
        "completion_start_time": record.completion_start_time,
        "model": record.model,
        "model_id": record.model_id,
        "model_group": record.model_group,
        "custom_llm_provider": record.custom_llm_provider,
        "api_base": record.api_base,
        "user_id": owner.user_id or (None if record.key_token else DEFAULT_USER),
        "team_id": owner.team_id,
        "organization_id": owner.organization_id,
        "end_user": record.end_user,
        "requester_ip_address": record.requester.ip_address,
        "session_id": str(session) if isinstance(session, str | int) else None,
        "status": record.status,
        "error_class": record.error.error_class if record.error else None,
        "cache_hit": None if record.cache_hit is None else str(record.cache_hit),
        "cache_key": record.cache_key,
        "metadata": metadata or None,
        "request_tags": list(record.tags),
        "route": record.requester.route or "",
    }


def entities_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What the row's spend counts for: (kind, id). Every call counts for a user; one without has an empty id."""
    found = [("user", row["user_id"] or "")]
    if row["api_key"] != MASTER_KEY:
        found.append(("key", row["api_key"]))
    for kind, name in (("team", "team_id"), ("organization", "organization_id"), ("customer", "end_user")):
        if row[name]:
            found.append((kind, row[name]))
    if row["team_id"] and row["user_id"]:
        found.append(("member", f"{row['team_id']}:{row['user_id']}"))
    return found + [("tag", tag) for tag in dict.fromkeys(row["request_tags"])]
