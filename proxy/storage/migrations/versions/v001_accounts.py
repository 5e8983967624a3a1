"""The first tables: keys, teams, users, organizations, budgets, customers, tags, what was deleted, and the changes."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Float, Text

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only where the key is INTEGER.
_SERIAL = BigInteger().with_variant(sa.Integer, "sqlite")


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


def upgrade() -> None:
    _create_keys()
    _create_deprecated_keys()
    _create_teams()
    _create_team_members()
    _create_users()
    _create_organizations()
    _create_budgets()
    _create_customers()
    _create_tags()
    _create_archive()
    _create_changes()


def _create_keys() -> None:
    op.create_table(
        "keys",
        Column("token", Text, primary_key=True),
        Column("key_alias", Text, unique=True),
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
    )
    op.create_index("keys_user", "keys", ["user_id"])
    op.create_index("keys_team", "keys", ["team_id"])
    op.create_index("keys_created", "keys", ["created_at"])


def _create_deprecated_keys() -> None:
    op.create_table(
        "deprecated_keys",
        Column("token", Text, primary_key=True),
        Column("active_token_id", Text, nullable=False),
        Column("revoke_at", Float(53), nullable=False),
    )
    op.create_index("deprecated_active", "deprecated_keys", ["active_token_id"])


def _create_teams() -> None:
    op.create_table(
        "teams",
        Column("team_id", Text, primary_key=True),
        *_text("team_alias", "organization_id", "budget_id"),
        *_json("members_with_roles", "models", "model_aliases", "metadata", "router_settings", "object_permission"),
        *_json("access_group_ids", "default_team_member_models", "team_member_permissions"),
        _blocked(),
        *_budget(),
        *_spend(),
        *_history(),
    )
    op.create_index("teams_alias", "teams", ["team_alias"])
    op.create_index("teams_organization", "teams", ["organization_id"])


def _create_team_members() -> None:
    op.create_table(
        "team_members",
        Column("team_id", Text, primary_key=True),
        Column("user_id", Text, primary_key=True),
        *_text("budget_id"),
        *_json("allowed_models", "metadata"),
        *_budget(),
        *_spend(),
        *_history(),
    )
    op.create_index("members_user", "team_members", ["user_id"])


def _create_users() -> None:
    op.create_table(
        "users",
        Column("user_id", Text, primary_key=True),
        Column("user_email", Text, unique=True),
        *_text("user_alias", "user_role", "sso_user_id", "password", "organization_id", "budget_id"),
        *_json("models", "metadata", "teams", "organizations", "object_permission"),
        _blocked(),
        *_budget(),
        *_spend(),
        *_history(),
    )
    op.create_index("users_created", "users", ["created_at"])


def _create_organizations() -> None:
    op.create_table(
        "organizations",
        Column("organization_id", Text, primary_key=True),
        *_text("organization_alias", "budget_id"),
        *_json("models", "metadata", "members", "object_permission"),
        _blocked(),
        *_budget(),
        *_spend(),
        *_history(),
    )


def _create_budgets() -> None:
    op.create_table(
        "budgets",
        Column("budget_id", Text, primary_key=True),
        *_budget(),
        *_number("budget_reset_at"),
        *_history(),
    )


def _create_customers() -> None:
    op.create_table(
        "customers",
        Column("user_id", Text, primary_key=True),
        *_text("alias", "allowed_model_region", "default_model", "budget_id"),
        *_json("models", "metadata", "object_permission"),
        _blocked(),
        *_budget(),
        *_spend(),
        *_history(),
    )


def _create_tags() -> None:
    op.create_table(
        "tags",
        Column("name", Text, primary_key=True),
        *_text("description", "budget_id"),
        *_json("models", "metadata", "model_info"),
        *_budget(),
        *_spend(),
        *_history(),
    )


def _create_archive() -> None:
    op.create_table(
        "archive",
        Column("number", _SERIAL, primary_key=True, autoincrement=True),
        Column("kind", Text, nullable=False),
        Column("id", Text, nullable=False),
        Column("deleted_at", Float(53), nullable=False),
        *_text("deleted_by"),
        *_json("row"),
    )
    op.create_index("archive_id", "archive", ["kind", "id"])


def _create_changes() -> None:
    op.create_table(
        "changes",
        Column("version", _SERIAL, primary_key=True, autoincrement=True),
        Column("kind", Text, nullable=False),
        Column("id", Text, nullable=False),
        Column("at", Float(53), nullable=False),
        sqlite_autoincrement=True,
    )
