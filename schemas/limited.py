"""Bodies and queries of /budget/*, /customer/*, /tag/* and /organization/*; names are LiteLLM's."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from schemas.account_fields import Parse, choice, flag, many, mapping, member, names, text
from schemas.accounts import BUDGET_FIELDS
from schemas.management import Body, Query


def _filled(value: Any) -> list[str]:
    found = names(value)
    if not found:
        raise ValidationError("must not be empty")
    return found


def _members(value: Any) -> Any:
    return many(_member)(value) if isinstance(value, list) else [_member(value)]


def _member(value: Any) -> Any:
    """A member of an organization: LiteLLM's roles are those of the organization."""
    role = value.get("role") if isinstance(value, Mapping) else None
    named = member({**value, "role": "user"}) if isinstance(value, Mapping) else member(value)
    return {**named, "role": _ROLE(role or "internal_user")}


_ROLE = choice("org_admin", "internal_user", "internal_user_viewer", "user", "admin")
_LIMITED: Mapping[str, Parse] = {**BUDGET_FIELDS, "budget_id": text, "models": names, "metadata": mapping}
_CUSTOMER: Mapping[str, Parse] = {
    **_LIMITED,
    "user_id": text,
    "alias": text,
    "blocked": flag,
    "allowed_model_region": choice("eu", "us"),
    "default_model": text,
}
_TAG: Mapping[str, Parse] = {**_LIMITED, "name": text, "description": text}
_ORGANIZATION: Mapping[str, Parse] = {
    **_LIMITED,
    "organization_id": text,
    "organization_alias": text,
    "blocked": flag,
    "object_permission": mapping,
}
_IDS: Mapping[str, Parse] = {"user_ids": _filled}

NEW_BUDGET = Body({**BUDGET_FIELDS, "budget_id": text})
UPDATE_BUDGET = Body({**BUDGET_FIELDS, "budget_id": text}, ("budget_id",))
BUDGETS_INFO = Body({"budgets": _filled}, ("budgets",))
DELETE_BUDGET = Body({"id": text}, ("id",))

NEW_CUSTOMER = Body(_CUSTOMER, ("user_id",))
UPDATE_CUSTOMER = Body(_CUSTOMER, ("user_id",))
CUSTOMERS = Body(_IDS, ("user_ids",))
ONE_CUSTOMER = Query({"end_user_id": text})

NEW_TAG = Body(_TAG, ("name",))
UPDATE_TAG = Body(_TAG, ("name",))
TAGS_INFO = Body({"names": _filled}, ("names",))
DELETE_TAG = Body({"name": text}, ("name",))

NEW_ORGANIZATION = Body(_ORGANIZATION, ("organization_alias",))
UPDATE_ORGANIZATION = Body(_ORGANIZATION, ("organization_id",))
DELETE_ORGANIZATIONS = Body({"organization_ids": _filled}, ("organization_ids",))
ONE_ORGANIZATION = Query({"organization_id": text})
ORGANIZATION_MEMBERS = Body({"organization_id": text, "member": _members}, ("organization_id", "member"))
ORGANIZATION_MEMBER = Body(
    {"organization_id": text, "user_id": text, "user_email": text, "role": _ROLE}, ("organization_id",)
)
