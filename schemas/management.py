"""Bodies and queries of the management API, route by route: fields with their parsers, and those that must be there."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError

from schemas.account_fields import (
    Parse,
    choice,
    count,
    duration,
    flag,
    many,
    member,
    model_budget,
    moment,
    money,
    names,
    of,
    text,
)
from schemas.accounts import KEY_FIELDS, TEAM_FIELDS, USER_FIELDS, build_schema, key_reference, key_value
from schemas.fields import type_name
from schemas.kinds import wrong

MOST_BULK = 500


class Body(NamedTuple):
    """`table`: the fields; `required`: those that must be there. Others are named in `x-litellm-dropped-params`."""

    table: Mapping[str, Parse]
    required: tuple[str, ...] = ()

    def load(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raise ValidationError by the field's name."""
        loaded: dict[str, Any] = _schema(tuple(self.table.items()), self.required).load(given)
        return loaded


@lru_cache(maxsize=128)
def _schema(items: tuple[tuple[str, Parse], ...], required: tuple[str, ...]) -> Schema:
    return build_schema("Body", dict(items), required)()


def _items(body: Body) -> Parse:
    """A list of objects, each as the body says."""

    def parse(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise wrong("a list", value)
        if not value:
            raise ValidationError("must not be empty")
        if len(value) > MOST_BULK:
            raise ValidationError(f"must have at most {MOST_BULK} entries")
        found: list[dict[str, Any]] = many(_object(body))(value)
        return found

    return parse


def _object(body: Body) -> Parse:
    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong("an object", value)
        return body.load(value)

    return parse


def _filled(value: Any) -> list[str]:
    found = names(value)
    if not found:
        raise ValidationError("must not be empty")
    return found


def _keys(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong("a list of keys", type_name(value))
    if len(value) > MOST_BULK:
        raise ValidationError(f"must have at most {MOST_BULK} entries")
    return list(dict.fromkeys(many(key_reference)(value)))


def _one_or_many_members(value: Any) -> Any:
    if isinstance(value, list):
        if not value:
            raise ValidationError("must not be empty")
        return many(member)(value)
    return member(value)


_CHANGED_KEY: Mapping[str, Parse] = {
    **KEY_FIELDS,
    "key": key_reference,
    "temp_budget_increase": money,
    "temp_budget_expiry": moment,
}
_TEAM: Mapping[str, Parse] = {**TEAM_FIELDS, "admins": names, "members": names}
_OWN_BUDGET: Mapping[str, Parse] = {
    "max_budget_in_team": money,
    "budget_duration": duration,
    "tpm_limit": count,
    "rpm_limit": count,
    "allowed_models": names,
}
_MEMBER_NAME: Mapping[str, Parse] = {"team_id": text, "user_id": text, "user_email": text}
_CHANGED_USER = {name: parse for name, parse in USER_FIELDS.items() if name != "auto_create_key"}

GENERATE_KEY = Body({**KEY_FIELDS, "key": key_value})
UPDATE_KEY = Body(_CHANGED_KEY, ("key",))
DELETE_KEYS = Body({"keys": _keys, "key_aliases": names})
BLOCK_KEY = Body({"key": key_reference}, ("key",))
REGENERATE_KEY = Body({**_CHANGED_KEY, "new_key": key_value, "new_master_key": text, "grace_period": duration})
RESET_SPEND = Body({"reset_to": money}, ("reset_to",))
BULK_KEYS = Body({"keys": _items(UPDATE_KEY)}, ("keys",))
TEAM_KEYS = Body(
    {
        "team_id": text,
        "key_ids": _keys,
        "all_keys_in_team": flag,
        "update_fields": _object(Body({name: parse for name, parse in _CHANGED_KEY.items() if name != "key"})),
    },
    ("team_id", "update_fields"),
)
KEYS_INFO = Body({"keys": _keys}, ("keys",))

NEW_TEAM = Body(_TEAM)
UPDATE_TEAM = Body(TEAM_FIELDS, ("team_id",))
PATCH_TEAM = Body({name: parse for name, parse in TEAM_FIELDS.items() if name != "team_id"})
ONE_TEAM = Body({"team_id": text}, ("team_id",))
DELETE_TEAMS = Body({"team_ids": _filled}, ("team_ids",))
TEAM_MODELS = Body({"team_id": text, "models": _filled}, ("team_id", "models"))
ADD_MEMBER = Body({"team_id": text, "member": _one_or_many_members, **_OWN_BUDGET}, ("team_id", "member"))
ADD_MEMBERS = Body({"team_id": text, "members": many(member), **_OWN_BUDGET}, ("team_id", "members"))
UPDATE_MEMBER = Body(
    {
        **_MEMBER_NAME,
        **_OWN_BUDGET,
        "role": choice("admin", "user"),
        "temp_budget_increase": money,
        "temp_budget_expiry": moment,
        "model_max_budget": of(model_budget),
    },
    ("team_id",),
)
DELETE_MEMBER = Body(_MEMBER_NAME, ("team_id",))
TEAM_PERMISSIONS = Body({"team_id": text, "team_member_permissions": names}, ("team_id", "team_member_permissions"))

NEW_USER = Body(USER_FIELDS)
UPDATE_USER = Body(_CHANGED_USER)
BULK_USERS = Body({"users": _items(UPDATE_USER), "all_users": flag, "user_updates": _object(UPDATE_USER)})
DELETE_USERS = Body({"user_ids": _filled}, ("user_ids",))


def number(least: int, most: int) -> Parse:
    """Of a query."""

    def parse(value: Any) -> int:
        if not isinstance(value, str) or not value.isascii() or not value.isdecimal() or len(value) > 9:
            raise ValidationError(f"must be a whole number from {least} to {most}")
        if not least <= int(value) <= most:
            raise ValidationError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def switch(value: Any) -> bool:
    """true or false in a query."""
    found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if found is None:
        raise ValidationError("must be true or false")
    return found


class Query(NamedTuple):
    """`table`: the parsers; `defaults`: the values of what is left out (null, if not named)."""

    table: Mapping[str, Parse]
    defaults: Mapping[str, Any] = {}

    def load(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Raise ValidationError by the parameter's name. Empty values count as left out."""
        found: dict[str, Any] = {name: self.defaults.get(name) for name in self.table}
        for name, parse in self.table.items():
            if given.get(name):
                try:
                    found[name] = parse(given[name])
                except ValidationError as error:
                    raise ValidationError({name: error.messages}) from None
        return found


_ORDER = choice("asc", "desc")
_MOST_PAGES = 10_000_000
ONE_KEY = Query({"key": key_reference})
LIST_KEYS = Query(
    {
        "page": number(1, _MOST_PAGES),
        "size": number(1, 100),
        **dict.fromkeys(
            ("user_id", "team_id", "organization_id", "key_hash", "key_alias", "search", "sort_by", "project_id"), text
        ),
        "return_full_object": switch,
        "include_team_keys": switch,
        "include_created_by_keys": switch,
        "substring_matching": switch,
        "sort_order": _ORDER,
    },
    {
        "page": 1,
        "size": 10,
        "sort_order": "desc",
        "return_full_object": False,
        "include_team_keys": False,
        "include_created_by_keys": False,
        "substring_matching": False,
    },
)
LIST_ALIASES = Query(
    {"page": number(1, _MOST_PAGES), "size": number(1, 100), "search": text, "team_id": text}, {"page": 1, "size": 50}
)
ONE_TEAM_QUERY = Query({"team_id": text})
LIST_TEAMS = Query({"user_id": text, "organization_id": text})
PAGE_TEAMS = Query(
    {
        **dict.fromkeys(("user_id", "organization_id", "team_id", "team_alias", "search", "sort_by"), text),
        "page": number(1, _MOST_PAGES),
        "page_size": number(1, 100),
        "sort_order": _ORDER,
    },
    {"page": 1, "page_size": 10, "sort_order": "asc"},
)
ONE_USER = Query({"user_id": text})
PAGE_USERS = Query(
    {
        **dict.fromkeys(("role", "user_ids", "sso_user_ids", "user_email", "search", "team", "sort_by"), text),
        "page": number(1, _MOST_PAGES),
        "page_size": number(1, 100),
        "sort_order": _ORDER,
    },
    {"page": 1, "page_size": 25, "sort_order": "asc"},
)
