"""Each answer has the fields and JSON types of LiteLLM 1.110's schemas, as litellm_responses.json lists them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.gateways import Admin

SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parent / "litellm_responses.json").read_text())
NAMES: dict[type, tuple[str, ...]] = {
    bool: ("boolean",), int: ("integer", "number"), float: ("number",), str: ("string",), list: ("array",),
    dict: ("object",), type(None): ("null",),
}  # fmt: skip
# What only single sign-on, projects, MCP or agents would fill: an answer may leave it out.
ELSEWHERE = frozenset(
    "allowed_vector_store_indexes password_reset_required last_breach_check_at access_group_models caller_membership "
    "access_group_mcp_server_ids access_group_agent_ids access_group_skill_names admin_mcp_permissions object_permission "
    "enforced_batch_output_expires_after parent_otel_span model_spend max_parallel_requests soft_budget_cooldown".split()
)


def check(name: str, answer: dict[str, Any], *, sparse: bool = False) -> None:
    """`sparse`: fields with a default may be missing."""
    schema = SCHEMAS[name]
    for field, kinds in schema["fields"].items():
        if field not in answer:
            assert field not in schema["required"], f"{name}.{field} is missing"
            assert sparse or field in ELSEWHERE, f"{name}.{field} is missing"
            continue
        assert "any" in kinds or set(NAMES[type(answer[field])]) & set(kinds), f"{name}.{field}: {answer[field]!r}"


FULL: dict[str, Any] = {
    "key_alias": "a", "models": ["gpt-4o"], "max_budget": 1.5, "budget_duration": "1d", "tpm_limit": 1, "rpm_limit": 2,
    "tpd_limit": 3, "max_parallel_requests": 4, "metadata": {"a": 1}, "tags": ["t"], "aliases": {"x": "gpt-4o"},
    "budget_limits": [{"budget_duration": "1h", "max_budget": 1}], "model_max_budget": {"gpt-4o": {"max_budget": 1}},
    "soft_budget": 1, "duration": "1d", "blocked": False, "guardrails": ["g"], "model_rpm_limit": {"gpt-4o": 1},
    "budget_fallbacks": {"gpt-4o": ["claude"]}, "permissions": {}, "config": {}, "rotation_interval": "30d",
}  # fmt: skip


@pytest.mark.parametrize("fields", [{}, FULL], ids=["bare", "full"])
def test_keys(admin: Admin, fields: dict[str, Any]) -> None:
    made = admin.post("/key/generate", **fields)
    check("GenerateKeyResponse", made)
    key = made["key"]
    check("GenerateKeyResponse", admin.post("/key/regenerate", key=key, new_key="sk-another-one-of-them"))
    key = "sk-another-one-of-them"
    info = admin.get(f"/key/info?key={key}")["info"]
    check("LiteLLM_VerificationToken", {**info, "token": None})
    check("LiteLLM_VerificationToken", admin.post("/key/block", key=key))
    check("LiteLLM_VerificationToken", admin.post("/key/update", key=key, blocked=False))
    listed = admin.get("/key/list?return_full_object=true")
    check("KeyListResponseObject", listed)
    check("UserAPIKeyAuth", listed["keys"][0], sparse=True)
    check("BulkUpdateKeyResponse", admin.post("/key/bulk_update", keys=[{"key": key, "max_budget": 1}]))
    check("KeyHealthResponse", admin.being(key).post("/key/health"))


@pytest.mark.parametrize("fields", [{}, {"team_alias": "red", "models": ["gpt-4o"], "max_budget": 1, "budget_duration": "1d",
                                         "metadata": {"a": 1}, "model_aliases": {"x": "gpt-4o"}, "team_member_budget": 1,
                                         "tpm_limit": 1}], ids=["bare", "full"])  # fmt: skip
def test_teams(admin: Admin, fields: dict[str, Any]) -> None:
    team = admin.post("/team/new", team_id="t", **fields)
    check("LiteLLM_TeamTable", team)
    added = admin.post("/team/member_add", team_id="t", member={"user_email": "a@example.com", "role": "user"},
                       max_budget_in_team=1)  # fmt: skip
    check("TeamAddMemberResponse", added)
    check("LiteLLM_UserTable", added["updated_users"][0])
    check("LiteLLM_TeamMembership", added["updated_team_memberships"][0])
    user_id = added["updated_users"][0]["user_id"]
    check("TeamMemberUpdateResponse", admin.post("/team/member_update", team_id="t", user_id=user_id, role="admin"))
    check("BulkTeamMemberAddResponse", admin.post("/team/bulk_member_add", team_id="t", members=[{"user_id": "b"}]))
    key = admin.post("/key/generate", user_id=user_id, team_id="t")["key"]
    check("TeamMemberInfoResponse", admin.being(key).get("/team/t/members/me"))
    info = admin.get("/team/info?team_id=t")
    check("LiteLLM_TeamTable", info["team_info"])
    check("LiteLLM_VerificationToken", info["keys"][0])
    check("LiteLLM_TeamMembership", info["team_memberships"][0])
    check("LiteLLM_TeamTable", admin.get("/team/list")[0])
    page = admin.get("/v2/team/list")
    check("TeamListResponse", page)
    check("TeamListItem", page["teams"][0])
    check("GetTeamMemberPermissionsResponse", admin.get("/team/permissions_list?team_id=t"))
    permitted = admin.post("/team/permissions_update", team_id="t", team_member_permissions=["/key/generate"])
    check("LiteLLM_TeamTable", permitted)
    for change in (
        lambda: admin.post("/team/update", team_id="t", max_budget=2)["data"],
        lambda: admin.post("/team/block", team_id="t"),
        lambda: admin.post("/team/model/add", team_id="t", models=["claude"]),
        lambda: admin.post("/team/member_delete", team_id="t", user_id="b"),
    ):
        check("LiteLLM_TeamTable", change())


def test_users(admin: Admin) -> None:
    made = admin.post("/user/new", user_id="u", user_email="u@example.com", max_budget=1, key_alias="first")
    check("NewUserResponse", made)
    check("UserInfoResponse", admin.get("/user/info?user_id=u"))
    check("LiteLLM_UserTable", admin.get("/user/info?user_id=u")["user_info"])
    check("UserInfoV2Response", admin.get("/v2/user/info?user_id=u"))
    page = admin.get("/user/list")
    check("UserListResponse", page)
    check("LiteLLM_UserTableWithKeyCount", page["users"][0])
    assert page["users"][0]["key_count"] == 1
    check("LiteLLM_UserTable", admin.post("/user/update", user_id="u", max_budget=2)["data"])
    check("BulkUpdateUserResponse", admin.post("/user/bulk_update", users=[{"user_id": "u", "max_budget": 3}]))


def test_check_of_this_file_fails_when_a_field_is_wrong(admin: Admin) -> None:
    made = admin.post("/key/generate")
    wrong: list[Callable[[], None]] = [
        lambda: check("GenerateKeyResponse", {**made, "max_budget": "1"}),
        lambda: check("GenerateKeyResponse", {name: value for name, value in made.items() if name != "token_id"}),
    ]
    for attempt in wrong:
        with pytest.raises(AssertionError):
            attempt()
