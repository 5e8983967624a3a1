"""The management API of customers, the end users of callers: /customer/* and /end_user/*."""

from flask import Blueprint, Response

from proxy.errors import BadRequestError
from proxy.web.management_request import answer, current_actor, read_fields, read_query
from proxy.web.serving import current_parts
from schemas import limited as bodies

blueprint = Blueprint("customers", __name__)


@blueprint.post("/customer/new")
@blueprint.post("/end_user/new")
def create_customer() -> Response:
    fields, ignored = read_fields(bodies.NEW_CUSTOMER)
    return answer(current_parts().accounts.customers.create(current_actor(), fields), ignored)


@blueprint.post("/customer/update")
@blueprint.post("/end_user/update")
def update_customer() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_CUSTOMER)
    return answer(current_parts().accounts.customers.update(current_actor(), fields), ignored)


@blueprint.get("/customer/info")
@blueprint.get("/end_user/info")
def show_customer() -> Response:
    name = read_query(bodies.ONE_CUSTOMER)["end_user_id"]
    if name is None:
        raise BadRequestError("Name the customer: ?end_user_id=", param="end_user_id")
    return answer(current_parts().accounts.customers.info(current_actor(), [name])[0])


@blueprint.get("/customer/list")
@blueprint.get("/end_user/list")
def list_customers() -> Response:
    return answer(current_parts().accounts.customers.list_all(current_actor()))


@blueprint.post("/customer/delete")
@blueprint.post("/end_user/delete")
def delete_customers() -> Response:
    fields, ignored = read_fields(bodies.CUSTOMERS)
    deleted = current_parts().accounts.customers.delete(current_actor(), fields["user_ids"])
    message = f"Successfully deleted customers with ids: {fields['user_ids']}"
    return answer({"deleted_customers": len(deleted), "message": message}, ignored)


@blueprint.post("/customer/block")
@blueprint.post("/end_user/block")
def block_customers() -> Response:
    return _set_blocked(blocked=True)


@blueprint.post("/customer/unblock")
@blueprint.post("/end_user/unblock")
def unblock_customers() -> Response:
    return _set_blocked(blocked=False)


def _set_blocked(*, blocked: bool) -> Response:
    fields, ignored = read_fields(bodies.CUSTOMERS)
    rows = current_parts().accounts.customers.set(current_actor(), fields["user_ids"], blocked=blocked)
    return answer({"blocked_users": rows}, ignored)
