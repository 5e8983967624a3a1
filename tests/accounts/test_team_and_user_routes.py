"""The routes of teams, members and users, as LiteLLM's users call them."""

import pytest

from tests.accounts.gateways import Admin, chat


def test_team_bounds_its_keys(each_admin: Admin) -> None:
    team = each_admin.post("/team/new", team_alias="red", models=["gpt-4o"])
    key = each_admin.post("/key/generate", team_id=team["team_id"])["key"]
    assert chat(each_admin.client, key).status_code == 200
    refused = chat(each_admin.client, key, "claude")
    assert (refused.status_code, refused.json["error"]["type"]) == (403, "team_model_access_denied")
    each_admin.post("/team/model/add", team_id=team["team_id"], models=["claude"])
    assert chat(each_admin.client, key, "claude").status_code == 200
    each_admin.post("/team/model/delete", team_id=team["team_id"], models=["claude", "gpt-4o"])
    # An empty list would allow everything.
    assert chat(each_admin.client, key).status_code == 403
    each_admin.post("/team/update", team_id=team["team_id"], models=[])
    assert chat(each_admin.client, key, "claude").status_code == 200
    each_admin.post("/team/block", team_id=team["team_id"])
    assert chat(each_admin.client, key).status_code == 401
    each_admin.post("/team/unblock", team_id=team["team_id"])
    assert chat(each_admin.client, key).status_code == 200


def test_team_is_deleted_with_its_keys(each_admin: Admin) -> None:
    each_admin.post("/team/new", team_id="t", members_with_roles=[{"user_id": "u", "role": "user"}])
    key = each_admin.post("/key/generate", team_id="t")["key"]
    assert each_admin.send("POST", "/team/delete", {"team_ids": ["t", "none"]}).status_code == 404
    assert chat(each_admin.client, key).status_code == 200
    each_admin.post("/team/delete", team_ids=["t"])
    assert chat(each_admin.client, key).status_code == 401
    assert each_admin.send("GET", "/team/info?team_id=t").status_code == 404
    assert each_admin.get("/user/info?user_id=u")["user_info"]["teams"] == []


def test_team_ids_are_unique(each_admin: Admin) -> None:
    each_admin.post("/team/new", team_id="t", team_alias="same")
    second = each_admin.send("POST", "/team/new", {"team_id": "t"})
    assert (second.status_code, second.json["error"]["param"]) == (400, "team_id")
    each_admin.post("/team/new", team_alias="same")


def test_members_come_and_go_with_their_keys(each_admin: Admin) -> None:
    each_admin.post("/team/new", team_id="t")
    added = each_admin.post(
        "/team/member_add", team_id="t", member=[{"user_id": "a", "role": "admin"}, {"user_id": "b"}]
    )
    assert added["admins"] == ["a"] and sorted(added["members"]) == ["a", "b"]
    again = each_admin.send("POST", "/team/member_add", {"team_id": "t", "member": {"user_id": "a"}})
    assert (again.status_code, again.json["error"]["param"]) == (400, "member")
    key = each_admin.post("/key/generate", team_id="t", user_id="b")["key"]
    assert each_admin.get("/user/info?user_id=b")["teams"][0]["team_id"] == "t"
    each_admin.post("/team/member_delete", team_id="t", user_id="b")
    assert chat(each_admin.client, key).status_code == 401
    assert each_admin.get("/team/info?team_id=t")["team_info"]["members"] == ["a"]


def test_members_have_models_and_budgets_of_their_own(each_admin: Admin) -> None:
    each_admin.post("/team/new", team_id="t", default_team_member_models=["claude"], team_member_budget=7)
    each_admin.post(
        "/team/member_add", team_id="t", member={"user_id": "a"}, allowed_models=["gpt-4o"], max_budget_in_team=5
    )
    each_admin.post("/team/member_add", team_id="t", member={"user_id": "b"})
    a = each_admin.post("/key/generate", team_id="t", user_id="a")["key"]
    b = each_admin.post("/key/generate", team_id="t", user_id="b")["key"]
    assert [chat(each_admin.client, key, "gpt-4o").status_code for key in (a, b)] == [200, 403]
    assert [chat(each_admin.client, key, "claude").status_code for key in (a, b)] == [403, 200]
    find = each_admin.client.application.extensions["patchbay"].directory.find
    from tests.accounts.test_key_routes import digest

    assert [find(digest(key)).member.budget.maximum for key in (a, b)] == [5 * 10**9, 7 * 10**9]
    changed = each_admin.post("/team/member_update", team_id="t", user_id="a", max_budget_in_team=6, role="admin")
    assert changed["max_budget_in_team"] == 6
    assert find(digest(a)).member.budget.maximum == 6 * 10**9 and find(digest(a)).is_team_admin


def test_teams_are_listed(each_admin: Admin) -> None:
    for number in range(5):
        each_admin.post("/team/new", team_id=f"t{number}", team_alias=f"Alias {number}")
    page = each_admin.get("/v2/team/list?page=2&page_size=2&sort_by=team_id")
    assert [team["team_id"] for team in page["teams"]] == ["t2", "t3"]
    assert (page["total"], page["total_pages"]) == (5, 3)
    assert [team["team_id"] for team in each_admin.get("/v2/team/list?search=alias%203")["teams"]] == ["t3"]
    assert len(each_admin.get("/team/list")) == 5
    each_admin.post("/team/member_add", team_id="t1", member={"user_id": "a"})
    assert [team["team_id"] for team in each_admin.get("/team/list?user_id=a")] == ["t1"]


def test_user_is_made_with_a_key(each_admin: Admin) -> None:
    made = each_admin.post("/user/new", user_email="a@example.com", user_role="internal_user", models=["gpt-4o"])
    assert chat(each_admin.client, made["key"]).status_code == 200
    assert chat(each_admin.client, made["key"], "claude").status_code == 403
    again = each_admin.send("POST", "/user/new", {"user_email": "a@example.com"})
    assert (again.status_code, again.json["error"]["param"]) == (409, "user_email")
    same = each_admin.send("POST", "/user/new", {"user_id": made["user_id"]})
    assert (same.status_code, same.json["error"]["param"]) == (409, "user_id")
    assert each_admin.post("/user/new", user_id="keyless", auto_create_key=False)["key"] == ""
    info = each_admin.get(f"/user/info?user_id={made['user_id']}")
    assert len(info["keys"]) == 1 and info["user_info"]["user_email"] == "a@example.com"
    assert each_admin.post("/user/delete", user_ids=[made["user_id"]]) == 1
    assert chat(each_admin.client, made["key"]).status_code == 401


def test_user_is_not_half_made_when_its_team_is_unknown(each_admin: Admin) -> None:
    assert each_admin.send("POST", "/user/new", {"user_id": "u", "teams": ["none"]}).status_code == 404
    assert each_admin.send("GET", "/v2/user/info?user_id=u").status_code == 404


def test_password_is_neither_kept_nor_shown(admin: Admin) -> None:
    made = admin.send("POST", "/user/new", {"user_id": "u", "password": "hunter2-hunter2"})
    assert "hunter2" not in made.text
    assert "hunter2" not in admin.send("GET", "/user/info?user_id=u").text
    parts = admin.client.application.extensions["patchbay"]
    assert b"hunter2" not in parts.storage.database().path.read_bytes()


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page=x", "sort_by=password", "sort_order=up"])
def test_listing_refuses_odd_queries(admin: Admin, query: str) -> None:
    for path in ("/v2/team/list", "/user/list"):
        refused = admin.send("GET", f"{path}?{query}")
        assert (refused.status_code, refused.json["error"]["param"]) == (400, query.split("=", maxsplit=1)[0])


def test_users_are_listed(each_admin: Admin) -> None:
    for number in range(3):
        each_admin.post("/user/new", user_id=f"u{number}", user_email=f"{number}@example.com")
    each_admin.post("/user/new", user_id="boss", user_role="proxy_admin")
    assert each_admin.get("/user/list?page_size=2")["total"] == 4
    assert [user["user_id"] for user in each_admin.get("/user/list?role=proxy_admin")["users"]] == ["boss"]
    assert [user["user_id"] for user in each_admin.get("/user/list?user_ids=u0,u2&sort_by=user_id")["users"]] == [
        "u0",
        "u2",
    ]
    done = each_admin.post("/user/bulk_update", all_users=True, user_updates={"max_budget": 2})
    assert done["successful_updates"] == 4
    assert each_admin.get("/v2/user/info?user_id=u1")["max_budget"] == 2
