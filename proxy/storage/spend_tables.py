"""The tables of spend: a row for each call, and sums by day. Money is integer nano-dollars, times are Unix seconds."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Float, Table, Text

from proxy.storage.tables import METADATA

# What a day is summed by: all of it is the key of a row.
DAILY_KEYS = (
    "date",
    "entity_kind",
    "entity_id",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "endpoint",
)
DAILY_SUMS = (
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "api_requests",
    "successful_requests",
    "failed_requests",
)


def _columns(kind: Any, names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names.split()]


# `row_id` is the gateway's own: clients may give one call id to several calls.
SPEND_LOGS = Table(
    "spend_logs",
    METADATA,
    Column("row_id", Text, primary_key=True),
    *_columns(Text, "request_id call_type api_key key_alias"),
    Column("spend", BigInteger, nullable=False),
    *_columns(BigInteger, "total_tokens prompt_tokens completion_tokens"),
    *_columns(Float(53), "start_time end_time completion_start_time"),
    *_columns(Text, "model model_id model_group custom_llm_provider api_base user_id team_id organization_id end_user"),
    *_columns(Text, "requester_ip_address session_id status error_class cache_hit cache_key"),
    *_columns(sa.JSON(none_as_null=True), "metadata request_tags"),
    sa.Index("spend_logs_start", "start_time"),
    sa.Index("spend_logs_key", "api_key", "start_time"),
    sa.Index("spend_logs_request", "request_id"),
    sa.Index("spend_logs_end_user", "end_user"),
    sa.Index("spend_logs_session", "session_id"),
)
DAILY_SPEND = Table(
    "daily_spend",
    METADATA,
    *[Column(name, Text, primary_key=True) for name in DAILY_KEYS],
    *[Column(name, BigInteger, nullable=False, server_default="0") for name in DAILY_SUMS],
    sa.Index("daily_spend_entity", "entity_kind", "entity_id", "date"),
)
