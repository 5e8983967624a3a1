"""Is the gateway alive, is it ready, and do its deployments answer?"""

from flask import Blueprint, Response, jsonify

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


@blueprint.get("/health")
def check_deployments() -> Response:
    """Ask every deployment for one token, for real."""
    healthy, unhealthy = current_parts().inspection.check_health()
    return jsonify(
        healthy_endpoints=healthy,
        unhealthy_endpoints=unhealthy,
        healthy_count=len(healthy),
        unhealthy_count=len(unhealthy),
    )
