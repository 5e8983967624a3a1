"""The management API of the gateway's users: /user/*."""

from flask import Blueprint, Response

from proxy.web.management_request import answer, current_actor, read_fields, read_query
from proxy.web.serving import current_parts
from schemas import management as bodies

blueprint = Blueprint("users", __name__)


@blueprint.post("/user/new")
def create_user() -> Response:
    fields, ignored = read_fields(bodies.NEW_USER, may_be_empty=True)
    return answer(current_parts().accounts.users.create(current_actor(), fields), ignored)


@blueprint.post("/user/update")
def update_user() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_USER)
    return answer(current_parts().accounts.users.update(current_actor(), fields), ignored)


@blueprint.post("/user/bulk_update")
def update_users() -> Response:
    fields, ignored = read_fields(bodies.BULK_USERS)
    return answer(current_parts().accounts.users.update_many(current_actor(), fields), ignored)


@blueprint.post("/user/delete")
def delete_users() -> Response:
    fields, ignored = read_fields(bodies.DELETE_USERS)
    return answer(current_parts().accounts.users.delete(current_actor(), fields["user_ids"]), ignored)


@blueprint.get("/user/info")
def show_user() -> Response:
    return answer(current_parts().accounts.users.info(current_actor(), read_query(bodies.ONE_USER)["user_id"]))


@blueprint.get("/v2/user/info")
def show_user_shortly() -> Response:
    return answer(current_parts().accounts.users.short_info(current_actor(), read_query(bodies.ONE_USER)["user_id"]))


@blueprint.get("/user/list")
def list_users() -> Response:
    return answer(current_parts().accounts.users.page(current_actor(), read_query(bodies.PAGE_USERS)))
