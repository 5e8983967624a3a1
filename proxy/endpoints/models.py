"""GET models and models/{id}: the names that a client may ask for, with a virtual key those that it may use.

In the form of the client's dialect: Anthropic's with `anthropic-version`, Google's below `/v1beta` and with a header of its
SDKs, Codex's with `?client_version=`, else OpenAI's.
"""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.dialects.gemini import GEMINI_DIALECT
from proxy.dialects.messages import MESSAGES_DIALECT
from proxy.errors import BadRequestError, NotFoundError
from proxy.web import model_forms
from proxy.web.current import current_caller
from proxy.web.model_forms import ListedModel
from proxy.web.serving import current_parts

blueprint = Blueprint("models", __name__)

_GOOGLES_HEADERS = ("x-goog-api-key", "x-goog-api-client")


@blueprint.get("/models")
@blueprint.get("/v1beta/models")
@blueprint.get("/v1alpha/models")
def list_models() -> Response:
    """`?return_wildcard_routes=true` adds the patterns, which are no names; `?healthy_only=true` leaves out those that cool
    down; `limit` and the dialects' own parameters ask for a page."""
    models = _usable()
    if "client_version" in request.args:
        return jsonify(model_forms.codex_list(_with_facts(models)))
    if "anthropic-version" in request.headers:
        shown, has_more = _after(models, request.args.get("after_id"), "limit")
        return jsonify(model_forms.anthropic_page(shown, has_more=has_more))
    if _is_googles():
        shown, has_more = _after(models, request.args.get("pageToken"), "pageSize")
        return jsonify(model_forms.google_page(_with_facts(shown), next_page=shown[-1].name if has_more else None))
    shown, _ = _after(models, request.args.get("after"), "limit")
    return jsonify(object="list", data=[model_forms.openai_entry(model) for model in shown])


@blueprint.get("/models/<path:name>")
@blueprint.get("/v1beta/models/<path:name>")
@blueprint.get("/v1alpha/models/<path:name>")
def show_model(name: str) -> Response:
    parts, account = current_parts(), current_caller().account
    asked = account.aliases.get(name, name) if account is not None else name
    allowed = account is None or parts.access.may_use(account, asked)
    owner = parts.inspection.models.owner(asked) if allowed else None
    if owner is None:
        return _missing(
            NotFoundError(f"The model '{name}' does not exist here.", param="model", code="model_not_found")
        )
    return jsonify(_entry(_with_facts([_listed(name, owner)])[0]))


def _missing(error: NotFoundError) -> Response:
    """The error in the form of the client that asks; at this path the dialect shows in its headers only."""
    dialect = MESSAGES_DIALECT if "anthropic-version" in request.headers else GEMINI_DIALECT if _is_googles() else None
    if dialect is None:
        raise error
    response = jsonify(dialect.write_error(error, current_caller().request_id))
    response.status_code = dialect.status_of(error)
    return response


def _entry(model: ListedModel) -> dict[str, Any]:
    if "anthropic-version" in request.headers:
        return model_forms.anthropic_entry(model)
    return model_forms.google_entry(model) if _is_googles() else model_forms.openai_entry(model)


def _is_googles() -> bool:
    return "/v1beta/" in request.path or "/v1alpha/" in request.path or any(map(request.headers.get, _GOOGLES_HEADERS))


def _usable() -> list[ListedModel]:
    parts, account = current_parts(), current_caller().account
    names = parts.inspection.models.names(patterns=_is_set("return_wildcard_routes"))
    if account is not None:
        names = parts.access.usable(account, names)
    if _is_set("healthy_only"):
        names = {name: owner for name, owner in names.items() if parts.inspection.is_healthy(name)}
    return [_listed(name, owner) for name, owner in names.items()]


def _listed(name: str, owner: str) -> ListedModel:
    return ListedModel(name, owner, current_parts().started_at)


def _with_facts(models: Sequence[ListedModel]) -> list[ListedModel]:
    """Limits and abilities of those that are groups; a name that only a wildcard matches has none."""
    known = {group["model_group"]: group for group in current_parts().inspection.model_info.groups()}
    return [model._replace(facts=known.get(model.name, {})) for model in models]


def _is_set(name: str) -> bool:
    return request.args.get(name, "").lower() in ("true", "1")


def _after(models: Sequence[ListedModel], last: str | None, parameter: str) -> tuple[Sequence[ListedModel], bool]:
    """The page behind the model of this name, and whether more follow. Raise BadRequestError for a wrong limit."""
    names = [model.name for model in models]
    models = models[names.index(last) + 1 :] if last in names else models
    given = request.args.get(parameter)
    if given is None:
        return models, False
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 10**6:
        raise BadRequestError(f"Invalid value for '{parameter}': must be a positive integer.", param=parameter)
    return models[: int(given)], len(models) > int(given)
