"""Ways to more rights than a key has, after advisories about LiteLLM: each is closed, under the name of its class."""

from typing import Any

import pytest

from tests.accounts.gateways import MASTER, Admin, bearer, chat
from tests.accounts.test_key_routes import digest


@pytest.mark.parametrize(
    "routes",
    [["/*"], ["*"], ["/user/new", "/user/update"], ["management_routes"], ["llm_api_routes", "management_routes"]],
)
def test_cve_2026_47101_allowed_routes_give_no_rights(admin: Admin, routes: list[str]) -> None:
    """A user made a key with wide `allowed_routes`, and the routes were served without a look at its role."""
    user = admin.being(admin.user_key("u"))
    wide = admin.being(user.post("/key/generate", allowed_routes=routes)["key"])
    for path, body in (
        ("/user/new", {"user_role": "proxy_admin"}),
        ("/user/update", {"user_id": "u", "user_role": "proxy_admin"}),
        ("/team/new", {}),
        ("/user/delete", {"user_ids": ["u"]}),
    ):
        assert wide.send("POST", path, body).status_code == 403
    assert wide.send("GET", "/router/state").status_code == 403
    # Nor does a change of the key do it, nor the key's way out of its user.
    own = user.post("/key/generate")["key"]
    for fields in (
        {"user_id": None, "allowed_routes": ["management_routes"]},
        {"user_id": ""},
        {"user_id": "default_user_id"},
    ):
        assert user.send("POST", "/key/update", {"key": own, **fields}).status_code in (400, 403)


@pytest.mark.parametrize(
    "fields",
    [{"user_role": "proxy_admin"}, {"user_role": "proxy_admin_viewer"}, {"max_budget": 10**6}, {"max_budget": None},
     {"models": []}, {"teams": ["t"]}, {"budget_id": "b"}, {"spend": 0}, {"user_email": "boss@example.com"},
     {"metadata": {"role": "proxy_admin"}}, {"permissions": {"get_spend_routes": True}}, {"rpm_limit": 10**6}],
)  # fmt: skip
def test_cve_2026_47102_users_do_not_change_their_own_rights(admin: Admin, fields: dict[str, Any]) -> None:
    """A user sent `/user/update` for itself with a role, or with a larger budget."""
    user = admin.being(admin.user_key("u", max_budget=1))
    before = admin.get("/v2/user/info?user_id=u")
    refused = user.send("POST", "/user/update", {"user_id": "u", **fields})
    assert refused.status_code == 403 and refused.json["error"]["param"] in fields
    assert admin.get("/v2/user/info?user_id=u") == before
    # Named by its address, or among others.
    assert user.send("POST", "/user/bulk_update", {"users": [{"user_id": "u", **fields}]}).status_code == 403
    assert user.send("POST", "/user/new", {"user_id": "v", **fields}).status_code == 403


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer", "proxy_admin_viewer"])
def test_cve_2026_35029_configuration_is_not_a_users(admin: Admin, role: str) -> None:
    """Users reached routes of the operator's configuration that only looked for a valid key."""
    user = admin.being(admin.user_key("u", role))
    for method, path in (
        ("POST", "/config/update"), ("POST", "/model/new"), ("POST", "/model/delete"), ("POST", "/credentials"),
        ("POST", "/cache/flushall"), ("POST", "/router/explain"), ("POST", "/v1/config/update"),
    ):  # fmt: skip
        assert user.send(method, path, {}).status_code in (403, 404, 405)


NOT_NUMBERS = ["NaN", "Infinity", "-Infinity", "-1", "1e400", "1" + "0" * 400, '"NaN"', '"inf"', '"-1"', "true", "[]", "{}",
               '"1e999"', "1" + "0" * 5000, "-0.000001", '"0x10"', '""']  # fmt: skip


@pytest.mark.parametrize("number", NOT_NUMBERS)
@pytest.mark.parametrize("field", ["max_budget", "soft_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"])
def test_ghsa_2rv4_xv66_fpjg_budget_is_a_number(admin: Admin, field: str, number: str) -> None:
    """NaN as a budget switched the budget off: no spend is more than it."""
    body = f'{{"{field}": {number}}}'
    for path in ("/key/generate", "/team/new", "/user/new"):
        response = admin.client.post(path, data=body, headers={**bearer(MASTER), "Content-Type": "application/json"})
        assert (response.status_code, response.json["error"]["param"]) == (400, field), response.text
    assert admin.get("/key/list")["total_count"] == 0


def test_keys_of_others_are_not_taken_over(admin: Admin) -> None:
    user = admin.being(admin.user_key("u"))
    other = admin.user_key("other")
    for path, body in (
        ("/key/update", {"key": digest(other), "user_id": "u"}),
        (f"/key/{digest(other)}/regenerate", {"new_key": "sk-mine-from-now-on-0"}),
        ("/key/regenerate", {"key": other}),
        ("/key/generate", {"key": other}),
        ("/key/delete", {"keys": [other]}),
    ):
        assert user.send("POST", path, body).status_code in (400, 403)
    assert chat(admin.client, other).status_code == 200


def test_admin_of_one_team_has_no_rights_in_another(admin: Admin) -> None:
    lead = admin.being(admin.user_key("lead"))
    admin.post("/team/new", team_id="mine", members_with_roles=[{"user_id": "lead", "role": "admin"}])
    admin.post("/team/new", team_id="theirs")
    key = admin.post("/key/generate", team_id="theirs")["key"]
    mine = lead.post("/key/generate", team_id="mine")["key"]
    for path, body in (
        ("/key/update", {"key": key, "team_id": "mine"}),
        ("/key/update", {"key": mine, "team_id": "theirs"}),
        ("/team/member_add", {"team_id": "theirs", "member": {"user_id": "lead", "role": "admin"}}),
        ("/team/key/bulk_update", {"team_id": "mine", "key_ids": [key], "update_fields": {"max_budget": 1}}),
        ("/team/update", {"team_id": "mine", "organization_id": "o"}),
        ("/team/update", {"team_id": "mine", "models": ["*"], "max_budget": None}),
    ):
        assert lead.send("POST", path, body).status_code in (403, 404)


def test_blocked_key_does_not_unblock_itself(admin: Admin) -> None:
    key = admin.user_key("u")
    admin.post("/key/block", key=key)
    own = admin.being(key)
    for path, body in (
        ("/key/unblock", {"key": key}),
        ("/key/update", {"key": key, "blocked": False}),
        ("/key/generate", {}),
    ):
        assert own.send("POST", path, body).status_code == 401
    assert own.send("GET", "/key/info").status_code == 401


def test_hash_is_no_key(admin: Admin) -> None:
    key = admin.user_key("u")
    for shown in (digest(key), digest(digest(key)), f"sk-{digest(key)}", digest(MASTER)):
        assert chat(admin.client, shown).status_code == 401


def test_unknown_field_opens_nothing(admin: Admin) -> None:
    user = admin.being(admin.user_key("u"))
    made = user.post(
        "/key/generate", user_role="proxy_admin", role="proxy_admin", is_admin=True, created_by="x", token="0" * 64
    )
    assert made["created_by"] == "u" and made["token"] == digest(made["key"])
    assert admin.being(made["key"]).send("GET", "/user/list").status_code == 403


def test_key_is_in_no_log(admin: Admin, capfd: pytest.CaptureFixture[str]) -> None:
    key = admin.user_key("u")
    chat(admin.client, key)
    admin.being(key).send("POST", f"/key/{key}/reset_spend", {"reset_to": 0})
    admin.send("POST", "/key/update", {"key": "sk-not-there-at-all", "max_budget": 1})
    admin.send("GET", f"/key/info?key={key}x")
    out = capfd.readouterr()
    assert key not in out.out + out.err and "sk-not-there-at-all" not in out.out + out.err
