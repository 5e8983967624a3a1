"""Malformed management requests: each is a 4xx that names the field, and none changes anything."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.accounts.gateways import MASTER, Admin, bearer, build

LONG = "x" * 1001
DEEP: Any = {}
for _ in range(30):
    DEEP = {"a": DEEP}

# (route, body, the field that the error names)
KEY_FIELDS: list[tuple[str, Any]] = [
    ("key", "short"),
    ("key", "no-sk-prefix-at-all"),
    ("key", "sk-with a space in it"),
    ("key", 5),
    ("key", "sk-" + "x" * 300),
    ("key", "sk-ümlaut-in-the-key"),
    ("key_alias", ""),
    ("key_alias", "  "),
    ("key_alias", LONG),
    ("key_alias", ["a"]),
    ("key_alias", "a\nb"),
    ("key_alias", "a\x00b"),
    ("key_alias", 5),
    ("duration", "soon"),
    ("duration", "0s"),
    ("duration", 30),
    ("duration", "-5d"),
    ("duration", "1.5h"),
    ("duration", "99999999999d"),
    ("duration", "1y"),
    ("duration", "101y"),
    ("duration", "36501d"),
    ("duration", True),
    ("budget_duration", "-1"),
    ("budget_duration", "0d"),
    ("budget_duration", ""),
    ("budget_duration", {"d": 1}),
    ("key_type", "admin"),
    ("key_type", 1),
    ("models", "gpt-4o"),
    ("models", {"a": 1}),
    ("models", [1]),
    ("models", [""]),
    ("models", [LONG]),
    ("models", [None]),
    ("models", ["m"] * 10_001),
    ("aliases", ["a"]),
    ("aliases", {"a": 1}),
    ("aliases", {"a": ["b"]}),
    ("metadata", "x"),
    ("metadata", [1]),
    ("metadata", DEEP),
    ("metadata", {"a": "\x00"}),
    ("metadata", {"a": [0] * 20_001}),
    ("tags", "a"),
    ("tags", [{"a": 1}]),
    ("blocked", "yes"),
    ("blocked", 1),
    ("blocked", "true"),
    ("max_budget", "much"),
    ("max_budget", -0.01),
    ("max_budget", 1e10),
    ("max_budget", [1]),
    ("max_budget", True),
    ("soft_budget", -1),
    ("soft_budget", "x"),
    ("rpm_limit", 1.5),
    ("rpm_limit", -1),
    ("rpm_limit", 10**16),
    ("rpm_limit", "many"),
    ("tpm_limit", {}),
    ("tpd_limit", False),
    ("max_parallel_requests", "1.1"),
    ("model_rpm_limit", 5),
    ("model_rpm_limit", {"m": -1}),
    ("model_rpm_limit", {"m": "x"}),
    ("model_tpm_limit", ["m"]),
    ("tag_rpm_limit", {"t": 1.5}),
    ("model_max_budget", {"m": -1}),
    ("model_max_budget", {"m": {}}),
    ("model_max_budget", {"m": {"budget_limit": 1, "time_period": "x"}}),
    ("model_max_budget", [1]),
    ("budget_limits", {}),
    ("budget_limits", [{}]),
    ("budget_limits", [{"max_budget": 1}]),
    ("budget_limits", [{"budget_duration": "1d", "max_budget": -1}]),
    ("budget_limits", [5]),
    ("budget_fallbacks", {"m": "n"}),
    ("budget_fallbacks", ["m"]),
    ("allowed_routes", "/chat"),
    ("allowed_routes", [5]),
    ("permissions", []),
    ("config", 1),
    ("guardrails", "g"),
    ("guardrails", [1]),
    ("user_id", ""),
    ("user_id", 5),
    ("user_id", LONG),
    ("team_id", 1),
    ("organization_id", ["o"]),
    ("budget_id", 7),
    ("rpm_limit_type", "strict"),
    ("auto_rotate", "daily"),
    ("rotation_interval", "often"),
    ("throttle_on_budget_exceeded", 1),
    ("enforced_params", "user"),
    ("router_settings", []),
    ("object_permission", "x"),
    ("end_user_budget_id", {}),
    ("spend", -1),
    ("spend", "x"),
]
OTHERS: list[tuple[str, Any, str]] = [
    ("/key/update", {}, "key"),
    ("/key/update", {"key": None}, "key"),
    ("/key/update", {"key": ["a"]}, "key"),
    ("/key/update", {"key": "sk-none-none-none", "max_budget": -1}, "max_budget"),
    ("/key/update", {"key": ""}, "key"),
    ("/key/update", {"key": "{key}", "temp_budget_expiry": "soon"}, "temp_budget_expiry"),
    ("/key/update", {"key": "{key}", "temp_budget_increase": -1}, "temp_budget_increase"),
    ("/key/update", {"key": "{key}", "team_id": "none"}, "team_id"),
    ("/key/update", {"key": "{key}", "budget_id": "n"}, "budget_id"),
    ("/key/update", {"key": "{key}", "organization_id": "n"}, "organization_id"),
    ("/key/delete", {}, "keys"),
    ("/key/delete", {"keys": []}, "keys"),
    ("/key/delete", {"keys": "{key}"}, "keys"),
    ("/key/delete", {"keys": [1]}, "keys[0]"),
    ("/key/delete", {"keys": ["{key}", None]}, "keys[1]"),
    ("/key/delete", {"keys": ["sk-none-none-none"]}, "key"),
    ("/key/delete", {"key_aliases": ["none"]}, "key_aliases"),
    ("/key/delete", {"keys": ["a"] * 501}, "keys"),
    ("/key/block", {}, "key"),
    ("/key/block", {"key": 5}, "key"),
    ("/key/block", {"key": "sk-none-none-none"}, "key"),
    ("/key/unblock", {"key": []}, "key"),
    ("/key/regenerate", {"key": "{key}", "grace_period": "x"}, "grace_period"),
    ("/key/regenerate", {}, "key"),
    ("/key/regenerate", {"key": "{key}", "new_key": "short"}, "new_key"),
    ("/key/regenerate", {"key": "{key}", "new_key": "{key}"}, "new_key"),
    ("/key/sk-none-none-none/regenerate", {}, "key"),
    ("/key/{key}/reset_spend", {}, "reset_to"),
    ("/key/{key}/reset_spend", {"reset_to": -1}, "reset_to"),
    ("/key/{key}/reset_spend", {"reset_to": "x"}, "reset_to"),
    ("/key/{key}/reset_spend", {"reset_to": 5}, "reset_to"),
    ("/key/bulk_update", {}, "keys"),
    ("/key/bulk_update", {"keys": []}, "keys"),
    ("/key/bulk_update", {"keys": [{}]}, "keys[0].key"),
    ("/key/bulk_update", {"keys": [{"key": "{key}", "max_budget": -1}]}, "keys[0].max_budget"),
    ("/key/bulk_update", {"keys": ["{key}"]}, "keys[0]"),
    ("/v2/key/info", {}, "keys"),
    ("/v2/key/info", {"keys": "x"}, "keys"),
    ("/key/service-account/generate", {}, "team_id"),
    ("/key/service-account/generate", {"team_id": "none"}, "team_id"),
    ("/key/generate", {"team_id": "none"}, "team_id"),
    ("/key/generate", {"budget_id": "none"}, "budget_id"),
    ("/key/generate", {"organization_id": "none"}, "organization_id"),
    ("/team/key/bulk_update", {"team_id": "t"}, "update_fields"),
    ("/team/key/bulk_update", {"team_id": "t", "update_fields": {"rpm_limit": -1}}, "update_fields.rpm_limit"),
    ("/team/new", {"team_id": "t"}, "team_id"),
    ("/team/new", {"models": "x"}, "models"),
    ("/team/new", {"max_budget": "x"}, "max_budget"),
    ("/team/new", {"members_with_roles": [{}]}, "members_with_roles[0].user_id"),
    ("/team/new", {"members_with_roles": [{"user_id": "a", "role": "king"}]}, "members_with_roles[0].role"),
    ("/team/new", {"members_with_roles": {}}, "members_with_roles"),
    ("/team/new", {"organization_id": "none"}, "organization_id"),
    ("/team/new", {"team_member_budget": -1}, "team_member_budget"),
    ("/team/new", {"model_aliases": {"a": 1}}, "model_aliases.a"),
    ("/team/update", {}, "team_id"),
    ("/team/update", {"team_id": "none"}, "team_id"),
    ("/team/update", {"team_id": 1}, "team_id"),
    ("/team/update", {"team_id": "t", "tpm_limit": "x"}, "tpm_limit"),
    ("/team/delete", {}, "team_ids"),
    ("/team/delete", {"team_ids": []}, "team_ids"),
    ("/team/delete", {"team_ids": "t"}, "team_ids"),
    ("/team/delete", {"team_ids": ["none"]}, "team_id"),
    ("/team/block", {}, "team_id"),
    ("/team/block", {"team_id": "none"}, "team_id"),
    ("/team/member_add", {"team_id": "t"}, "member"),
    ("/team/member_add", {"member": {"user_id": "a"}}, "team_id"),
    ("/team/member_add", {"team_id": "t", "member": []}, "member"),
    ("/team/member_add", {"team_id": "t", "member": {}}, "member.user_id"),
    ("/team/member_add", {"team_id": "t", "member": {"user_id": "a"}, "max_budget_in_team": -1}, "max_budget_in_team"),
    ("/team/member_add", {"team_id": "t", "member": "a"}, "member"),
    ("/team/member_update", {"team_id": "t"}, "user_id"),
    ("/team/member_update", {"team_id": "t", "user_id": "none"}, "user_id"),
    ("/team/member_update", {"team_id": "t", "user_id": "m", "role": "king"}, "role"),
    ("/team/member_update", {"team_id": "t", "user_id": "m", "rpm_limit": -1}, "rpm_limit"),
    ("/team/member_delete", {"team_id": "t"}, "user_id"),
    ("/team/member_delete", {"team_id": "t", "user_id": "none"}, "user_id"),
    ("/team/model/add", {"team_id": "t"}, "models"),
    ("/team/model/add", {"team_id": "t", "models": []}, "models"),
    ("/team/permissions_update", {"team_id": "t", "team_member_permissions": ["/user/new"]}, "team_member_permissions"),
    ("/user/new", {"user_role": "king"}, "user_role"),
    ("/user/new", {"user_id": "u"}, "user_id"),
    ("/user/new", {"user_email": 5}, "user_email"),
    ("/user/new", {"teams": "t"}, "teams"),
    ("/user/new", {"teams": ["none"]}, "team_id"),
    ("/user/new", {"auto_create_key": "no"}, "auto_create_key"),
    ("/user/new", {"max_budget": -1}, "max_budget"),
    ("/user/update", {}, "user_id"),
    ("/user/update", {"user_id": "none"}, "user_id"),
    ("/user/update", {"user_id": "u", "max_budget": "x"}, "max_budget"),
    ("/user/update", {"user_id": "u", "user_role": ""}, "user_role"),
    ("/user/bulk_update", {"users": []}, "users"),
    ("/user/bulk_update", {"users": [{"max_budget": -1}]}, "users[0].max_budget"),
    ("/user/bulk_update", {"all_users": True, "user_updates": {"max_budget": -1}}, "user_updates.max_budget"),
    ("/user/delete", {}, "user_ids"),
    ("/user/delete", {"user_ids": [5]}, "user_ids[0]"),
    ("/user/delete", {"user_ids": ["none"]}, "user_ids"),
]
CASES = [("/key/generate", {field: value}, field) for field, value in KEY_FIELDS] + OTHERS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Admin, str]]:
    """A gateway with a team, a member, a user and a key."""
    app = build(tmp_path_factory.mktemp("malformed"))
    admin = Admin(app.test_client())
    admin.post("/team/new", team_id="t", members_with_roles=[{"user_id": "m", "role": "user"}])
    admin.post("/user/new", user_id="u", auto_create_key=False)
    yield admin, admin.post("/key/generate", key_alias="one")["key"]
    app.extensions["patchbay"].close()


def fill(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value.replace("{key}", key)
    if isinstance(value, dict):
        return {name: fill(item, key) for name, item in value.items()} if len(value) < 10 else value
    return [fill(item, key) for item in value] if isinstance(value, list) and len(value) < 10 else value


def stored(admin: Admin) -> int:
    version: int = admin.client.application.extensions["patchbay"].storage.accounts().last_version()  # type: ignore[attr-defined]
    return version


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [pytest.param(*case, id=f"{case[0]}-{case[2]}-{number}") for number, case in enumerate(CASES)],
)
def test_request_is_refused_by_the_name_of_its_field(made: tuple[Admin, str], path: str, body: Any, field: str) -> None:
    admin, key = made
    before = stored(admin)
    response = admin.send("POST", fill(path, key), fill(body, key))
    assert 400 <= response.status_code < 500, response.text
    param = response.json["error"]["param"]
    assert param is not None and (param == field or param.startswith((f"{field}.", f"{field}["))), response.text
    assert stored(admin) == before
    assert len(response.text) < 1000 and key not in response.text


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 120


@pytest.mark.parametrize(
    ("raw", "status", "field"),
    [
        (b"", 400, "request_body"), (b"{", 400, "request_body"), (b"[]", 400, "request_body"), (b'"x"', 400, "request_body"),
        (b"null", 400, "request_body"), (b"\xff\xfe", 400, "request_body"), (b"{'key': 1}", 400, "request_body"),
        (b'{"max_budget": 1, "max_budget": 2}', 400, "max_budget"), (b'{"a":' * 200 + b"1" + b"}" * 200, 400, "request_body"),
        (b'{"max_budget": NaN}', 400, "max_budget"), (b'{"key": "x", "max_budget": NaN}', 400, "max_budget"),
    ],
)  # fmt: skip
def test_body_is_refused_when_it_is_no_object(made: tuple[Admin, str], raw: bytes, status: int, field: str) -> None:
    headers = {**bearer(MASTER), "Content-Type": "application/json"}
    response = made[0].client.post("/key/update", data=raw, headers=headers)
    assert (response.status_code, response.json["error"]["param"]) == (status, field), response.text


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "size=0", "size=101", "size=1e3", "sort_by=metadata",
                                   "sort_order=sideways", "return_full_object=maybe", "page=99999999999999999999",
                                   "include_team_keys=2", "substring_matching=x"])  # fmt: skip
def test_query_is_refused_by_the_name_of_its_parameter(made: tuple[Admin, str], query: str) -> None:
    response = made[0].send("GET", f"/key/list?{query}")
    assert (response.status_code, response.json["error"]["param"]) == (400, query.split("=", maxsplit=1)[0])


def test_text_of_a_search_is_no_pattern_and_no_statement(made: tuple[Admin, str]) -> None:
    admin = made[0]
    for text in ("%25", "_", "'; DROP TABLE keys; --", '" OR 1=1', "\\"):
        assert admin.get(f"/key/list?search={text}")["total_count"] == 0
    assert admin.get("/key/list?search=on")["total_count"] == 1
