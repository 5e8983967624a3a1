"""The management API of organizations and their members: /organization/*."""

from flask import Blueprint, Response

from proxy.errors import BadRequestError
from proxy.web.management_request import answer, current_actor, read_fields, read_query
from proxy.web.serving import current_parts
from schemas import limited as bodies

blueprint = Blueprint("organizations", __name__)


@blueprint.post("/organization/new")
def create_organization() -> Response:
    fields, ignored = read_fields(bodies.NEW_ORGANIZATION)
    return answer(current_parts().accounts.organizations.create(current_actor(), fields), ignored)


@blueprint.patch("/organization/update")
def update_organization() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_ORGANIZATION)
    return answer(current_parts().accounts.organizations.update(current_actor(), fields), ignored)


@blueprint.delete("/organization/delete")
def delete_organizations() -> Response:
    fields, ignored = read_fields(bodies.DELETE_ORGANIZATIONS)
    return answer(current_parts().accounts.organizations.delete(current_actor(), fields["organization_ids"]), ignored)


@blueprint.get("/organization/list")
def list_organizations() -> Response:
    return answer(current_parts().accounts.organizations.list_all(current_actor()))


@blueprint.get("/organization/info")
def show_organization() -> Response:
    name = read_query(bodies.ONE_ORGANIZATION)["organization_id"]
    if name is None:
        raise BadRequestError("Name the organization: ?organization_id=", param="organization_id")
    return answer(current_parts().accounts.organizations.info(current_actor(), [name])[0])


@blueprint.post("/organization/member_add")
def add_members() -> Response:
    fields, ignored = read_fields(bodies.ORGANIZATION_MEMBERS)
    return answer(current_parts().accounts.organizations.add_members(current_actor(), fields), ignored)


@blueprint.patch("/organization/member_update")
def update_member() -> Response:
    fields, ignored = read_fields(bodies.ORGANIZATION_MEMBER)
    return answer(current_parts().accounts.organizations.update_member(current_actor(), fields), ignored)


@blueprint.delete("/organization/member_delete")
def delete_member() -> Response:
    fields, ignored = read_fields(bodies.ORGANIZATION_MEMBER)
    return answer(current_parts().accounts.organizations.remove_member(current_actor(), fields), ignored)
