"""Budgets, customers, tags and organizations: made, changed, shown and deleted, and their limits hold."""

from typing import Any

import pytest
from flask import Flask

from tests.accounts.gateways import MASTER, Admin, bearer, build, chat

TIMES = {"created_at": "2027-01-15T08:00:00Z", "updated_at": "2027-01-15T08:00:00Z"}


def test_a_budget_is_made_changed_listed_and_deleted(each_admin: Admin) -> None:
    made = each_admin.post("/budget/new", budget_id="b1", max_budget=5, budget_duration="1d", rpm_limit=3)
    assert made["budget_id"] == "b1" and made["max_budget"] == 5 and made["budget_reset_at"] == "2027-01-16T00:00:00Z"
    assert made | TIMES == made
    changed = each_admin.post("/budget/update", budget_id="b1", max_budget=7)
    assert (changed["max_budget"], changed["rpm_limit"]) == (7, 3)
    assert each_admin.post("/budget/info", budgets=["b1"]) == [changed]
    assert each_admin.get("/budget/list") == [changed]
    assert each_admin.send("POST", "/budget/new", {"budget_id": "b1"}).status_code == 400
    assert each_admin.post("/budget/delete", id="b1")["budget_id"] == "b1"
    assert each_admin.send("POST", "/budget/info", {"budgets": ["b1"]}).status_code == 404


def test_a_customer_is_made_blocked_and_deleted(each_admin: Admin) -> None:
    each_admin.post("/budget/new", budget_id="b1", max_budget=5)
    made = each_admin.post("/customer/new", user_id="c1", alias="Ann", budget_id="b1")
    assert (made["user_id"], made["alias"], made["blocked"], made["spend"]) == ("c1", "Ann", False, 0)
    assert each_admin.get("/customer/info?end_user_id=c1")["litellm_budget_table"]["max_budget"] == 5
    assert each_admin.post("/end_user/update", user_id="c1", max_budget=2)["max_budget"] == 2
    assert each_admin.post("/customer/block", user_ids=["c1"])["blocked_users"][0]["blocked"] is True
    assert chat(each_admin.client, MASTER, user="c1").status_code == 403
    assert chat(each_admin.client, MASTER, user="other").status_code == 200
    each_admin.post("/customer/unblock", user_ids=["c1"])
    assert chat(each_admin.client, MASTER, user="c1").status_code == 200
    assert [row["user_id"] for row in each_admin.get("/customer/list")] == ["c1"]
    assert each_admin.post("/customer/delete", user_ids=["c1"])["deleted_customers"] == 1
    assert each_admin.get("/customer/list") == []


def test_a_customers_models_and_limits_hold_for_every_key(each_admin: Admin) -> None:
    key = each_admin.post("/key/generate")["key"]
    each_admin.post("/customer/new", user_id="c1", models=["gpt-4o"], rpm_limit=2)
    refused = chat(each_admin.client, key, "claude", user="c1")
    assert (refused.status_code, refused.json["error"]["type"]) == (403, "customer_model_access_denied")  # type: ignore[index]
    codes = [chat(each_admin.client, caller, user="c1").status_code for caller in (key, MASTER, key)]
    assert codes == [200, 200, 429]
    assert chat(each_admin.client, key, user="c2").status_code == 200


def test_a_tags_budget_holds_for_calls_with_the_tag(each_admin: Admin) -> None:
    made = each_admin.post("/tag/new", name="blue", max_budget=0.0000001)
    assert made["message"] == "Tag blue created successfully" and made["tag"]["name"] == "blue"
    assert chat(each_admin.client, MASTER, metadata={"tags": ["blue"]}).status_code == 200
    assert chat(each_admin.client, MASTER, metadata={"tags": ["blue", "red"]}).status_code == 422
    assert chat(each_admin.client, MASTER, metadata={"tags": ["red"]}).status_code == 200
    each_admin.post("/tag/update", name="blue", max_budget=1)
    assert chat(each_admin.client, MASTER, tags=["blue"]).status_code == 200
    assert set(each_admin.post("/tag/info", names=["blue"])) == {"blue"}
    assert len(each_admin.get("/tag/list")) == 1
    each_admin.post("/tag/delete", name="blue")
    assert each_admin.get("/tag/list") == []


def test_an_organization_limits_its_keys_and_has_members(each_admin: Admin) -> None:
    made = each_admin.post("/organization/new", organization_alias="acme", rpm_limit=1)
    name = made["organization_id"]
    key = each_admin.post("/key/generate", organization_id=name)["key"]
    assert [chat(each_admin.client, key).status_code for _ in range(2)] == [200, 429]
    member = {"user_id": "u1", "role": "org_admin"}
    added = each_admin.post("/organization/member_add", organization_id=name, member=member)
    assert added["updated_organization_memberships"][0]["user_role"] == "org_admin"
    body = {"organization_id": name, "user_id": "u1", "role": "internal_user"}
    changed = each_admin.send("PATCH", "/organization/member_update", body)
    assert changed.json["updated_organization_memberships"][0]["user_role"] == "internal_user"  # type: ignore[index]
    assert each_admin.send("DELETE", "/organization/member_delete", body).status_code == 200
    body = {"organization_id": name, "rpm_limit": 100}
    assert each_admin.send("PATCH", "/organization/update", body).json["rpm_limit"] == 100  # type: ignore[index]
    assert each_admin.get(f"/organization/info?organization_id={name}")["organization_alias"] == "acme"
    assert len(each_admin.get("/organization/list")) == 1
    deleted = each_admin.send("DELETE", "/organization/delete", {"organization_ids": [name]})
    assert deleted.json[0]["organization_id"] == name  # type: ignore[index]


def test_unknown_end_users_get_the_default_budget(tmp_path: Any) -> None:
    sections = {
        "litellm_settings": {"max_end_user_budget_id": "each"},
        "budgets": [{"budget_id": "each", "rpm_limit": 1}],
    }
    client = build(tmp_path, **sections).test_client()
    Admin(client).post("/tag/new", name="anything")
    assert [chat(client, MASTER, user=user).status_code for user in ("a", "b", "a", "b")] == [200, 200, 429, 429]


BODIES = {
    "/budget/new": {"budget_id": "b9"},
    "/budget/update": {"budget_id": "b9"},
    "/budget/delete": {"id": "b9"},
    "/customer/new": {"user_id": "c9"},
    "/customer/update": {"user_id": "c9"},
    "/customer/block": {"user_ids": ["c9"]},
    "/customer/delete": {"user_ids": ["c9"]},
    "/tag/new": {"name": "t9"},
    "/tag/update": {"name": "t9"},
    "/tag/delete": {"name": "t9"},
    "/organization/new": {"organization_alias": "o9"},
    "/organization/member_add": {"organization_id": "o9", "member": {"user_id": "u", "role": "org_admin"}},
}


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer", "proxy_admin_viewer"])
@pytest.mark.parametrize("path", list(BODIES))
def test_only_administrators_change_them(admin: Admin, role: str, path: str) -> None:
    key = admin.user_key("somebody", role)
    answer = admin.client.post(path, json=BODIES[path], headers=bearer(key))
    assert answer.status_code in (401, 403)
    assert admin.get("/budget/list") == admin.get("/customer/list") == admin.get("/tag/list") == []


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/budget/new", {"max_budget": -1}, "max_budget"),
        ("/budget/new", {"max_budget": float("nan")}, "max_budget"),
        ("/budget/new", {"budget_duration": "soon"}, "budget_duration"),
        ("/budget/new", {"rpm_limit": 1.5}, "rpm_limit"),
        ("/budget/update", {"max_budget": 1}, "budget_id"),
        ("/budget/info", {"budgets": []}, "budgets"),
        ("/budget/info", {"budgets": "b1"}, "budgets"),
        ("/budget/delete", {}, "id"),
        ("/customer/new", {}, "user_id"),
        ("/customer/new", {"user_id": 7.5}, "user_id"),
        ("/customer/new", {"user_id": "c", "budget_id": "nothing"}, "budget_id"),
        ("/customer/new", {"user_id": "c", "blocked": "maybe"}, "blocked"),
        ("/customer/new", {"user_id": "c", "max_budget": float("inf")}, "max_budget"),
        ("/customer/block", {"user_ids": []}, "user_ids"),
        ("/tag/new", {"name": ""}, "name"),
        ("/tag/new", {"name": "t", "models": "m"}, "models"),
        ("/organization/new", {}, "organization_alias"),
        ("/organization/member_add", {"organization_id": "o"}, "member"),
        ("/organization/member_add", {"organization_id": "o", "member": "u"}, "member"),
    ],
)
def test_wrong_fields_are_named_and_change_nothing(admin: Admin, path: str, body: Any, param: str) -> None:
    answer = admin.send("POST", path, body)
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]["param"].split(".")[0].split("[")[0] == param  # type: ignore[index]
    assert admin.get("/budget/list") == admin.get("/customer/list") == admin.get("/tag/list") == []


def test_what_there_is_not_is_404(admin: Admin) -> None:
    for path, body in (
        ("/budget/update", {"budget_id": "b"}),
        ("/customer/update", {"user_id": "c"}),
        ("/customer/block", {"user_ids": ["c"]}),
        ("/tag/delete", {"name": "t"}),
    ):
        assert admin.send("POST", path, body).status_code == 404
    assert admin.send("GET", "/customer/info?end_user_id=c").status_code == 404
    assert admin.send("GET", "/organization/info?organization_id=o").status_code == 404


def test_limits_stay_as_they_were_while_the_database_is_down(
    app: Flask, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proxy.storage.account_store import AccountStore
    from proxy.storage.errors import DatabaseDownError

    admin.post("/customer/new", user_id="c1", rpm_limit=1)
    assert chat(admin.client, MASTER, user="c1").status_code == 200

    def down(*_: object) -> None:
        raise DatabaseDownError("down")

    monkeypatch.setattr(AccountStore, "changes_since", down)
    app.extensions["patchbay"].directory.note_version(10**6)
    assert chat(admin.client, MASTER, user="c1").status_code == 429
    assert chat(admin.client, MASTER, user="c2").status_code == 200
