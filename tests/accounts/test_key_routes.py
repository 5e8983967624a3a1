"""The routes of keys, as LiteLLM's users call them."""

import hashlib
import re
from typing import Any

import pytest

from tests.accounts.gateways import Admin, chat


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_key_is_made_shown_once_and_used(each_admin: Admin) -> None:
    made = each_admin.post("/key/generate", models=["gpt-4o"], key_alias="alice", max_budget=10, metadata={"a": 1})
    key = made["key"]
    assert re.fullmatch(r"sk-[A-Za-z0-9_-]{22}", key)
    assert made["token"] == made["token_id"] == digest(key)
    assert made["key_name"] == f"sk-...{key[-4:]}"
    assert made["expires"] is None and made["created_at"] == "2027-01-15T08:00:00Z"
    assert chat(each_admin.client, key).status_code == 200
    assert chat(each_admin.client, key, "claude").status_code == 403
    info = each_admin.get(f"/key/info?key={key}")
    assert info["key"] == key and info["info"]["key_alias"] == "alice" and info["info"]["status"] == "active"
    assert "token" not in info["info"]
    assert each_admin.get(f"/key/info?key={digest(key)}")["info"] == info["info"]
    listed = each_admin.client.get("/key/list", headers={"Authorization": f"Bearer {each_admin.key}"}).text
    assert key not in listed and digest(key) in listed


def test_only_present_fields_change(each_admin: Admin) -> None:
    made = each_admin.post(
        "/key/generate", max_budget=5, rpm_limit=3, tags=["x"], metadata={"own": 1}, models=["gpt-4o"]
    )
    changed = each_admin.post("/key/update", key=made["key"], rpm_limit=None, tpm_limit=7)
    assert changed["key"] == made["key"]
    assert (changed["rpm_limit"], changed["tpm_limit"], changed["max_budget"]) == (None, 7, 5)
    info = each_admin.get(f"/key/info?key={made['key']}")["info"]
    assert info["metadata"] == {"own": 1, "tags": ["x"]} and info["models"] == ["gpt-4o"]
    each_admin.post("/key/update", key=made["key"], metadata={"new": 2}, tags=None)
    assert each_admin.get(f"/key/info?key={made['key']}")["info"]["metadata"] == {"new": 2}


def test_change_counts_for_the_next_call(each_admin: Admin) -> None:
    key = each_admin.post("/key/generate", models=["gpt-4o"])["key"]
    assert chat(each_admin.client, key, "claude").status_code == 403
    each_admin.post("/key/update", key=key, models=["claude"])
    assert chat(each_admin.client, key, "claude").status_code == 200
    each_admin.post("/key/block", key=key)
    assert chat(each_admin.client, key, "claude").status_code == 401
    assert each_admin.get(f"/key/info?key={key}")["info"]["status"] == "revoked"
    each_admin.post("/key/unblock", key=digest(key))
    assert chat(each_admin.client, key, "claude").status_code == 200
    assert each_admin.post("/key/delete", keys=[key]) == {"deleted_keys": [key]}
    assert chat(each_admin.client, key, "claude").status_code == 401
    assert each_admin.get(f"/key/info?key={key}")["info"]["status"] == "deleted"


def test_key_expires(admin: Admin, clock: list[float]) -> None:
    made = admin.post("/key/generate", duration="30s")
    assert made["expires"] == "2027-01-15T08:00:30Z"
    assert chat(admin.client, made["key"]).status_code == 200
    clock[0] += 30
    refused = chat(admin.client, made["key"])
    assert (refused.status_code, refused.json["error"]["type"]) == (401, "expired_key")
    assert admin.get(f"/key/info?key={made['key']}")["info"]["status"] == "expired"
    admin.post("/key/update", key=made["key"], duration="-1")
    assert chat(admin.client, made["key"]).status_code == 200


@pytest.mark.parametrize(
    ("duration", "ends"),
    [
        ("90s", "2027-01-15T08:01:30Z"), ("2h", "2027-01-15T10:00:00Z"), ("7d", "2027-01-22T08:00:00Z"),
        ("1w", "2027-01-22T08:00:00Z"), ("1mo", "2027-02-15T08:00:00Z"), ("12mo", "2028-01-15T08:00:00Z"),
        ("daily", "2027-01-16T08:00:00Z"),
    ],
)  # fmt: skip
def test_lifetime_is_counted_exactly_from_now(admin: Admin, duration: str, ends: str) -> None:
    assert admin.post("/key/generate", duration=duration)["expires"] == ends


@pytest.mark.parametrize(
    ("duration", "resets"),
    [("1h", "2027-01-15T09:00:00Z"), ("1d", "2027-01-16T00:00:00Z"), ("7d", "2027-01-18T00:00:00Z"),
     ("30d", "2027-02-01T00:00:00Z"), ("1mo", "2027-02-01T00:00:00Z")],
)  # fmt: skip
def test_budget_begins_anew_at_standard_times(admin: Admin, duration: str, resets: str) -> None:
    made = admin.post("/key/generate", max_budget=1, budget_duration=duration)
    assert made["budget_reset_at"] == resets


def test_own_key_and_alias_are_unique(each_admin: Admin) -> None:
    key = "sk-chosen-by-the-admin"
    assert each_admin.post("/key/generate", key=key, key_alias="one")["key"] == key
    second = each_admin.send("POST", "/key/generate", {"key": key})
    assert (second.status_code, second.json["error"]["param"]) == (400, "key")
    alias = each_admin.send("POST", "/key/generate", {"key_alias": "one"})
    error = alias.json["error"]
    assert (alias.status_code, error["type"], error["param"]) == (400, "bad_request_error", "key_alias")
    other = each_admin.post("/key/generate", key_alias="two")["key"]
    assert each_admin.send("POST", "/key/update", {"key": other, "key_alias": "one"}).status_code == 400


def test_regenerated_key_replaces_the_old_one(each_admin: Admin) -> None:
    old = each_admin.post("/key/generate", key_alias="r", models=["gpt-4o"])
    new = each_admin.post(f"/key/{old['key']}/regenerate", max_budget=3)
    assert new["key"] != old["key"] and new["models"] == ["gpt-4o"] and new["max_budget"] == 3
    assert chat(each_admin.client, new["key"]).status_code == 200
    assert chat(each_admin.client, old["key"]).status_code == 401


def test_old_key_works_until_its_grace_period_ends(each_admin: Admin, clock: list[float]) -> None:
    old = each_admin.post("/key/generate")["key"]
    new = each_admin.post("/key/regenerate", key=old, grace_period="1h")["key"]
    newest = each_admin.post(f"/key/{digest(new)}/regenerate", grace_period="2h", new_key="sk-the-newest-of-all")["key"]
    for key in (old, new, newest):
        assert chat(each_admin.client, key).status_code == 200
    clock[0] += 3600
    assert chat(each_admin.client, old).status_code == 401
    assert chat(each_admin.client, new).status_code == 200
    # What is changed of the key counts for its former hashes, too.
    each_admin.post("/key/block", key=newest)
    assert chat(each_admin.client, new).status_code == 401
    each_admin.post("/key/unblock", key=newest)
    each_admin.post("/key/delete", keys=[newest])
    assert chat(each_admin.client, new).status_code == 401


def test_regeneration_does_not_begin_a_budget_anew(admin: Admin) -> None:
    directory = admin.client.application.extensions["patchbay"].directory
    old = admin.post("/key/generate", max_budget=1)["key"]
    before = directory.find(digest(old))
    new = admin.post(f"/key/{old}/regenerate")["key"]
    newer = admin.post(f"/key/{new}/regenerate")["key"]
    assert directory.find(digest(newer)).key.subject == before.key.subject
    assert directory.find(digest(newer)).shown.digest == digest(newer)


def test_keys_are_deleted_all_or_none(each_admin: Admin) -> None:
    one = each_admin.post("/key/generate", key_alias="one")["key"]
    refused = each_admin.send("POST", "/key/delete", {"keys": [one, "sk-there-is-no-such-key"]})
    assert refused.status_code == 404 and "sk-there" not in refused.text
    assert chat(each_admin.client, one).status_code == 200
    assert each_admin.post("/key/delete", key_aliases=["one"]) == {"deleted_keys": ["one"]}
    assert chat(each_admin.client, one).status_code == 401


def test_keys_are_listed_page_by_page(each_admin: Admin, clock: list[float]) -> None:
    keys = []
    for number in range(7):
        clock[0] += 1
        keys.append(each_admin.post("/key/generate", key_alias=f"k{number}", user_id="u" if number % 2 else "v")["key"])
    page = each_admin.get("/key/list?size=3&page=2")
    assert page["keys"] == [digest(key) for key in reversed(keys)][3:6]
    assert (page["total_count"], page["current_page"], page["total_pages"]) == (7, 2, 3)
    assert each_admin.get("/key/list?user_id=u")["total_count"] == 3
    assert each_admin.get("/key/list?key_alias=k3")["keys"] == [digest(keys[3])]
    assert each_admin.get("/key/list?key_alias=K&substring_matching=true")["total_count"] == 7
    assert each_admin.get("/key/list?search=%25")["total_count"] == 0
    whole = each_admin.get("/key/list?return_full_object=true&sort_by=key_alias&sort_order=asc&size=2")["keys"]
    assert [row["key_alias"] for row in whole] == ["k0", "k1"] and whole[0]["token"] == digest(keys[0])
    assert each_admin.get("/key/aliases?size=2")["aliases"] == ["k0", "k1"]
    infos = each_admin.post("/v2/key/info", keys=[keys[0], "sk-there-is-no-such-key"])["info"]
    assert [info["key_alias"] for info in infos] == ["k0"]


def test_many_keys_are_changed_each_on_its_own(admin: Admin) -> None:
    one, two = admin.post("/key/generate")["key"], admin.post("/key/generate")["key"]
    done = admin.post("/key/bulk_update", keys=[{"key": one, "max_budget": 1}, {"key": "sk-no-such-key-here"},
                                               {"key": two, "tags": ["a"]}])  # fmt: skip
    assert done["total_requested"] == 3
    assert [item["key"] for item in done["successful_updates"]] == [one, two]
    assert [item["key"] for item in done["failed_updates"]] == ["sk-no-such-key-here"]
    assert done["successful_updates"][1]["key_info"]["metadata"]["tags"] == ["a"]


def test_keys_of_a_team_are_changed_together(admin: Admin) -> None:
    admin.post("/team/new", team_id="t")
    mine = [admin.post("/key/generate", team_id="t")["key"] for _ in range(2)]
    other = admin.post("/key/generate")["key"]
    done = admin.post("/team/key/bulk_update", team_id="t", all_keys_in_team=True, update_fields={"rpm_limit": 9})
    assert len(done["successful_updates"]) == 2
    assert admin.get(f"/key/info?key={mine[0]}")["info"]["rpm_limit"] == 9
    assert admin.get(f"/key/info?key={other}")["info"]["rpm_limit"] is None
    foreign = {"team_id": "t", "key_ids": [other], "update_fields": {"rpm_limit": 1}}
    assert admin.send("POST", "/team/key/bulk_update", foreign).status_code == 404


def test_spend_is_reset_to_no_more_than_it_is(admin: Admin) -> None:
    key = admin.post("/key/generate", spend=2.5)["key"]
    assert admin.get(f"/key/info?key={key}")["info"]["spend"] == 2.5
    more = admin.send("POST", f"/key/{key}/reset_spend", {"reset_to": 3})
    assert (more.status_code, more.json["error"]["param"]) == (400, "reset_to")
    assert admin.post(f"/key/{key}/reset_spend", reset_to=1)["spend"] == 1


def test_service_account_belongs_to_its_team(admin: Admin) -> None:
    admin.post("/team/new", team_id="t")
    made = admin.post("/key/service-account/generate", team_id="t", key_alias="robot")
    assert made["user_id"] is None and made["metadata"]["service_account_id"] == "robot"
    for wrong in ({}, {"team_id": "t", "user_id": "u"}, {"team_id": "none"}):
        assert admin.send("POST", "/key/service-account/generate", wrong).status_code in (400, 404)


@pytest.mark.parametrize(
    ("kind", "chats", "reads", "generates"),
    [
        ("default", 200, 200, 403),
        ("llm_api", 200, 403, 403),
        ("read_only", 403, 200, 403),
        ("management", 403, 200, 200),
    ],
)
def test_key_type_decides_the_routes(admin: Admin, kind: str, chats: int, reads: int, generates: int) -> None:
    made = admin.post("/key/generate", key_type=kind)
    assert made["key_type"] == kind
    own = admin.being(made["key"])
    assert chat(admin.client, own.key).status_code == chats
    assert own.send("GET", "/key/info").status_code == reads
    assert own.send("POST", "/key/generate", {}).status_code == generates


def test_bounds_and_defaults_of_the_file_hold(tmp_path: Any) -> None:
    from tests.accounts.gateways import build

    app = build(tmp_path, litellm_settings={
        "upperbound_key_generate_params": {"max_budget": 10, "duration": "7d", "rpm_limit": 5},
        "default_key_generate_params": {"max_budget": 1, "models": ["gpt-4o"]},
    })  # fmt: skip
    admin = Admin(app.test_client())
    made = admin.post("/key/generate")
    assert (made["max_budget"], made["models"], made["rpm_limit"]) == (1, ["gpt-4o"], 5)
    for field, value in (("max_budget", 11), ("duration", "8d"), ("duration", "-1"), ("rpm_limit", 6)):
        refused = admin.send("POST", "/key/generate", {field: value})
        assert (refused.status_code, refused.json["error"]["param"]) == (400, field)
        assert admin.send("POST", "/key/update", {"key": made["key"], field: value}).status_code == 400
    assert admin.post("/key/update", key=made["key"], rpm_limit=None)["rpm_limit"] == 5


def test_declared_key_is_shown_and_changed_in_its_file_only(tmp_path: Any) -> None:
    from tests.accounts.gateways import KEY, build

    admin = Admin(build(tmp_path, keys=[{"key": KEY, "key_alias": "file"}]).test_client())
    assert admin.get(f"/key/info?key={KEY}")["info"]["key_alias"] == "file"
    assert admin.being(KEY).get("/key/info")["info"]["key_alias"] == "file"
    refused = admin.send("POST", "/key/update", {"key": KEY, "max_budget": 1})
    assert refused.status_code == 400 and "configuration file" in refused.json["error"]["message"]
    assert admin.send("POST", "/key/generate", {"key": KEY}).status_code == 400


def test_team_of_the_file_bounds_a_key_made_at_run_time(tmp_path: Any) -> None:
    from tests.accounts.gateways import build

    admin = Admin(build(tmp_path, teams=[{"team_id": "t", "models": ["claude"]}]).test_client())
    key = admin.post("/key/generate", team_id="t")["key"]
    assert chat(admin.client, key, "claude").status_code == 200
    assert chat(admin.client, key, "gpt-4o").status_code == 403


def test_unknown_field_is_named_in_a_header(admin: Admin) -> None:
    response = admin.send("POST", "/key/generate", {"max_bugdet": 1, "models": []})
    assert response.status_code == 200 and response.headers["x-litellm-dropped-params"] == "max_bugdet"


def test_drift_free_second_read(each_admin: Admin) -> None:
    """Create, read, update with what was read, read again: nothing differs, as Terraform expects."""
    wanted = {
        "key_alias": "tf", "models": ["gpt-4o"], "max_budget": 12.34, "budget_duration": "30d", "tpm_limit": 100,
        "rpm_limit": 10, "metadata": {"env": "prod"}, "aliases": {"a": "gpt-4o"}, "allowed_routes": ["/chat/completions"],
        "max_parallel_requests": 3, "permissions": {}, "model_max_budget": {"gpt-4o": {"budget_limit": 1, "time_period": "1d"}},
    }  # fmt: skip
    key = each_admin.post("/key/generate", **wanted)["key"]
    first = each_admin.get(f"/key/info?key={key}")["info"]
    assert {name: first[name] for name in wanted} == wanted
    each_admin.post("/key/update", key=key, **wanted)
    second = each_admin.get(f"/key/info?key={key}")["info"]
    changing = {"updated_at", "settings_updated_at"}
    assert {k: v for k, v in second.items() if k not in changing} == {
        k: v for k, v in first.items() if k not in changing
    }
    assert first["model_max_budget"] == {"gpt-4o": {"budget_limit": 1, "time_period": "1d"}}


def test_nothing_is_managed_without_a_master_key(tmp_path: Any) -> None:
    from tests.accounts.gateways import build

    client = build(tmp_path, general_settings={}).test_client()
    assert client.post("/key/generate", json={}).status_code == 400
    assert not (tmp_path / ".patchbay").exists()
