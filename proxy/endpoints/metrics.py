"""GET metrics: for Prometheus. It needs the key, unless `require_auth_for_metrics_endpoint: false` opens it."""

from flask import Blueprint, Response

from proxy.errors import NotFoundError
from proxy.web.serving import current_parts

blueprint = Blueprint("metrics", __name__)
VIEWS = ("metrics.show_metrics", "metrics_v1.show_metrics")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """All workers' figures in the text format."""
    metrics = current_parts().observation.metrics
    if metrics is None:
        raise NotFoundError("Metrics are off: write `callbacks: [prometheus]` into litellm_settings.")
    return Response(metrics.render(), content_type=metrics.content_type)
