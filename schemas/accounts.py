"""The fields of keys, teams, users and budgets: one table, for sections of the configuration file and for request bodies.

Names are LiteLLM's.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError

from schemas.account_fields import (
    Parse,
    Parsed,
    budget_limit,
    choice,
    count,
    duration,
    flag,
    instant,
    lifetime,
    many,
    mapping,
    member,
    model_budget,
    money,
    names,
    of,
    text,
)
from schemas.kinds import at

ROLES = ("proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer")
KEY_TYPES = ("default", "llm_api", "management", "read_only")
_LIMIT_TYPES = choice("guaranteed_throughput", "best_effort_throughput", "dynamic")
_KEY = re.compile(r"sk-[\x21-\x7e]{13,253}")
_HASH = re.compile(r"[0-9a-f]{64}")


def key_value(value: Any) -> str:
    """A key of the caller's own choice."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise ValidationError("must begin with sk- and have 16 to 256 characters without spaces")
    return value


def key_reference(value: Any) -> str:
    """A key, or its hash."""
    if not isinstance(value, str) or not 1 <= len(value) <= 256 or not value.isascii() or not value.isprintable():
        raise ValidationError("must be a key or its hash")
    return value


def key_hash(value: Any) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValidationError("must be the SHA-256 of the key, as 64 hexadecimal digits")
    return value


BUDGET_FIELDS: Mapping[str, Parse] = {
    "max_budget": money,
    "soft_budget": money,
    "budget_duration": duration,
    "max_parallel_requests": count,
    "tpm_limit": count,
    "rpm_limit": count,
    "tpd_limit": count,
    "model_max_budget": of(model_budget),
}
_LIMITED_FIELDS: Mapping[str, Parse] = {
    **BUDGET_FIELDS,
    "budget_limits": many(budget_limit),
    "budget_id": text,
    "budget_fallbacks": of(names),
    "model_rpm_limit": of(count),
    "model_tpm_limit": of(count),
    "models": names,
    "metadata": mapping,
    "tags": names,
    "blocked": flag,
    "guardrails": names,
    "policies": names,
    "prompts": names,
    "disable_global_guardrails": flag,
    "object_permission": mapping,
    "access_group_ids": names,
    "router_settings": mapping,
    "allowed_passthrough_routes": names,
    "denied_passthrough_routes": names,
    "default_estimated_output_tokens": count,
    "default_estimated_output_tokens_per_model": of(count),
    "mcp_rpm_limit": of(count),
    "organization_id": text,
}
KEY_FIELDS: Mapping[str, Parse] = {
    **_LIMITED_FIELDS,
    "key_alias": text,
    "duration": lifetime,
    "key_type": choice(*KEY_TYPES),
    "user_id": text,
    "team_id": text,
    "project_id": text,
    "agent_id": text,
    "aliases": of(text),
    "config": mapping,
    "permissions": mapping,
    "allowed_routes": names,
    "allowed_cache_controls": names,
    "enforced_params": names,
    "end_user_budget_id": text,
    "throttle_on_budget_exceeded": flag,
    "tag_rpm_limit": of(count),
    "rpm_limit_type": _LIMIT_TYPES,
    "tpm_limit_type": _LIMIT_TYPES,
    "auto_rotate": flag,
    "rotation_interval": duration,
    "send_invite_email": flag,
    "enable_prompt_caching": flag,
    "spend": money,
}
TEAM_FIELDS: Mapping[str, Parse] = {
    **{name: parse for name, parse in _LIMITED_FIELDS.items() if name not in ("budget_id", "budget_fallbacks")},
    "team_alias": text,
    "team_id": text,
    "members_with_roles": many(member),
    "model_aliases": of(text),
    "team_member_budget": money,
    "team_member_budget_duration": duration,
    "team_member_rpm_limit": count,
    "team_member_tpm_limit": count,
    "team_member_key_duration": duration,
    "team_member_permissions": names,
    "default_team_member_models": names,
    "secret_manager_settings": mapping,
}
USER_FIELDS: Mapping[str, Parse] = {
    **KEY_FIELDS,
    "user_email": text,
    "user_alias": text,
    "user_role": choice(*ROLES),
    "teams": names,
    "organizations": names,
    "sso_user_id": text,
    "password": text,
    "auto_create_key": flag,
}


# What has an order: more of it is more.
_BOUNDED = frozenset(
    "max_budget soft_budget budget_duration duration tpm_limit rpm_limit tpd_limit max_parallel_requests".split()
)


def key_fields(value: Any) -> dict[str, Any]:
    """`default_key_generate_params`: fields of keys."""
    return _some_fields(value, KEY_FIELDS)


def upper_bounds(value: Any) -> dict[str, Any]:
    """`upperbound_key_generate_params`: fields of keys that have an order."""
    return _some_fields(value, {name: parse for name, parse in KEY_FIELDS.items() if name in _BOUNDED})


def _some_fields(value: Any, table: Mapping[str, Parse]) -> dict[str, Any]:
    given = mapping(value)
    for name in given:
        if name not in table:
            raise ValidationError({name: [f"must be one of {', '.join(sorted(table))}"]})
    return {name: at(name, table[name], item) for name, item in given.items() if item is not None}


def build_schema(name: str, table: Mapping[str, Parse], required: tuple[str, ...] = ()) -> type[Schema]:
    """A schema of fields; other names are left out."""
    declared: dict[str, Any] = {field: Parsed(parse, required=field in required) for field, parse in table.items()}
    return _Known.from_dict(declared, name=name)


class _Known(Schema):
    class Meta:
        unknown = EXCLUDE


def _without(table: Mapping[str, Parse], *names: str) -> dict[str, Parse]:
    return {name: parse for name, parse in table.items() if name not in names}


# Sections of the configuration file: {section: (fields, those that must be there)}. What belongs to the moment of a
# request, such as the `duration` of a new key, has no meaning there.
_OF_REQUESTS = ("duration", "spend", "auto_rotate", "rotation_interval", "send_invite_email")
FILE_SECTIONS: Mapping[str, tuple[Mapping[str, Parse], tuple[str, ...]]] = {
    "keys": (
        {
            **_without(KEY_FIELDS, *_OF_REQUESTS),
            "key": key_value,
            "token": key_hash,
            "hash": key_hash,
            "expires": instant,
        },
        (),
    ),
    "teams": (TEAM_FIELDS, ("team_id",)),
    "users": (
        {
            **_LIMITED_FIELDS,
            "user_id": text,
            "user_email": text,
            "user_alias": text,
            "user_role": choice(*ROLES),
            "teams": names,
        },
        ("user_id",),
    ),
    "budgets": ({**BUDGET_FIELDS, "budget_id": text}, ("budget_id",)),
}
