"""Virtual keys of the configuration file: who is let in, to which models and routes, and what is refused before the body."""

import io
from pathlib import Path
from typing import Any

import pytest

from proxy.accounts.key_form import hash_key
from proxy.runtime import Runtime
from proxy.settings import ConfigError
from proxy.sinks.metrics.label_limits import Bounds
from proxy.sinks.metrics.labels import CallLabels
from tests.accounts.gateways import KEY, MASTER, bearer, build, chat


def test_key_of_the_file_is_served(tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY, "key_alias": "alice"}]).test_client()
    assert chat(client).status_code == 200
    assert chat(client, MASTER).status_code == 200


def test_key_is_known_when_only_its_hash_is_declared(tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"token": hash_key(KEY)}]).test_client()
    assert chat(client).status_code == 200
    # A hash is no key.
    assert chat(client, hash_key(KEY)).status_code == 401
    assert chat(client, f"sk-{hash_key(KEY)}").status_code == 401


def test_key_is_read_from_the_environment(tmp_path: Path) -> None:
    keys = [{"key": "os.environ/ALICE"}, {"key": "os.environ/UNSET", "key_alias": "nobody"}]
    client = build(tmp_path, {"ALICE": KEY}, keys=keys).test_client()
    assert chat(client).status_code == 200


@pytest.mark.parametrize(
    ("key", "code"), [("sk-not-a-key-of-this", "invalid_api_key"), ("word", "invalid_api_key"), ("", "invalid_api_key")]
)
def test_unknown_key_is_refused(key: str, code: str, tmp_path: Path) -> None:
    response = chat(build(tmp_path, keys=[{"key": KEY}]).test_client(), key)
    assert response.status_code == 401
    assert response.json["error"]["code"] == code


class UnreadBody(io.BytesIO):
    """A body that must not be read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = readinto = read


@pytest.mark.parametrize(
    ("facts", "teams", "status", "kind"),
    [
        ({"blocked": True}, [], 401, "auth_error"),
        ({"expires": "2020-01-01"}, [], 401, "expired_key"),
        ({"team_id": "t1"}, [{"team_id": "t1", "blocked": True}], 401, "auth_error"),
        ({"allowed_routes": ["/embeddings"]}, [], 403, "auth_error"),
        ({"key_type": "management"}, [], 403, "auth_error"),
        ({"key_type": "read_only"}, [], 403, "auth_error"),
    ],
)
def test_request_is_refused_before_its_body_when_the_headers_suffice(
    facts: dict[str, Any], teams: list[dict[str, Any]], status: int, kind: str, tmp_path: Path
) -> None:
    client = build(tmp_path, keys=[{"key": KEY, **facts}], teams=teams).test_client()
    response = client.post(
        "/v1/chat/completions",
        input_stream=UnreadBody(),
        headers={**bearer(KEY), "Content-Length": "1000", "Content-Type": "application/json"},
    )
    assert response.status_code == status
    assert response.json["error"]["type"] == kind


def test_blocked_counts_before_expired_and_expired_before_routes(tmp_path: Path) -> None:
    facts = {"blocked": True, "expires": "2020-01-01", "allowed_routes": ["/embeddings"]}
    kinds = []
    for left_out in ((), ("blocked",), ("blocked", "expires")):
        kept = {name: value for name, value in facts.items() if name not in left_out}
        response = chat(build(tmp_path, keys=[{"key": KEY, **kept}]).test_client())
        kinds.append((response.status_code, response.json["error"]["type"]))
    assert kinds == [(401, "auth_error"), (401, "expired_key"), (403, "auth_error")]


def test_key_expires_at_its_moment(tmp_path: Path) -> None:
    now = [1_900_000_000.0]
    app = build(tmp_path, runtime=Runtime(now=lambda: now[0]), keys=[{"key": KEY, "expires": "2030-03-17T17:46:50Z"}])
    assert chat(app.test_client()).status_code == 200
    now[0] += 10
    assert chat(app.test_client()).status_code == 401


ALLOWED = [
    # models of the key, of its team, of its user, the asked model, the refusing one
    ([], None, None, "gpt-4o", None),
    (["gpt-4o"], None, None, "gpt-4o", None),
    (["gpt-4o"], None, None, "claude", "key"),
    (["gpt-*"], None, None, "gpt-4o-mini", None),
    (["gpt-*"], None, None, "claude", "key"),
    (["*"], None, None, "claude", None),
    (["openai/*"], None, None, "openai/alpha", None),
    (["openai/*"], None, None, "gpt-4o", "key"),
    (["beta"], None, None, "grouped", None),
    (["beta"], None, None, "claude", "key"),
    (["all-proxy-models"], None, None, "claude", None),
    (["all-team-models"], ["claude"], None, "claude", None),
    (["all-team-models"], ["claude"], None, "gpt-4o", "team"),
    (["all-team-models"], None, None, "gpt-4o", "key"),
    (["no-default-models"], None, None, "gpt-4o", "key"),
    ([], None, ["no-default-models"], "gpt-4o", "user"),
    ([], ["claude"], ["no-default-models"], "claude", None),
    (["gpt-4o"], ["claude"], None, "gpt-4o", "team"),
    (["gpt-4o", "claude"], ["claude"], None, "claude", None),
    ([], ["beta"], None, "grouped", None),
    ([], None, ["claude"], "gpt-4o", "user"),
    (["gpt-4o"], None, None, "GPT-4O", "key"),
    (["gpt-4o"], None, None, "gpt-4o ", "key"),
    (["gpt-4o"], None, None, "all-team-models", "key"),
    ([], None, None, "no-default-models", "key"),
]


@pytest.mark.parametrize(("of_key", "of_team", "of_user", "model", "denied_by"), ALLOWED)
def test_model_is_allowed_when_all_lists_allow_it(
    of_key: list[str],
    of_team: list[str] | None,
    of_user: list[str] | None,
    model: str,
    denied_by: str | None,
    tmp_path: Path,
) -> None:
    key: dict[str, Any] = {"key": KEY, "models": of_key, "user_id": "u1"}
    sections: dict[str, Any] = {"users": [{"user_id": "u1", "models": of_user or []}]}
    if of_team is not None:
        key["team_id"] = "t1"
        sections["teams"] = [{"team_id": "t1", "models": of_team}]
    response = chat(build(tmp_path, keys=[key], **sections).test_client(), model=model)
    if denied_by is None:
        assert response.status_code == 200
        return
    if of_key == [] and model == "no-default-models":
        # No list refuses it: there is no such model.
        assert response.status_code == 400
        return
    assert response.status_code == 403
    error = response.json["error"]
    assert (error["type"], error["param"]) == (f"{denied_by}_model_access_denied", "model")
    # The asked model is named, the allowed ones are not.
    assert model in error["message"]
    assert not {"gpt-*", "openai/*", "beta"} & set(error["message"].split())


@pytest.mark.parametrize(
    "more",
    [
        {"model": "gpt-4o,claude"},
        {"model": "gpt-4o, claude", "stream": True},
        {"fallbacks": ["claude"]},
        {"fallbacks": [{"model": "claude"}]},
        {"fallbacks": [{"gpt-4o": ["claude"]}]},
        {"context_window_fallbacks": [{"gpt-4o": ["claude"]}]},
        {"content_policy_fallbacks": [{"*": ["claude"]}]},
    ],
)
def test_each_model_that_a_call_names_is_checked(more: dict[str, Any], tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY, "models": ["gpt-4o"]}]).test_client()
    response = chat(client, **more)
    assert response.status_code == 403
    assert response.json["error"]["type"] == "key_model_access_denied"
    assert chat(client).status_code == 200


def test_model_in_the_path_is_checked(tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY, "models": ["gpt-4o"]}]).test_client()
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "gpt-4o"}
    path = "/openai/deployments/{}/chat/completions"
    assert client.post(path.format("claude"), json=body, headers=bearer(KEY)).status_code == 403
    assert client.post(path.format("gpt-4o"), json=body, headers=bearer(KEY)).status_code == 200


def test_alias_of_the_key_is_another_name_of_an_allowed_model(tmp_path: Path) -> None:
    keys = [{"key": KEY, "models": ["gpt-4o"], "aliases": {"fast": "gpt-4o", "sly": "claude"}}]
    client = build(tmp_path, keys=keys).test_client()
    answer = chat(client, model="fast")
    assert answer.json["choices"][0]["message"]["content"] == "I am gpt-4o"
    assert chat(client, model="sly").status_code == 403
    listed = [entry["id"] for entry in client.get("/v1/models", headers=bearer(KEY)).json["data"]]
    assert listed == ["fast", "gpt-4o"]


def test_models_are_those_that_the_key_may_use(tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY, "models": ["gpt-*"]}]).test_client()
    listed = client.get("/v1/models", headers=bearer(KEY)).json["data"]
    assert [entry["id"] for entry in listed] == ["gpt-4o", "gpt-4o-mini"]
    assert client.get("/v1/models/claude", headers=bearer(KEY)).status_code == 404
    assert client.get("/v1/models/claude", headers=bearer(MASTER)).status_code == 200


@pytest.mark.parametrize("path", ["/router/state", "/health", "/metrics", "/capabilities", "/v1/router/state"])
def test_what_concerns_the_operator_is_closed_to_virtual_keys(path: str, tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY}]).test_client()
    assert client.get(path, headers=bearer(KEY)).status_code == 403
    assert client.get(path, headers=bearer(MASTER)).status_code != 403


def test_liveness_is_open_when_the_key_is_blocked(tmp_path: Path) -> None:
    client = build(tmp_path, keys=[{"key": KEY, "blocked": True}]).test_client()
    assert client.get("/health/liveliness", headers=bearer(KEY)).status_code == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"keys": [{"key": "short"}]}, "keys[0].key"),
    ({"keys": [{"key": KEY, "max_budget": float("nan")}]}, "keys[0].max_budget"),
    ({"keys": [{"key": KEY, "max_budget": -1}]}, "keys[0].max_budget"),
    ({"keys": [{"key": KEY, "rpm_limit": 1.5}]}, "keys[0].rpm_limit"),
    ({"keys": [{"key": KEY, "budget_duration": "soon"}]}, "keys[0].budget_duration"),
    ({"keys": [{"key_alias": "no key"}]}, "keys[0].key"),
    ({"keys": [{"token": "123"}]}, "keys[0].token"),
    ({"keys": [{"key": KEY}, {"key": KEY}]}, "keys[1].key"),
    ({"keys": [{"key": KEY, "team_id": "none"}]}, "keys[0].team_id"),
    ({"keys": [{"key": KEY, "budget_id": "none"}]}, "keys[0].budget_id"),
    ({"keys": {"key": KEY}}, "keys"),
    ({"keys": ["sk-1"]}, "keys[0]"),
    ({"teams": [{"models": []}]}, "teams[0].team_id"),
    (
        {"teams": [{"team_id": "a", "members_with_roles": [{"role": "admin"}]}]},
        "teams[0].members_with_roles[0].user_id",
    ),
    ({"budgets": [{"budget_id": "b", "max_budget": "much"}]}, "budgets[0].max_budget"),
    ({"users": [{"user_id": "u", "user_role": "king"}]}, "users[0].user_role"),
]


@pytest.mark.parametrize(("sections", "path"), WRONG)
def test_start_stops_when_an_account_of_the_file_is_wrong(sections: dict[str, Any], path: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build(tmp_path, **sections)
    assert any(f": {path}: " in problem for problem in caught.value.problems), caught.value.problems
    assert KEY not in str(caught.value)


def test_keys_need_a_master_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="master_key"):
        build(tmp_path, general_settings={}, keys=[{"key": KEY}])


def test_member_that_is_no_field_is_reported(tmp_path: Path) -> None:
    app = build(tmp_path, keys=[{"key": KEY, "max_bugdet": 3}])
    warnings = app.extensions["patchbay"].settings.warnings
    assert any("keys[0].max_bugdet" in warning and "max_budget" in warning for warning in warnings)


def test_records_name_the_key_and_its_owners(tmp_path: Path) -> None:
    app = build(
        tmp_path,
        keys=[{"key": KEY, "key_alias": "alice", "team_id": "t1", "user_id": "u1"}],
        teams=[{"team_id": "t1", "team_alias": "red", "organization_id": "o1"}],
        users=[{"user_id": "u1", "user_email": "u1@example.com"}],
    )
    records: list[Any] = []
    parts = app.extensions["patchbay"]
    parts.gateway._ledger._emit = records.append
    assert chat(app.test_client()).status_code == 200
    assert chat(app.test_client(), model="nothing").status_code == 400
    for record in records:
        metadata = record.to_dict()["metadata"]
        assert metadata["user_api_key_hash"] == hash_key(KEY)
        assert metadata["user_api_key_alias"] == "alice"
        assert (metadata["user_api_key_team_id"], metadata["user_api_key_team_alias"]) == ("t1", "red")
        assert (metadata["user_api_key_user_id"], metadata["user_api_key_org_id"]) == ("u1", "o1")
        (labels, _), *_ = CallLabels(Bounds()).groups([record])
        assert (labels["team"], labels["user"], labels["org_id"]) == ("t1", "u1", "o1")
        assert KEY not in str(record.to_dict())
    assert len(records) == 2
