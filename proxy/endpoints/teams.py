"""The management API of teams and their members: /team/*."""

from flask import Blueprint, Response

from proxy.web.management_request import answer, current_actor, read_fields, read_query
from proxy.web.serving import current_parts
from schemas import management as bodies

blueprint = Blueprint("teams", __name__)


@blueprint.post("/team/new")
def create_team() -> Response:
    fields, ignored = read_fields(bodies.NEW_TEAM, may_be_empty=True)
    return answer(current_parts().accounts.teams.create(current_actor(), fields), ignored)


@blueprint.post("/team/update")
def update_team() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_TEAM)
    return answer(current_parts().accounts.teams.update(current_actor(), fields), ignored)


@blueprint.patch("/team/<team_id>")
def patch_team(team_id: str) -> Response:
    fields, ignored = read_fields(bodies.PATCH_TEAM)
    return answer(current_parts().accounts.teams.patch(current_actor(), team_id, fields), ignored)


@blueprint.post("/team/delete")
def delete_teams() -> Response:
    fields, ignored = read_fields(bodies.DELETE_TEAMS)
    return answer(current_parts().accounts.teams.delete(current_actor(), fields["team_ids"]), ignored)


@blueprint.post("/team/block")
def block_team() -> Response:
    fields, ignored = read_fields(bodies.ONE_TEAM)
    return answer(current_parts().accounts.teams.set_blocked(current_actor(), fields["team_id"], blocked=True), ignored)


@blueprint.post("/team/unblock")
def unblock_team() -> Response:
    fields, ignored = read_fields(bodies.ONE_TEAM)
    return answer(
        current_parts().accounts.teams.set_blocked(current_actor(), fields["team_id"], blocked=False), ignored
    )


@blueprint.post("/team/model/add")
def add_models() -> Response:
    fields, ignored = read_fields(bodies.TEAM_MODELS)
    return answer(current_parts().accounts.teams.change_models(current_actor(), fields, add=True), ignored)


@blueprint.post("/team/model/delete")
def delete_models() -> Response:
    fields, ignored = read_fields(bodies.TEAM_MODELS)
    return answer(current_parts().accounts.teams.change_models(current_actor(), fields, add=False), ignored)


@blueprint.post("/team/member_add")
def add_member() -> Response:
    fields, ignored = read_fields(bodies.ADD_MEMBER)
    return answer(current_parts().accounts.members.add(current_actor(), fields), ignored)


@blueprint.post("/team/bulk_member_add")
def add_members() -> Response:
    fields, ignored = read_fields(bodies.ADD_MEMBERS)
    return answer(current_parts().accounts.members.add_many(current_actor(), fields), ignored)


@blueprint.post("/team/member_update")
def update_member() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_MEMBER)
    return answer(current_parts().accounts.members.update(current_actor(), fields), ignored)


@blueprint.post("/team/member_delete")
def delete_member() -> Response:
    fields, ignored = read_fields(bodies.DELETE_MEMBER)
    return answer(current_parts().accounts.members.remove(current_actor(), fields), ignored)


@blueprint.get("/team/<team_id>/members/me")
def show_own_membership(team_id: str) -> Response:
    return answer(current_parts().accounts.members.about_caller(current_actor(), team_id))


@blueprint.get("/team/info")
def show_team() -> Response:
    return answer(current_parts().accounts.teams.info(current_actor(), read_query(bodies.ONE_TEAM_QUERY)["team_id"]))


@blueprint.get("/team/list")
def list_teams() -> Response:
    return answer(current_parts().accounts.teams.list_all(current_actor(), read_query(bodies.LIST_TEAMS)))


@blueprint.get("/v2/team/list")
def page_teams() -> Response:
    return answer(current_parts().accounts.teams.page(current_actor(), read_query(bodies.PAGE_TEAMS)))


@blueprint.get("/team/available")
def list_available_teams() -> Response:
    """Teams that anyone may join: there are none."""
    return answer([])


@blueprint.get("/team/permissions_list")
def list_permissions() -> Response:
    team_id = read_query(bodies.ONE_TEAM_QUERY)["team_id"] or ""
    return answer(current_parts().accounts.teams.permissions(current_actor(), team_id))


@blueprint.post("/team/permissions_update")
def update_permissions() -> Response:
    fields, ignored = read_fields(bodies.TEAM_PERMISSIONS)
    return answer(current_parts().accounts.teams.set_permissions(current_actor(), fields), ignored)
