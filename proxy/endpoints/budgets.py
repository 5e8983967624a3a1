"""The management API of budgets that others refer to: /budget/*."""

from flask import Blueprint, Response

from proxy.web.management_request import answer, current_actor, read_fields
from proxy.web.serving import current_parts
from schemas import limited as bodies

blueprint = Blueprint("budgets", __name__)


@blueprint.post("/budget/new")
def create_budget() -> Response:
    fields, ignored = read_fields(bodies.NEW_BUDGET)
    return answer(current_parts().accounts.budgets.create(current_actor(), fields), ignored)


@blueprint.post("/budget/update")
def update_budget() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_BUDGET)
    return answer(current_parts().accounts.budgets.update(current_actor(), fields), ignored)


@blueprint.post("/budget/info")
def show_budgets() -> Response:
    fields, ignored = read_fields(bodies.BUDGETS_INFO)
    return answer(current_parts().accounts.budgets.info(current_actor(), fields["budgets"]), ignored)


@blueprint.get("/budget/list")
def list_budgets() -> Response:
    return answer(current_parts().accounts.budgets.list_all(current_actor()))


@blueprint.post("/budget/delete")
def delete_budget() -> Response:
    fields, ignored = read_fields(bodies.DELETE_BUDGET)
    return answer(current_parts().accounts.budgets.delete(current_actor(), [fields["id"]])[0], ignored)
