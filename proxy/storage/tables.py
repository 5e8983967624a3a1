"""The tables, with LiteLLM's column names where it has them: importing its database is copying columns.

`spend` columns are integer nano-dollars; budgets are dollars as they were given; times are Unix seconds.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Float, MetaData, Table, Text

METADATA = MetaData()
# SQLite numbers rows by itself only where the key is INTEGER.
Serial = BigInteger().with_variant(sa.Integer, "sqlite")


def _text(*names: str) -> list[Column[Any]]:
    return [Column(name, Text) for name in names]


def _count(*names: str) -> list[Column[Any]]:
    return [Column(name, BigInteger) for name in names]


def _number(*names: str) -> list[Column[Any]]:
    return [Column(name, Float(53)) for name in names]


def _json(*names: str) -> list[Column[Any]]:
    return [Column(name, sa.JSON(none_as_null=True)) for name in names]


def _spend() -> list[Column[Any]]:
    """Of the present window, and of the lifetime."""
    return [
        Column("spend", BigInteger, nullable=False, server_default="0"),
        Column("total_spend", BigInteger, nullable=False, server_default="0"),
        *_number("budget_reset_at"),
    ]


def _budget() -> list[Column[Any]]:
    return [
        *_number("max_budget", "soft_budget"),
        *_text("budget_duration"),
        *_count("max_parallel_requests", "tpm_limit", "rpm_limit", "tpd_limit"),
        *_json("model_max_budget", "budget_limits"),
    ]


def _history() -> list[Column[Any]]:
    return [*_number("created_at", "updated_at"), *_text("created_by", "updated_by")]


def _blocked() -> Column[Any]:
    return Column("blocked", Boolean, nullable=False, server_default=sa.false())


KEYS = Table(
    "keys",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("key_alias", Text, unique=True),
    # The first hash of a key that was regenerated: what it has spent is counted under it.
    *_text("counted_as"),
    *_text("key_name", "user_id", "team_id", "agent_id", "project_id", "organization_id", "budget_id"),
    *_number("expires", "last_active"),
    *_json("models", "aliases", "config", "router_settings", "permissions", "metadata", "allowed_cache_controls"),
    *_json("allowed_routes", "access_group_ids", "object_permission", "budget_fallbacks"),
    _blocked(),
    Column("auto_rotate", Boolean, nullable=False, server_default=sa.false()),
    *_text("rotation_interval"),
    *_count("rotation_count"),
    *_number("last_rotation_at", "key_rotation_at"),
    *_budget(),
    *_spend(),
    *_history(),
    sa.Index("keys_user", "user_id"),
    sa.Index("keys_team", "team_id"),
    sa.Index("keys_created", "created_at"),
)
# The former hashes of keys that were regenerated with a grace period.
DEPRECATED_KEYS = Table(
    "deprecated_keys",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("active_token_id", Text, nullable=False),
    Column("revoke_at", Float(53), nullable=False),
    sa.Index("deprecated_active", "active_token_id"),
)
TEAMS = Table(
    "teams",
    METADATA,
    Column("team_id", Text, primary_key=True),
    *_text("team_alias", "organization_id", "budget_id"),
    *_json("members_with_roles", "models", "model_aliases", "metadata", "router_settings", "object_permission"),
    *_json("access_group_ids", "default_team_member_models", "team_member_permissions"),
    _blocked(),
    *_budget(),
    *_spend(),
    *_history(),
    sa.Index("teams_alias", "team_alias"),
    sa.Index("teams_organization", "organization_id"),
)
TEAM_MEMBERS = Table(
    "team_members",
    METADATA,
    Column("team_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    *_text("budget_id"),
    *_json("allowed_models", "metadata"),
    *_budget(),
    *_spend(),
    *_history(),
    sa.Index("members_user", "user_id"),
)
USERS = Table(
    "users",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("user_email", Text, unique=True),
    *_text("user_alias", "user_role", "sso_user_id", "password", "organization_id", "budget_id"),
    *_json("models", "metadata", "teams", "organizations", "object_permission"),
    _blocked(),
    *_budget(),
    *_spend(),
    *_history(),
    sa.Index("users_created", "created_at"),
)
ORGANIZATIONS = Table(
    "organizations",
    METADATA,
    Column("organization_id", Text, primary_key=True),
    *_text("organization_alias", "budget_id"),
    *_json("models", "metadata", "members", "object_permission"),
    _blocked(),
    *_budget(),
    *_spend(),
    *_history(),
)
BUDGETS = Table(
    "budgets",
    METADATA,
    Column("budget_id", Text, primary_key=True),
    *_budget(),
    *_number("budget_reset_at"),
    *_history(),
)
CUSTOMERS = Table(
    "customers",
    METADATA,
    Column("user_id", Text, primary_key=True),
    *_text("alias", "allowed_model_region", "default_model", "budget_id"),
    *_json("models", "metadata", "object_permission"),
    _blocked(),
    *_budget(),
    *_spend(),
    *_history(),
)
TAGS = Table(
    "tags",
    METADATA,
    Column("name", Text, primary_key=True),
    *_text("description", "budget_id"),
    *_json("models", "metadata", "model_info"),
    *_budget(),
    *_spend(),
    *_history(),
)
# What was deleted, with the row as it was.
ARCHIVE = Table(
    "archive",
    METADATA,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("deleted_at", Float(53), nullable=False),
    *_text("deleted_by"),
    *_json("row"),
    sa.Index("archive_id", "kind", "id"),
)
# One row for each change of an account, in the order of their commits: what gateways forget of what they hold in memory.
CHANGES = Table(
    "changes",
    METADATA,
    Column("version", Serial, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    sqlite_autoincrement=True,
)
