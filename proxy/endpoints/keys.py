"""The management API of keys: /key/*."""

from flask import Blueprint, Response

from proxy.errors import BadRequestError
from proxy.web.management_request import answer, current_actor, read_fields, read_query
from proxy.web.serving import current_parts
from schemas import management as bodies

blueprint = Blueprint("keys", __name__)


@blueprint.post("/key/generate")
def generate_key() -> Response:
    fields, ignored = read_fields(bodies.GENERATE_KEY, may_be_empty=True)
    return answer(current_parts().accounts.keys.generate(current_actor(), fields), ignored)


@blueprint.post("/key/service-account/generate")
def generate_service_account() -> Response:
    fields, ignored = read_fields(bodies.GENERATE_KEY)
    keys = current_parts().accounts.keys
    return answer(keys.generate(current_actor(), fields, "/key/service-account/generate"), ignored)


@blueprint.post("/key/update")
def update_key() -> Response:
    fields, ignored = read_fields(bodies.UPDATE_KEY)
    return answer(current_parts().accounts.keys.update(current_actor(), fields), ignored)


@blueprint.post("/key/bulk_update")
def update_keys() -> Response:
    fields, ignored = read_fields(bodies.BULK_KEYS)
    return answer(current_parts().accounts.keys.bulk_update(current_actor(), fields["keys"]), ignored)


@blueprint.post("/team/key/bulk_update")
def update_keys_of_team() -> Response:
    fields, ignored = read_fields(bodies.TEAM_KEYS)
    return answer(current_parts().accounts.keys.update_of_team(current_actor(), fields), ignored)


@blueprint.post("/key/delete")
def delete_keys() -> Response:
    fields, ignored = read_fields(bodies.DELETE_KEYS)
    return answer(current_parts().accounts.keys.delete(current_actor(), fields), ignored)


@blueprint.post("/key/block")
def block_key() -> Response:
    fields, ignored = read_fields(bodies.BLOCK_KEY)
    return answer(current_parts().accounts.keys.set_blocked(current_actor(), fields["key"], blocked=True), ignored)


@blueprint.post("/key/unblock")
def unblock_key() -> Response:
    fields, ignored = read_fields(bodies.BLOCK_KEY)
    return answer(current_parts().accounts.keys.set_blocked(current_actor(), fields["key"], blocked=False), ignored)


@blueprint.post("/key/regenerate")
def regenerate_key() -> Response:
    """The key is in the body, or in the query as `?key=`."""
    fields, ignored = read_fields(bodies.REGENERATE_KEY, may_be_empty=True)
    key = fields.get("key") or read_query(bodies.ONE_KEY)["key"] or current_actor().token
    if key is None:
        raise BadRequestError("Missing required parameter: 'key'.", param="key")
    return answer(current_parts().accounts.keys.regenerate(current_actor(), key, fields), ignored)


@blueprint.post("/key/<key>/regenerate")
def regenerate_named_key(key: str) -> Response:
    fields, ignored = read_fields(bodies.REGENERATE_KEY, may_be_empty=True)
    return answer(current_parts().accounts.keys.regenerate(current_actor(), key, fields), ignored)


@blueprint.post("/key/<key>/reset_spend")
def reset_spend(key: str) -> Response:
    fields, ignored = read_fields(bodies.RESET_SPEND)
    return answer(current_parts().accounts.keys.reset_spend(current_actor(), key, fields["reset_to"]), ignored)


@blueprint.get("/key/info")
def show_key() -> Response:
    return answer(current_parts().accounts.key_views.info(current_actor(), read_query(bodies.ONE_KEY)["key"]))


@blueprint.post("/v2/key/info")
def show_keys() -> Response:
    fields, ignored = read_fields(bodies.KEYS_INFO)
    return answer(current_parts().accounts.key_views.several(current_actor(), fields["keys"]), ignored)


@blueprint.get("/key/list")
def list_keys() -> Response:
    return answer(current_parts().accounts.key_views.page(current_actor(), read_query(bodies.LIST_KEYS)))


@blueprint.get("/key/aliases")
def list_aliases() -> Response:
    return answer(current_parts().accounts.key_views.aliases(current_actor(), read_query(bodies.LIST_ALIASES)))


@blueprint.post("/key/health")
def check_key() -> Response:
    """The key of the request: identity has let it in."""
    return answer({"key": "healthy", "logging_callbacks": None})
