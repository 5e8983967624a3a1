"""GET model/info and model_group/info: what is known of the models, for programs that choose among them."""

import math
from typing import Any

from flask import Blueprint, Response, jsonify, request

from proxy.domain.json_text.codec import loads
from proxy.errors import BadRequestError, NotFoundError
from proxy.web.current import current_caller
from proxy.web.serving import current_parts

blueprint = Blueprint("model_info", __name__)

_LARGEST_PAGE = 1000


@blueprint.get("/model/info")
def show_deployments() -> Response:
    """All deployments, or that of `?litellm_model_id=`."""
    identifier = request.args.get("litellm_model_id")
    entries = current_parts().inspection.model_info.entries(identifier, _may_use)
    if identifier is not None and not entries:
        raise NotFoundError(f"There is no deployment with the id '{identifier}'.", param="litellm_model_id")
    return _masked({"data": _shown(entries)})


@blueprint.get("/v2/model/info")
def show_page() -> Response:
    """The deployments by pages: `page` from 1, `size`; `search` for a part of a group's or a model's name."""
    page, size = _positive("page", 1), min(_positive("size", 50), _LARGEST_PAGE)
    wanted = request.args.get("search", "").lower()
    identifier = request.args.get("modelId")
    entries = [
        entry
        for entry in current_parts().inspection.model_info.entries(identifier, _may_use)
        if wanted in entry["model_name"].lower() or wanted in entry["litellm_params"]["model"].lower()
    ]
    return _masked(
        {
            "data": _shown(entries[(page - 1) * size : page * size]),
            "total_count": len(entries),
            "current_page": page,
            "size": size,
            "total_pages": math.ceil(len(entries) / size),
        }
    )


@blueprint.get("/model_group/info")
def show_groups() -> Response:
    """All groups, or that of `?model_group=`."""
    return _masked({"data": current_parts().inspection.model_info.groups(request.args.get("model_group"), _may_use)})


def _may_use(group: str) -> bool:
    account = current_caller().account
    return account is None or current_parts().access.may_use(account, group)


def _positive(name: str, default: int) -> int:
    given = request.args.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 10**6:
        raise BadRequestError(f"Invalid value for '{name}': must be a positive integer.", param=name)
    return int(given)


def _shown(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Addresses of deployments are for the operator: a virtual key does not see them."""
    if current_caller().account is None:
        return entries
    return [{**entry, "litellm_params": _without_base(entry["litellm_params"])} for entry in entries]


def _without_base(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "api_base"}


def _masked(body: dict[str, Any]) -> Response:
    """model_info is the operator's own text: a credential in it is masked."""
    text = jsonify(body).get_data(as_text=True)
    return jsonify(loads(current_parts().settings.secrets.mask(text)))
