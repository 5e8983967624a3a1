"""Is the gateway alive, is it ready, and do its deployments answer?"""

from flask import Blueprint, Response, jsonify, request

from proxy.web.identity import public
from proxy.web.serving import current_parts

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/liveliness")
@blueprint.get("/health/liveness")
@blueprint.get("/livez")
@public
def alive() -> Response:
    return jsonify("I'm alive!")


@blueprint.get("/health/readiness")
@blueprint.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """503 while the server drains: no new work, please."""
    if current_parts().streams.draining():
        return jsonify(status="shutting_down"), 503
    return jsonify(status="healthy", db="Not connected"), 200


@blueprint.route("/health", methods=["GET", "POST"])
def check_deployments() -> Response:
    """Call every deployment for one token, for real. Without a master key a GET costs that once a minute at most: any
    program of the machine, and any page of a browser on it, can send one."""
    parts = current_parts()
    is_paid = parts.settings.master_key is not None or request.method == "POST"
    healthy, unhealthy = parts.inspection.check_health() if is_paid else parts.inspection.recent_health()
    return jsonify(
        healthy_endpoints=healthy,
        unhealthy_endpoints=unhealthy,
        healthy_count=len(healthy),
        unhealthy_count=len(unhealthy),
    )
