"""The tables of spend: a row for each call, and sums by day."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Float, Text

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None

_KEYS = "date entity_kind entity_id api_key model model_group custom_llm_provider endpoint"
_SUMS = (
    "spend prompt_tokens completion_tokens cache_read_input_tokens cache_creation_input_tokens api_requests "
    "successful_requests failed_requests"
)


def _columns(kind: Any, names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names.split()]


def upgrade() -> None:
    op.create_table(
        "spend_logs",
        Column("row_id", Text, primary_key=True),
        *_columns(Text, "request_id call_type api_key key_alias"),
        Column("spend", BigInteger, nullable=False),
        *_columns(BigInteger, "total_tokens prompt_tokens completion_tokens"),
        *_columns(Float(53), "start_time end_time completion_start_time"),
        *_columns(
            Text, "model model_id model_group custom_llm_provider api_base user_id team_id organization_id end_user"
        ),
        *_columns(Text, "requester_ip_address session_id status error_class cache_hit cache_key"),
        *_columns(sa.JSON(none_as_null=True), "metadata request_tags"),
    )
    op.create_index("spend_logs_start", "spend_logs", ["start_time"])
    op.create_index("spend_logs_key", "spend_logs", ["api_key", "start_time"])
    op.create_index("spend_logs_request", "spend_logs", ["request_id"])
    op.create_index("spend_logs_end_user", "spend_logs", ["end_user"])
    op.create_index("spend_logs_session", "spend_logs", ["session_id"])
    op.create_table(
        "daily_spend",
        *[Column(name, Text, primary_key=True) for name in _KEYS.split()],
        *[Column(name, BigInteger, nullable=False, server_default="0") for name in _SUMS.split()],
    )
    op.create_index("daily_spend_entity", "daily_spend", ["entity_kind", "entity_id", "date"])


def downgrade() -> None:
    op.drop_table("daily_spend")
    op.drop_table("spend_logs")
