"""The management API of tags with limits: /tag/*."""

from flask import Blueprint, Response

from proxy.web.management_request import answer, current_actor, read_fields
from proxy.web.serving import current_parts
from schemas import limited as bodies

blueprint = Blueprint("tags", __name__)


@blueprint.post("/tag/new")
def create_tag() -> Response:
    fields, ignored = read_fields(bodies.NEW_TAG)
    tag = current_parts().accounts.tags.create(current_actor(), fields)
    return answer({"message": f"Tag {tag['name']} created successfully", "tag": tag}, ignored)


@blueprint.post("/tag/update")
def update_tag() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_TAG)
    tag = current_parts().accounts.tags.update(current_actor(), fields)
    return answer({"message": f"Tag {tag['name']} updated successfully", "tag": tag}, ignored)


@blueprint.post("/tag/info")
def show_tags() -> Response:
    fields, ignored = read_fields(bodies.TAGS_INFO)
    tags = current_parts().accounts.tags.info(current_actor(), fields["names"])
    return answer({tag["name"]: tag for tag in tags}, ignored)


@blueprint.get("/tag/list")
def list_tags() -> Response:
    return answer(current_parts().accounts.tags.list_all(current_actor()))


@blueprint.post("/tag/delete")
def delete_tag() -> Response:
    fields, ignored = read_fields(bodies.DELETE_TAG)
    current_parts().accounts.tags.delete(current_actor(), [fields["name"]])
    return answer({"message": f"Tag {fields['name']} deleted successfully"}, ignored)
