"""GET model/info and model_group/info: what is known of the models, for programs that choose among them."""

from flask import Blueprint, Response, jsonify, request

from proxy.domain.json_text.codec import loads
from proxy.web.serving import current_parts

blueprint = Blueprint("model_info", __name__)


@blueprint.get("/model/info")
def show_deployments() -> Response:
    """All deployments, or that of `?litellm_model_id=`."""
    return _masked(current_parts().inspection.model_info.entries(request.args.get("litellm_model_id")))


@blueprint.get("/model_group/info")
def show_groups() -> Response:
    """All groups, or that of `?model_group=`."""
    return _masked(current_parts().inspection.model_info.groups(request.args.get("model_group")))


def _masked(entries: list[dict[str, object]]) -> Response:
    """model_info is the operator's own words: a credential in it is masked."""
    text = jsonify(data=entries).get_data(as_text=True)
    return jsonify(loads(current_parts().settings.secrets.mask(text)))
