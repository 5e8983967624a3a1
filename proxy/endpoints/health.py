"""Is the gateway alive, is it ready, and do its deployments answer?"""

from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, request

from proxy.gateway.health_check import Report
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
    program of the machine, and any page of a browser on it, can send one. With checks in the background it is their report.
    """
    parts = current_parts()
    if parts.settings.general.background_health_checks and request.method == "GET":
        return _report(parts.health.report.healthy, parts.health.report.unhealthy)
    is_paid = parts.settings.master_key is not None or request.method == "POST"
    healthy, unhealthy = parts.inspection.check_health() if is_paid else parts.inspection.recent_health()
    return _report(healthy, unhealthy)


def _report(healthy: Sequence[Report], unhealthy: Sequence[Report]) -> Response:
    return jsonify(
        healthy_endpoints=list(healthy),
        unhealthy_endpoints=list(unhealthy),
        healthy_count=len(healthy),
        unhealthy_count=len(unhealthy),
    )
