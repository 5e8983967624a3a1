"""Who may do what: each route for each role, on its own and on foreign objects, from one table.

Roles: M the master key, A a user who is administrator, V one who may read everything, O the owner of the objects (an internal
user and plain member of the team), X another internal user, R an internal user who may only look, T an admin of the team,
K a key of no user, G such a key made for management routes, N no key.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.gateways import Admin, build

ROLES = "MAVOXRTKGN"
STATUS = {"2": 200, "0": 400, "1": 401, "3": 403}
_NUMBERS = count()

# name, method, path, body, what each of ROLES gets. {own}: a key that the administrator made for the owner; {made}: one
# that the owner made; {team}: the owner's key in the team; {other}: a key of somebody else.
TABLE: list[tuple[str, str, str, dict[str, Any] | None, str]] = [
    ("info of the caller", "GET", "/key/info", None, "0222222221"),
    ("info of own", "GET", "/key/info?key={own}", None, "2222333321"),
    ("info in team", "GET", "/key/info?key={team}", None, "2222332321"),
    ("info of foreign", "GET", "/key/info?key={other}", None, "2223333321"),
    ("infos", "POST", "/v2/key/info", {"keys": ["{own}"]}, "2222333321"),
    ("infos of foreign", "POST", "/v2/key/info", {"keys": ["{other}"]}, "2223333321"),
    ("list of keys", "GET", "/key/list", None, "2222222221"),
    ("aliases", "GET", "/key/aliases", None, "2222222221"),
    ("health", "POST", "/key/health", {}, "2222222221"),
    ("generate", "POST", "/key/generate", {}, "2232232321"),
    ("generate for owner", "POST", "/key/generate", {"user_id": "owner"}, "2232333321"),
    ("generate in team", "POST", "/key/generate", {"team_id": "t"}, "2233332321"),
    ("generate in team for owner", "POST", "/key/generate", {"team_id": "t", "user_id": "owner"}, "2233332321"),
    ("generate in team for a stranger", "POST", "/key/generate", {"team_id": "t", "user_id": "other"}, "2233333321"),
    ("generate in foreign team", "POST", "/key/generate", {"team_id": "f"}, "2233333321"),
    ("generate with spend", "POST", "/key/generate", {"spend": 0}, "2233333321"),
    ("generate without guardrails", "POST", "/key/generate", {"disable_global_guardrails": True}, "2233333321"),
    ("service account", "POST", "/key/service-account/generate", {"team_id": "t"}, "2233332321"),
    ("service account elsewhere", "POST", "/key/service-account/generate", {"team_id": "f"}, "2233333321"),
    ("update own", "POST", "/key/update", {"key": "{own}", "metadata": {"a": 1}}, "2232333321"),
    ("raise the budget of own", "POST", "/key/update", {"key": "{own}", "max_budget": 9}, "2233333321"),
    ("raise the budget of made", "POST", "/key/update", {"key": "{made}", "max_budget": 9}, "2232333321"),
    ("spend of made", "POST", "/key/update", {"key": "{made}", "spend": 0}, "2233333321"),
    ("give made away", "POST", "/key/update", {"key": "{made}", "user_id": "other"}, "2233333321"),
    ("free made of its user", "POST", "/key/update", {"key": "{made}", "user_id": None}, "2233333321"),
    ("unblock made", "POST", "/key/update", {"key": "{made}", "blocked": False}, "2233333321"),
    ("update in team", "POST", "/key/update", {"key": "{team}", "metadata": {}}, "2233332321"),
    ("budget in team", "POST", "/key/update", {"key": "{team}", "max_budget": 3}, "2233332321"),
    ("out of the team", "POST", "/key/update", {"key": "{team}", "team_id": None}, "2233333321"),
    ("update foreign", "POST", "/key/update", {"key": "{other}", "metadata": {}}, "2233333321"),
    ("bulk update", "POST", "/key/bulk_update", {"keys": [{"key": "{own}", "max_budget": 1}]}, "2232232221"),
    ("delete own", "POST", "/key/delete", {"keys": ["{own}"]}, "2232333321"),
    ("delete in team", "POST", "/key/delete", {"keys": ["{team}"]}, "2233332321"),
    ("delete foreign", "POST", "/key/delete", {"keys": ["{other}"]}, "2233333321"),
    ("block own", "POST", "/key/block", {"key": "{own}"}, "2233333321"),
    ("block in team", "POST", "/key/block", {"key": "{team}"}, "2233332321"),
    ("unblock own", "POST", "/key/unblock", {"key": "{own}"}, "2233333321"),
    ("regenerate own", "POST", "/key/{own}/regenerate", {}, "2232333321"),
    ("regenerate in team", "POST", "/key/regenerate", {"key": "{team}"}, "2233332321"),
    ("regenerate foreign", "POST", "/key/regenerate", {"key": "{other}"}, "2233333321"),
    ("regenerate with more", "POST", "/key/regenerate", {"key": "{own}", "max_budget": 9}, "2233333321"),
    ("reset own spend", "POST", "/key/{own}/reset_spend", {"reset_to": 0}, "2233333321"),
    ("reset spend in team", "POST", "/key/{team}/reset_spend", {"reset_to": 0}, "2233333321"),
    ("new team", "POST", "/team/new", {}, "2233333321"),
    ("team", "GET", "/team/info?team_id=t", None, "2222332321"),
    ("foreign team", "GET", "/team/info?team_id=f", None, "2223333321"),
    ("teams", "GET", "/team/list", None, "2222222321"),
    ("teams of another", "GET", "/team/list?user_id=other", None, "2223333321"),
    ("page of teams", "GET", "/v2/team/list", None, "2222222321"),
    ("permissions", "GET", "/team/permissions_list?team_id=t", None, "2222332321"),
    ("set permissions", "POST", "/team/permissions_update", {"team_id": "t", "team_member_permissions": []}, "2233332321"),
    ("alias of team", "POST", "/team/update", {"team_id": "t", "team_alias": "red"}, "2233332321"),
    ("budget of team", "POST", "/team/update", {"team_id": "t", "max_budget": 9}, "2233333321"),
    ("models of team", "POST", "/team/update", {"team_id": "t", "models": []}, "2233333321"),
    ("organization of team", "POST", "/team/update", {"team_id": "t", "organization_id": None}, "2233333321"),
    ("alias of foreign team", "POST", "/team/update", {"team_id": "f", "team_alias": "red"}, "2233333321"),
    ("block team", "POST", "/team/unblock", {"team_id": "t"}, "2233333321"),
    ("add models", "POST", "/team/model/add", {"team_id": "t", "models": ["*"]}, "2233333321"),
    ("add a member", "POST", "/team/member_add", {"team_id": "t", "member": {"user_id": "new-{n}"}}, "2233332321"),
    ("add oneself elsewhere", "POST", "/team/member_add", {"team_id": "f", "member": {"user_id": "new-{n}"}}, "2233333321"),
    ("change a member", "POST", "/team/member_update", {"team_id": "t", "user_id": "owner", "max_budget_in_team": 1},
     "2233332321"),
    ("promote oneself", "POST", "/team/member_update", {"team_id": "t", "user_id": "owner", "role": "user"}, "2233332321"),
    ("delete team", "POST", "/team/delete", {"team_ids": ["extra-{n}"]}, "2233333321"),
    ("new user", "POST", "/user/new", {"auto_create_key": False}, "2233333321"),
    ("user", "GET", "/user/info?user_id=owner", None, "2222333321"),
    ("foreign user", "GET", "/user/info?user_id=other", None, "2223333321"),
    ("user in short", "GET", "/v2/user/info?user_id=owner", None, "2222333321"),
    ("users", "GET", "/user/list", None, "2223333321"),
    ("alias of user", "POST", "/user/update", {"user_id": "owner", "user_alias": "o"}, "2232333321"),
    ("role of user", "POST", "/user/update", {"user_id": "owner", "user_role": "internal_user"}, "2233333321"),
    ("budget of user", "POST", "/user/update", {"user_id": "owner", "max_budget": None}, "2233333321"),
    ("models of user", "POST", "/user/update", {"user_id": "owner", "models": []}, "2233333321"),
    ("many users", "POST", "/user/bulk_update", {"users": [{"user_id": "owner", "user_alias": "x"}]}, "2233333321"),
    ("delete user", "POST", "/user/delete", {"user_ids": ["extra-{n}"]}, "2233333321"),
    ("models", "GET", "/v1/models", None, "2232222231"),
    ("state of the router", "GET", "/router/state", None, "2223333331"),
    ("explain", "POST", "/router/explain", {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}, "2233333331"),
    ("capabilities", "GET", "/capabilities", None, "2223333331"),
]  # fmt: skip


class World:
    """The objects of the table, and a key of each role."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        post = admin.post
        self.keys: dict[str, str] = {
            "M": admin.key,
            "A": admin.user_key("boss", "proxy_admin"),
            "V": admin.user_key("viewer", "proxy_admin_viewer"),
            "O": admin.user_key("owner"),
            "X": admin.user_key("stranger"),
            "R": admin.user_key("looker", "internal_user_viewer"),
            "T": admin.user_key("lead"),
            "K": post("/key/generate")["key"],
            "G": post("/key/generate", key_type="management")["key"],
        }
        admin.user_key("other")
        members = [{"user_id": "owner", "role": "user"}, {"user_id": "lead", "role": "admin"}]
        post("/team/new", team_id="t", members_with_roles=members)
        post("/team/new", team_id="f", members_with_roles=[{"user_id": "other", "role": "admin"}])

    def targets(self, text: str) -> dict[str, str]:
        """Fresh objects for one request, as far as it names them."""
        post, number = self.admin.post, next(_NUMBERS)
        found = {"n": str(number)}
        if "{own}" in text:
            found["own"] = post("/key/generate", user_id="owner")["key"]
        if "{made}" in text:
            found["made"] = self.admin.being(self.keys["O"]).post("/key/generate")["key"]
        if "{team}" in text:
            found["team"] = post("/key/generate", user_id="owner", team_id="t")["key"]
        if "{other}" in text:
            found["other"] = post("/key/generate", user_id="other")["key"]
        if "extra-" in text:
            post("/team/new", team_id=f"extra-{number}")
            post("/user/new", user_id=f"extra-{number}")
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    app = build(tmp_path_factory.mktemp("roles"))
    yield World(Admin(app.test_client()))
    app.extensions["patchbay"].close()


def fill(value: Any, found: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in found.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {name: fill(item, found) for name, item in value.items()}
    return [fill(item, found) for item in value] if isinstance(value, list) else value


CELLS = [
    pytest.param(*row[1:4], role, STATUS[row[4][position]], id=f"{row[0]}-{role}")
    for row in TABLE
    for position, role in enumerate(ROLES)
]


@pytest.mark.parametrize(("method", "path", "body", "role", "status"), CELLS)
def test_route_answers_as_the_table_says(
    world: World, method: str, path: str, body: dict[str, Any] | None, role: str, status: int
) -> None:
    found = world.targets(f"{path} {body}")
    caller = world.admin.being(world.keys.get(role, ""))
    response = caller.send(method, fill(path, found), fill(body, found))
    assert response.status_code == status, response.text
    if path == "/key/bulk_update" and status == 200 and role in "OXTK":
        # Each item is checked: what an administrator made for the owner is not raised by anybody else.
        assert response.json["successful_updates"] == []
    if status != 200:
        # A refusal repeats no other key.
        assert not any(key in response.text for name, key in found.items() if name != "n")


def test_table_is_whole() -> None:
    assert all(len(row[4]) == len(ROLES) for row in TABLE) and len(CELLS) > 700


@pytest.mark.parametrize("role", "OXRTKN")
def test_no_hash_of_another_key_is_seen(world: World, role: str, tmp_path: Path) -> None:
    from tests.accounts.test_key_routes import digest

    found = world.targets("{other}")
    caller = world.admin.being(world.keys.get(role, ""))
    for path in ("/key/list?return_full_object=true&size=100", "/key/aliases", "/team/list", "/v2/team/list", "/user/info",
                 "/team/info?team_id=t"):  # fmt: skip
        assert digest(found["other"]) not in caller.send("GET", path).text
